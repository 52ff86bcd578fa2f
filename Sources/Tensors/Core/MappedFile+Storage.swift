public import Foundations

extension MappedFile {
    /// The bytes of `range` as storage, without a copy.
    ///
    /// - Precondition: `range` is within the file.
    public func storage(of range: Range<Int>) -> Storage {
        Storage(wrapping: unsafeMutableBytes(range), keepingAlive: self)
    }
}
