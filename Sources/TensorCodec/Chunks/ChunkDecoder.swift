import CKernels
import Glibc

/// Restores chunks, one after the other.
///
/// A decoder keeps its memory and its decompressors from one chunk to the next: make one per thread. It accepts any
/// bytes, from anywhere: what is no encoded chunk throws.
public final class ChunkDecoder {
    private var planes = PlaneDecoder()
    private var split = ScratchBuffer()
    private var differences = ScratchBuffer()
    private var classes = mr_delta_classes()
    private var pieceStarts: [UnsafePointer<UInt8>?] = []
    private var planeStarts = [UnsafePointer<UInt8>?](repeating: nil, count: 8)

    /// Makes a decoder; memory comes with the first chunk.
    public init() {}

    /// Restores a chunk.
    ///
    /// - Parameters:
    ///   - encoded: What `ChunkEncoder` made.
    ///   - codec: How it was made.
    ///   - base: The decoded chunk that a delta was made from; ignored by other codecs.
    ///   - target: As long as the chunk was. Must not overlap the others. Its contents are unspecified after an error.
    /// - Throws: `CodecError` if this is not the encoding of a chunk of that length. Damage that yields another
    ///   chunk of the same length is not noticed: compare a checksum.
    public func decode(
        _ encoded: UnsafeRawBufferPointer, codec: ChunkCodec, base: UnsafeRawBufferPointer? = nil,
        into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) {
        switch codec {
        case .raw: try decodeRaw(encoded, into: target)
        case .planes: try decodePlanes(encoded, into: target)
        case .floatDelta, .integerDelta: try decodeDelta(encoded, codec: codec, base: base, into: target)
        case .whole: try decodeWhole(encoded, into: target)
        default: throw .unknownCodec(codec.rawValue)
        }
    }

    private func decodeRaw(
        _ encoded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) {
        guard encoded.count == target.count else {
            throw .wrongByteCount(expected: target.count, found: encoded.count)
        }
        target.copyMemory(from: encoded)
    }

    private func decodeWhole(
        _ encoded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) {
        var reader = ChunkReader(encoded)
        try readPlane(from: &reader, to: target)
        try reader.requireEnd()
    }

    private func decodePlanes(
        _ encoded: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) {
        var reader = ChunkReader(encoded)
        let kind = try readKind(from: &reader) { _ in true }
        let width = kind.byteWidth
        let elementCount = target.count / width
        let elements = UnsafeMutableRawBufferPointer(rebasing: target[..<(elementCount * width)])
        if width == 1 {
            try readPlane(from: &reader, to: elements)
        } else if let start = elements.baseAddress, elementCount > 0 {
            try findPlanes(in: &reader, width: width, elementCount: elementCount)
            mr_merge_planes(MR_CPU_IN_USE, planeStarts, elementCount, width, kind.isFloat, start)
        }
        try readTail(from: &reader, of: target, startingAt: elements.count)
    }

    /// Whether a chunk's encoding of codec `planes` restores it: what decoding and comparing says, a piece after the other,
    /// so that what is decoded stays in the processor's cache.
    ///
    /// - Throws: As ``decode(_:codec:base:into:)``.
    package func restoresPlanes(
        _ encoded: UnsafeRawBufferPointer, of chunk: UnsafeRawBufferPointer
    ) throws(CodecError) -> Bool {
        var reader = ChunkReader(encoded)
        let kind = try readKind(from: &reader) { _ in true }
        let width = kind.byteWidth
        let elementCount = chunk.count / width
        var isEqual = true
        if let start = chunk.baseAddress, elementCount > 0 {
            if width == 1 {
                let room = UnsafeMutableRawBufferPointer(
                    start: split.reserve(elementCount), count: elementCount)
                let plane = try planes.readPlane(from: &reader, into: room)
                isEqual = plane.baseAddress.map { memcmp($0, start, elementCount) == 0 } ?? false
            } else {
                try findPlanes(in: &reader, width: width, elementCount: elementCount)
                isEqual = mergedPlanesEqual(start, elementCount: elementCount, kind: kind)
            }
        }
        let tail = try reader.read(chunk.count - elementCount * width)
        try reader.requireEnd()
        return isEqual && tail.elementsEqual(chunk[(elementCount * width)...])
    }

    /// Points ``planeStarts`` to planes, decoded to scratch memory or where they lie.
    private func findPlanes(
        in reader: inout ChunkReader, width: Int, elementCount: Int
    ) throws(CodecError) {
        let scratch = split.reserve(elementCount * width)
        for plane in 0..<width {
            let bytes = try planes.readPlane(
                from: &reader,
                into: UnsafeMutableRawBufferPointer(start: scratch + plane * elementCount, count: elementCount))
            planeStarts[plane] = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        }
    }

    /// Whether the planes at ``planeStarts``, which it moves, merge to these elements.
    private func mergedPlanesEqual(_ elements: UnsafeRawPointer, elementCount: Int, kind: ElementKind) -> Bool {
        let width = kind.byteWidth
        let pieceCount = 2048
        let merged = differences.reserve(pieceCount * width)
        for start in stride(from: 0, to: elementCount, by: pieceCount) {
            let count = min(pieceCount, elementCount - start)
            mr_merge_planes(MR_CPU_IN_USE, planeStarts, count, width, kind.isFloat, merged)
            guard memcmp(merged, elements + start * width, count * width) == 0 else { return false }
            for plane in 0..<width { planeStarts[plane]? += count }
        }
        return true
    }

    private func decodeDelta(
        _ encoded: UnsafeRawBufferPointer, codec: ChunkCodec, base: UnsafeRawBufferPointer?,
        into target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) {
        guard let base else { throw .missingBase }
        guard base.count == target.count else {
            throw .wrongBaseByteCount(expected: target.count, found: base.count)
        }
        var reader = ChunkReader(encoded)
        let kind = try readKind(from: &reader) { $0.isFloat == (codec == .floatDelta) }
        let width = kind.byteWidth
        let elementCount = target.count / width
        if let start = target.baseAddress, let baseStart = base.baseAddress, elementCount > 0 {
            var classCounts = [elementCount]
            if let format = kind.floatFormat {
                mr_delta_classify(format, baseStart, elementCount, &classes)
                classCounts = classes.elementCounts
            }
            let unsplit = differences.reserve(elementCount * width)
            try readDifferences(from: &reader, width: width, classCounts: classCounts, into: unsplit)
            if let format = kind.floatFormat {
                mr_float_undelta(MR_CPU_IN_USE, format, unsplit, baseStart, elementCount, &classes, start)
            } else {
                mr_integer_undelta(MR_CPU_IN_USE, unsplit, baseStart, elementCount, width, start)
            }
        }
        try readTail(from: &reader, of: target, startingAt: elementCount * width)
    }

    /// Reads planes, each in one piece per class, and merges them class by class. Pieces that are stored as they
    /// are, as those of low bits mostly are, are merged from where they lie.
    private func readDifferences(
        from reader: inout ChunkReader, width: Int, classCounts: [Int], into unsplit: UnsafeMutableRawPointer
    ) throws(CodecError) {
        if width == 1 {
            var start = unsplit
            for count in classCounts {
                try readPlane(from: &reader, to: UnsafeMutableRawBufferPointer(start: start, count: count))
                start += count
            }
            return
        }
        pieceStarts.removeAll(keepingCapacity: true)
        var target = split.reserve(classCounts.reduce(0, +) * width)
        for _ in 0..<width {
            for count in classCounts {
                guard count > 0 else {
                    pieceStarts.append(UnsafePointer(target.assumingMemoryBound(to: UInt8.self)))
                    continue
                }
                let piece = try planes.readPlane(
                    from: &reader, into: UnsafeMutableRawBufferPointer(start: target, count: count))
                pieceStarts.append(piece.assumingMemoryBound(to: UInt8.self).baseAddress)
                target += count
            }
        }
        var start = unsplit
        for (index, count) in classCounts.enumerated() {
            for plane in 0..<width { planeStarts[plane] = pieceStarts[plane * classCounts.count + index] }
            mr_merge_planes(MR_CPU_IN_USE, planeStarts, count, width, false, start)
            start += count * width
        }
    }

    private func readKind(
        from reader: inout ChunkReader, where isAllowed: (ElementKind) -> Bool
    ) throws(CodecError) -> ElementKind {
        let byte = try reader.readByte()
        guard let kind = ElementKind(rawValue: byte), isAllowed(kind) else { throw .unknownElementKind(byte) }
        return kind
    }

    /// Reads a plane to where it belongs.
    private func readPlane(
        from reader: inout ChunkReader, to target: UnsafeMutableRawBufferPointer
    ) throws(CodecError) {
        guard target.count > 0 else { return }
        let bytes = try planes.readPlane(from: &reader, into: target)
        if bytes.baseAddress != UnsafeRawPointer(target.baseAddress) { target.copyMemory(from: bytes) }
    }

    /// Reads the bytes after the last whole element, which must end the chunk.
    private func readTail(
        from reader: inout ChunkReader, of target: UnsafeMutableRawBufferPointer, startingAt offset: Int
    ) throws(CodecError) {
        let tail = UnsafeMutableRawBufferPointer(rebasing: target[offset...])
        tail.copyMemory(from: try reader.read(tail.count))
        try reader.requireEnd()
    }
}
