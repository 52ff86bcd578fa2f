import CKernels

/// How often each byte value occurs in a plane, or in a sample of it.
struct PlaneHistogram: ~Copyable {
    let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
    /// Bytes that were counted.
    private(set) var byteCount = 0

    deinit { counts.deallocate() }

    /// Counts all bytes.
    mutating func count(_ bytes: UnsafeRawBufferPointer) {
        mr_histogram(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, counts)
        byteCount = bytes.count
    }

    /// Counts at most eight thousand bytes, from all over.
    mutating func sample(_ bytes: UnsafeRawBufferPointer) {
        byteCount = mr_sampled_histogram(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, counts)
    }

    /// Bits per byte, of order 0.
    var entropy: Double { mr_entropy(counts, byteCount) }

    /// The probability that two independent bytes are equal.
    var collisionProbability: Double { mr_collision_probability(counts, byteCount) }

    /// Whether no entropy coder is worth its time.
    var isNoise: Bool { entropy > 7.9 }

    /// About the bytes that rANS takes for `byteCount` bytes of this distribution.
    func ransEstimate(byteCount: Int) -> Int { mr_rans_estimate(counts, self.byteCount, byteCount) }

    /// Bytes that equal the byte before them, as a part of all.
    static func equalNeighbours(in bytes: UnsafeRawBufferPointer) -> Double {
        Double(mr_equal_neighbours(MR_CPU_IN_USE, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
            / Double(bytes.count)
    }

    /// The part of equal neighbours below which a plane without structure has no runs either.
    static let fewNeighbours = 1.0 / 64
}
