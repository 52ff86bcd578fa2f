import CKernels

/// Looks at eight thousand elements of a chunk, in sixteen pieces, before the whole of it is split into planes.
struct ElementSample: ~Copyable {
    private static let pieceCount = 16
    private static let piece = 512

    /// Below this a plane is looked at as a whole.
    static let leastElementCount = 32768

    private var planes = ScratchBuffer()
    private var histogram = PlaneHistogram()
    private var starts = [UnsafeMutablePointer<UInt8>?](repeating: nil, count: 8)

    /// Bits per byte above which a lowest plane is stored as it is. What little a coder would save of it, the low
    /// bits of random numbers that were made with few random bits, costs more time than everything else.
    private static let noiseEntropy = 7.8

    /// The number of planes, from the lowest on, that are noise.
    ///
    /// - Parameter elements: Floats of `width` bytes.
    mutating func leadingNoisePlaneCount(_ elements: UnsafeRawPointer, elementCount: Int, width: Int) -> Int {
        guard elementCount >= Self.leastElementCount else { return 0 }
        let sampled = Self.pieceCount * Self.piece
        let bytes = planes.reserve(sampled * width).assumingMemoryBound(to: UInt8.self)
        let distance = (elementCount - Self.piece) / (Self.pieceCount - 1)
        for piece in 0..<Self.pieceCount {
            for plane in 0..<width { starts[plane] = bytes + plane * sampled + piece * Self.piece }
            mr_split_planes(
                MR_CPU_IN_USE, elements + piece * distance * width, Self.piece, width, true, starts)
        }
        for plane in 0..<width {
            let sample = UnsafeRawBufferPointer(start: bytes + plane * sampled, count: sampled)
            histogram.count(sample)
            guard histogram.entropy > Self.noiseEntropy,
                PlaneHistogram.equalNeighbours(in: sample) < PlaneHistogram.fewNeighbours
            else { return plane }
        }
        return width
    }
}
