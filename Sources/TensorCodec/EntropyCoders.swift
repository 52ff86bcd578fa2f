/// The coders that an encoder may try on a plane, made when first used.
struct EntropyCoders {
    typealias Compress = (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Int?

    private let effort: EncodingEffort
    private lazy var deflateHuffman = Deflater(.huffmanOnly)
    private lazy var deflateRuns = Deflater(.runs)
    private lazy var deflateRepeats = Deflater(.repeats(level: effort == .best ? 9 : 6))
    #if Zstd
    private lazy var zstandardHuffman = ZstandardCompressor(.huffmanOnly)
    private lazy var zstandardRepeats = ZstandardCompressor(.repeats(level: effort == .best ? 19 : 3))
    #endif

    init(effort: EncodingEffort) {
        self.effort = effort
    }

    /// Bytes that any coder needs to be sure of room for `byteCount` bytes, and some more.
    static func bound(_ byteCount: Int) -> Int {
        byteCount + byteCount / 128 + 1024
    }

    /// Calls `attempt` with each coder worth trying, the ones that are fast to decode first.
    mutating func forEach(
        repeats: Bool, _ attempt: (_ coding: PlaneCoding, _ isSlowToDecode: Bool, _ compress: Compress) -> Void
    ) {
        #if Zstd
        attempt(.zstd, false, zstandardHuffman.compress)
        if repeats {
            attempt(.zstd, false, zstandardRepeats.compress)
        }
        guard effort == .best else { return }
        attempt(.deflate, true, deflateHuffman.compress)
        if repeats {
            attempt(.deflate, true, deflateRuns.compress)
            attempt(.deflate, true, deflateRepeats.compress)
        }
        #else
        attempt(.deflate, false, deflateHuffman.compress)
        if repeats {
            attempt(.deflate, false, deflateRuns.compress)
            attempt(.deflate, false, deflateRepeats.compress)
        }
        #endif
    }
}
