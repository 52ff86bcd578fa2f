extension Array where Element == UInt8 {
    /// Calls `body` with a copy of the bytes at an address that is `offset` after an aligned one.
    package func withCopy<Result>(
        misalignedBy offset: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count + offset + 1, alignment: 64)
        defer { memory.deallocate() }
        let copy = UnsafeMutableRawBufferPointer(rebasing: memory[offset..<(offset + count)])
        copy.copyBytes(from: self)
        return try body(UnsafeRawBufferPointer(copy))
    }
}
