import Checkpoints
import Foundations
import Tensors

extension FileLayout {
    /// Makes a file of this layout that appears at `path` once it is complete.
    ///
    /// - Parameters:
    ///   - mayReplace: Whether a file that is there already gives way.
    ///   - fill: Writes the bytes of all ``ranges``, given as memory of the file in the same order.
    /// - Throws: `FileError`, and what `fill` throws. No file is left behind then.
    package func write(
        to path: String, mayReplace: Bool, fill: ([UnsafeMutableRawBufferPointer]) throws -> Void
    ) throws {
        let output = try OutputFile(path: path, byteCount: byteCount, mayReplace: mayReplace)
        put(literals, in: output)
        let ranges = ranges
        try fill(ranges.map { UnsafeMutableRawBufferPointer(rebasing: output.bytes[$0]) })
        if hasChecksums {
            let crc32s = ConcurrentMap.map(ranges) { range in
                CRC32(UnsafeRawBufferPointer(rebasing: output.bytes[range])).value
            }
            put(checksumLiterals(crc32s: crc32s), in: output)
        }
        try output.commit()
    }

    private func put(_ literals: [FileLiteral], in output: OutputFile) {
        for literal in literals {
            let range = literal.offset..<literal.offset + literal.bytes.count
            UnsafeMutableRawBufferPointer(rebasing: output.bytes[range]).copyBytes(from: literal.bytes)
        }
    }
}
