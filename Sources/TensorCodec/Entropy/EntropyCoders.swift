import CKernels

/// The coders that an encoder may try on a plane, made when first used.
struct EntropyCoders {
    /// One attempt at a plane.
    struct Attempt {
        let coding: PlaneCoding
        /// The attempt must save so many percent of what is there already, because it takes longer to decode.
        var leastGain = 0
        /// About the bytes it will take, where that is known beforehand.
        var estimate: Int?
        let compress: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Int?
    }

    private let effort: EncodingEffort
    private lazy var deflateHuffman = Deflater(.huffmanOnly)
    private lazy var deflateRuns = Deflater(.runs)
    private lazy var deflateRepeats = Deflater(.repeats(level: effort == .best ? 9 : 6))
    #if Zstd
    private lazy var huffmanCoder = HuffmanCoder()
    private lazy var zstandardHuffman = ZstandardCompressor(.huffmanOnly)
    private lazy var zstandardRepeats = ZstandardCompressor(.repeats(level: effort == .best ? 19 : 3))
    #endif

    init(effort: EncodingEffort) {
        self.effort = effort
    }

    /// Bytes that any coder needs to be sure of room for `byteCount` bytes.
    static func bound(_ byteCount: Int) -> Int {
        mr_rans_bound(byteCount) + 1024
    }

    /// Calls `body` with each attempt worth making at a plane, the ones that are fast to decode first.
    ///
    /// - Parameter histogram: That of the plane or of a sample; at least two different bytes.
    mutating func forEachAttempt(
        at plane: UnsafeRawBufferPointer, _ histogram: borrowing PlaneHistogram, repeats: Bool,
        _ body: (Attempt) -> Void
    ) {
        let estimate = histogram.ransEstimate(byteCount: plane.count)
        #if Zstd
        // Huffman codes have at least one bit for every byte.
        if estimate > plane.count / 8 { body(huffman(histogram)) }
        body(rans(histogram, leastGain: effort == .best ? 1 : 10, estimate: estimate))
        if repeats { body(Attempt(coding: .zstd, compress: zstandardRepeats.compress)) }
        let tryDeflate = effort == .best
        #else
        body(rans(histogram, leastGain: 0, estimate: estimate))
        let tryDeflate = effort == .best || repeats
        #endif
        guard tryDeflate else { return }
        if effort == .best {
            body(Attempt(coding: .deflate, leastGain: 1, compress: deflateHuffman.compress))
        }
        if repeats {
            body(Attempt(coding: .deflate, leastGain: 1, compress: deflateRuns.compress))
            body(Attempt(coding: .deflate, leastGain: 1, compress: deflateRepeats.compress))
        }
    }

    /// Whether a coder that looks for repeats beats the entropy of three samples, 12 KiB in all, in one of them.
    ///
    /// - Parameter target: Room for the coded sample.
    mutating func repeatsPay(
        on plane: UnsafeRawBufferPointer, target: UnsafeMutableRawBufferPointer
    ) -> Bool {
        var histogram = PlaneHistogram()
        let sampleByteCount = 4096
        for place in [1, 3, 5] {
            let start = (plane.count - sampleByteCount) * place / 6
            let sample = UnsafeRawBufferPointer(rebasing: plane[start..<(start + sampleByteCount)])
            histogram.count(sample)
            #if Zstd
            let byteCount = zstandardRepeats.compress(sample, into: target)
            #else
            let byteCount = deflateRepeats.compress(sample, into: target)
            #endif
            if let byteCount, byteCount < histogram.ransEstimate(byteCount: sampleByteCount) { return true }
        }
        return false
    }

    #if Zstd
    private mutating func huffman(_ histogram: borrowing PlaneHistogram) -> Attempt {
        let zstandard = zstandardHuffman
        // zstd has codes for each 128 KiB, which saves a little.
        guard effort == .fast else { return Attempt(coding: .zstd, compress: zstandard.compress) }
        let expected = histogram.counts
        let countedByteCount = histogram.byteCount
        let coder = huffmanCoder
        return Attempt(coding: .zstd) { plane, target in
            coder.compress(plane, expected, countedByteCount: countedByteCount, into: target)
                ?? zstandard.compress(plane, into: target)
        }
    }
    #endif

    private func rans(
        _ histogram: borrowing PlaneHistogram, leastGain: Int, estimate: Int
    ) -> Attempt {
        let counts = histogram.counts
        let countedByteCount = histogram.byteCount
        return Attempt(coding: .rans, leastGain: leastGain, estimate: estimate) { plane, target in
            let start = plane.bindMemory(to: UInt8.self).baseAddress
            // The coder needs every byte to have a frequency.
            if countedByteCount != plane.count { mr_histogram(start, plane.count, counts) }
            return mr_rans_encode(
                start, plane.count, counts, target.bindMemory(to: UInt8.self).baseAddress)
        }
    }
}
