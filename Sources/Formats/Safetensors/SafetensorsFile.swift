import OrderedCollections

/// Where the tensors of a safetensors file lie.
package enum SafetensorsFile {
    /// The bytes of each tensor, in the order of the header.
    ///
    /// - Parameter file: All bytes of a file.
    /// - Throws: ``SafetensorsError``.
    package static func tensorRanges(in file: UnsafeRawBufferPointer) throws -> [Range<Int>] {
        try SafetensorsHeader(file).entries.values.map(\.range)
    }
}
