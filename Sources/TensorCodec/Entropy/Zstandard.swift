#if Zstd
import CZstd

/// A zstd compressor with one set of parameters, reused for any number of planes.
final class ZstandardCompressor {
    enum Strategy {
        /// Literals only: the entropy coder alone.
        case huffmanOnly
        /// Everything that zstd does at this level.
        case repeats(level: Int32)
    }

    private let context: OpaquePointer

    init(_ strategy: Strategy) {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("no memory for a zstd context") }
        self.context = context
        set(formatParameter, Int32(ZSTD_f_zstd1_magicless.rawValue))
        set(ZSTD_c_contentSizeFlag, 0)
        set(ZSTD_c_checksumFlag, 0)
        switch strategy {
        case .huffmanOnly:
            // zstd has no such mode by name. Strategy `fast` reads the target length as its step, and after a
            // step of a whole block there is nothing left to match. All blocks use the entropy coder, also
            // where zstd would rather be fast. The table of positions is as small as can be: it is never used.
            set(ZSTD_c_compressionLevel, 1)
            set(ZSTD_c_strategy, Int32(ZSTD_fast.rawValue))
            set(ZSTD_c_targetLength, 131_072)
            set(ZSTD_c_hashLog, 6)
            set(literalCompressionParameter, Int32(ZSTD_ps_enable.rawValue))
        case .repeats(let level):
            set(ZSTD_c_compressionLevel, level)
        }
    }

    deinit { ZSTD_freeCCtx(context) }

    private func set(_ parameter: ZSTD_cParameter, _ value: Int32) {
        let status = ZSTD_CCtx_setParameter(context, parameter, value)
        precondition(ZSTD_isError(status) == 0, "zstd refuses parameter \(parameter.rawValue) = \(value)")
    }

    /// The number of bytes written, or `nil` if they do not fit.
    func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
        let byteCount = ZSTD_compress2(
            context, target.baseAddress, target.count, source.baseAddress, source.count)
        return ZSTD_isError(byteCount) == 0 ? byteCount : nil
    }
}

/// Reads zstd frames without magic number, one after the other.
final class ZstandardDecompressor {
    private let context: OpaquePointer

    init() {
        guard let context = ZSTD_createDCtx() else { preconditionFailure("no memory for a zstd context") }
        self.context = context
        let status = ZSTD_DCtx_setParameter(
            context, decoderFormatParameter, Int32(ZSTD_f_zstd1_magicless.rawValue))
        precondition(ZSTD_isError(status) == 0, "zstd cannot read frames without magic number")
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Whether `source` holds exactly as many bytes as `target` has.
    func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
        let byteCount = ZSTD_decompressDCtx(
            context, target.baseAddress, target.count, source.baseAddress, source.count)
        return ZSTD_isError(byteCount) == 0 && byteCount == target.count
    }
}

// zstd.h calls these ZSTD_c_format, ZSTD_c_literalCompressionMode and ZSTD_d_format, by macros that Swift
// does not see.
private let formatParameter = ZSTD_c_experimentalParam2
private let literalCompressionParameter = ZSTD_c_experimentalParam5
private let decoderFormatParameter = ZSTD_d_experimentalParam1
#endif
