import CKernels

/// Reads planes as `PlaneEncoder` writes them.
struct PlaneDecoder {
    private lazy var inflater = Inflater()
    #if Zstd
    private lazy var zstandard = ZstandardDecompressor()
    #endif

    /// Reads the next plane.
    ///
    /// - Parameter target: As long as the plane, and not empty.
    /// - Returns: The plane's bytes: `target`, or a part of the encoded chunk if it holds the plane as it is.
    mutating func readPlane(
        from reader: inout ChunkReader, into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> UnsafeRawBufferPointer {
        let offset = reader.offset
        let code = try reader.readByte()
        guard let coding = PlaneCoding(rawValue: code) else {
            throw .unknownPlaneCoding(code, offset: offset)
        }
        switch coding {
        case .constant:
            let value = try reader.readByte()
            target.initializeMemory(as: UInt8.self, repeating: value)
        case .raw:
            return try reader.read(target.count)
        case .zstd:
            #if Zstd
            let source = try reader.read(try reader.readLength())
            guard zstandard.decompress(source, into: target) else { throw .damagedPlane(offset: offset) }
            #else
            throw .zstdUnavailable
            #endif
        case .deflate:
            let source = try reader.read(try reader.readLength())
            guard inflater.decompress(source, into: target) else { throw .damagedPlane(offset: offset) }
        case .rans:
            let source = try reader.read(try reader.readLength())
            let isWhole = mr_rans_decode(
                source.bindMemory(to: UInt8.self).baseAddress, source.count,
                target.bindMemory(to: UInt8.self).baseAddress, target.count)
            guard isWhole else { throw .damagedPlane(offset: offset) }
        }
        return UnsafeRawBufferPointer(target)
    }
}
