import CKernels

/// One chunk in the form that is stored.
public struct EncodedChunk: Sendable {
    /// How to read `bytes`.
    public let codec: ChunkCodec
    /// What to store; never more than the chunk had.
    public let bytes: [UInt8]

    init(_ view: EncodedView) {
        codec = view.codec
        bytes = [UInt8](view.bytes)
    }
}

/// One chunk in the form that is stored, in memory that is somebody else's.
package typealias EncodedView = (codec: ChunkCodec, bytes: UnsafeRawBufferPointer)

/// Compresses chunks, one after the other.
///
/// An encoder keeps its memory and its compressors from one chunk to the next: make one per thread. The same chunk
/// always has the same encoding, as long as the compression libraries are the same.
///
/// A chunk may have any length, also one that is not a multiple of the element's width, and any alignment.
public final class ChunkEncoder {
    private var planes: PlaneEncoder
    private var wholeChunk: PlaneEncoder
    private var output = ScratchBuffer()
    private var wholeOutput = ScratchBuffer()
    private var sample = ElementSample()
    private var split = ScratchBuffer()
    private var planeStarts = [UnsafeMutablePointer<UInt8>?](repeating: nil, count: mostPlanes)
    private var differences = ScratchBuffer()
    private var classes = mr_delta_classes()

    /// Bytes of the widest element.
    private static let mostPlanes = 8

    /// - Parameter effort: How hard to look for a shorter encoding.
    public init(effort: EncodingEffort = .fast) {
        planes = PlaneEncoder(effort: effort)
        wholeChunk = PlaneEncoder(effort: effort)
    }

    /// Encodes a chunk on its own.
    ///
    /// - Parameter kind: What the bytes are. A wrong kind costs compression, never correctness.
    /// - Returns: Codec `raw`, `planes` or `whole`, whichever is shortest.
    public func encode(_ chunk: UnsafeRawBufferPointer, as kind: ElementKind) -> EncodedChunk {
        EncodedChunk(encodeInPlace(chunk, as: kind))
    }

    /// As ``encode(_:as:)``, without a copy.
    ///
    /// - Returns: Bytes in the encoder's memory, or `chunk` itself; valid until the encoder is used again.
    package func encodeInPlace(_ chunk: UnsafeRawBufferPointer, as kind: ElementKind) -> EncodedView {
        encode(chunk, as: kind, at: output.reserve(Self.bound(chunk.count)))
    }

    /// The memory that ``encode(_:as:into:)`` needs for a chunk.
    package static func bound(_ byteCount: Int) -> Int {
        PlaneEncoder.bound(byteCount, planeCount: Self.mostPlanes)
    }

    /// As ``encode(_:as:)``, to where the encoding is to stay.
    ///
    /// - Parameter target: At least ``bound(_:)`` bytes; what lies behind the encoding is unspecified afterwards.
    /// - Returns: The encoding, at the beginning of `target`.
    package func encode(
        _ chunk: UnsafeRawBufferPointer, as kind: ElementKind, into target: UnsafeMutableRawBufferPointer
    ) -> EncodedView {
        precondition(target.count >= Self.bound(chunk.count), "\(target.count) bytes to encode \(chunk.count)")
        guard let start = target.baseAddress else { return (.raw, chunk) }
        let encoded = encode(chunk, as: kind, at: start)
        if encoded.bytes.baseAddress != UnsafeRawPointer(start) { target.copyMemory(from: encoded.bytes) }
        return (
            encoded.codec,
            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[..<encoded.bytes.count])
        )
    }

    private func encode(
        _ chunk: UnsafeRawBufferPointer, as kind: ElementKind, at target: UnsafeMutableRawPointer
    ) -> EncodedView {
        let elementCount = chunk.count / kind.byteWidth
        guard let start = chunk.baseAddress, elementCount > 0 else { return (.raw, chunk) }

        planes.start(at: target)
        planes.append(kind.rawValue)
        var tryWhole = false
        if kind == .bytes {
            planes.appendPlane(chunk, mayRepeat: true)
        } else {
            tryWhole = appendPlanes(start, elementCount: elementCount, kind: kind)
            planes.append(UnsafeRawBufferPointer(rebasing: chunk[(elementCount * kind.byteWidth)...]))
        }
        if tryWhole {
            wholeChunk.start(at: wholeOutput.reserve(PlaneEncoder.bound(chunk.count, planeCount: 1)))
            wholeChunk.appendPlane(chunk, mayRepeat: true)
            if wholeChunk.byteCount < min(planes.byteCount, chunk.count) {
                return (.whole, wholeChunk.encoded)
            }
        }
        guard planes.byteCount < chunk.count else { return (.raw, chunk) }
        return (.planes, planes.encoded)
    }

    /// Splits elements into planes and writes these.
    ///
    /// - Returns: Whether repeats were tried on the last plane.
    private func appendPlanes(_ elements: UnsafeRawPointer, elementCount: Int, kind: ElementKind) -> Bool {
        let width = kind.byteWidth
        let scratch = split.reserve(elementCount * width)
        // The lowest planes of floats are noise mostly. They are written to where they stay.
        let noiseCount =
            kind.isFloat ? sample.leadingNoisePlaneCount(elements, elementCount: elementCount, width: width) : 0
        for plane in 0..<width {
            planeStarts[plane] =
                (plane < noiseCount
                ? planes.appendRaw(byteCount: elementCount) : scratch + plane * elementCount)
                .assumingMemoryBound(to: UInt8.self)
        }
        mr_split_planes(MR_CPU_IN_USE, elements, elementCount, width, kind.isFloat, planeStarts)
        var triedRepeats = false
        for plane in noiseCount..<width {
            // Integers may count or cycle, which no histogram shows. The last plane of floats has the exponents:
            // where it has runs, so may whole elements.
            triedRepeats = planes.appendPlane(
                UnsafeRawBufferPointer(start: scratch + plane * elementCount, count: elementCount),
                mayRepeat: !kind.isFloat)
        }
        return triedRepeats
    }

    /// Encodes a chunk as its difference from another.
    ///
    /// - Parameters:
    ///   - chunk: What to encode.
    ///   - base: What the decoder will be given; as long as `chunk`.
    ///   - kind: What the bytes of both are.
    /// - Returns: Codec `floatDelta` or `integerDelta`, or `raw` if that is no longer.
    public func encodeDelta(
        _ chunk: UnsafeRawBufferPointer, from base: UnsafeRawBufferPointer, as kind: ElementKind
    ) -> EncodedChunk {
        EncodedChunk(encodeDeltaInPlace(chunk, from: base, as: kind))
    }

    /// As ``encodeDelta(_:from:as:)``, without a copy.
    ///
    /// - Returns: Bytes in the encoder's memory, or `chunk` itself; valid until the encoder is used again.
    package func encodeDeltaInPlace(
        _ chunk: UnsafeRawBufferPointer, from base: UnsafeRawBufferPointer, as kind: ElementKind
    ) -> EncodedView {
        precondition(chunk.count == base.count, "delta of \(chunk.count) bytes from \(base.count)")
        let width = kind.byteWidth
        let elementCount = chunk.count / width
        guard let start = chunk.baseAddress, let baseStart = base.baseAddress, elementCount > 0 else {
            return (.raw, chunk)
        }
        let unsplit = differences.reserve(elementCount * width)
        var classCounts = [elementCount]
        if let format = kind.floatFormat {
            mr_delta_classify(format, baseStart, elementCount, &classes)
            classCounts = classes.elementCounts
            mr_float_delta(MR_CPU_IN_USE, format, start, baseStart, elementCount, &classes, unsplit)
        } else {
            mr_integer_delta(MR_CPU_IN_USE, start, baseStart, elementCount, width, unsplit)
        }
        var planeStart = UnsafeRawPointer(unsplit)
        if width > 1 {
            let target = split.reserve(elementCount * width)
            for plane in 0..<width {
                planeStarts[plane] = (target + plane * elementCount).assumingMemoryBound(to: UInt8.self)
            }
            mr_split_planes(MR_CPU_IN_USE, unsplit, elementCount, width, false, planeStarts)
            planeStart = UnsafeRawPointer(target)
        }
        let room = PlaneEncoder.bound(chunk.count, planeCount: width * classCounts.count)
        planes.start(at: output.reserve(room))
        planes.append(kind.rawValue)
        for _ in 0..<width {
            for count in classCounts {
                planes.appendPlane(
                    UnsafeRawBufferPointer(start: planeStart, count: count), mayRepeat: !kind.isFloat)
                planeStart += count
            }
        }
        planes.append(UnsafeRawBufferPointer(rebasing: chunk[(elementCount * width)...]))
        guard planes.byteCount < chunk.count else { return (.raw, chunk) }
        return (kind.isFloat ? .floatDelta : .integerDelta, planes.encoded)
    }
}
