import Tensors

/// What the elements of a GGUF tensor are: numbers, or blocks of quantised ones.
enum GGUFType: Equatable {
    case plain(DType)
    /// Blocks of `elementCount` elements along the innermost axis, of `byteCount` bytes each.
    case blocks(name: String, elementCount: Int, byteCount: Int)

    /// The type with a number in the file; `nil` where it is not known, or was never written to a file.
    ///
    /// Sizes are those of the blocks in `ggml-common.h` of ggml.
    init?(number: UInt32) {
        switch number {
        case 0: self = .plain(.float32)
        case 1: self = .plain(.float16)
        case 2: self = .blocks(name: "Q4_0", elementCount: 32, byteCount: 18)
        case 3: self = .blocks(name: "Q4_1", elementCount: 32, byteCount: 20)
        case 6: self = .blocks(name: "Q5_0", elementCount: 32, byteCount: 22)
        case 7: self = .blocks(name: "Q5_1", elementCount: 32, byteCount: 24)
        case 8: self = .blocks(name: "Q8_0", elementCount: 32, byteCount: 34)
        case 10: self = .blocks(name: "Q2_K", elementCount: 256, byteCount: 84)
        case 11: self = .blocks(name: "Q3_K", elementCount: 256, byteCount: 110)
        case 12: self = .blocks(name: "Q4_K", elementCount: 256, byteCount: 144)
        case 13: self = .blocks(name: "Q5_K", elementCount: 256, byteCount: 176)
        case 14: self = .blocks(name: "Q6_K", elementCount: 256, byteCount: 210)
        case 15: self = .blocks(name: "Q8_K", elementCount: 256, byteCount: 292)
        case 16: self = .blocks(name: "IQ2_XXS", elementCount: 256, byteCount: 66)
        case 17: self = .blocks(name: "IQ2_XS", elementCount: 256, byteCount: 74)
        case 18: self = .blocks(name: "IQ3_XXS", elementCount: 256, byteCount: 98)
        case 19: self = .blocks(name: "IQ1_S", elementCount: 256, byteCount: 50)
        case 20: self = .blocks(name: "IQ4_NL", elementCount: 32, byteCount: 18)
        case 21: self = .blocks(name: "IQ3_S", elementCount: 256, byteCount: 110)
        case 22: self = .blocks(name: "IQ2_S", elementCount: 256, byteCount: 82)
        case 23: self = .blocks(name: "IQ4_XS", elementCount: 256, byteCount: 136)
        case 24: self = .plain(.int8)
        case 25: self = .plain(.int16)
        case 26: self = .plain(.int32)
        case 27: self = .plain(.int64)
        case 28: self = .plain(.float64)
        case 29: self = .blocks(name: "IQ1_M", elementCount: 256, byteCount: 56)
        case 30: self = .plain(.bfloat16)
        case 34: self = .blocks(name: "TQ1_0", elementCount: 256, byteCount: 54)
        case 35: self = .blocks(name: "TQ2_0", elementCount: 256, byteCount: 66)
        case 39: self = .blocks(name: "MXFP4", elementCount: 32, byteCount: 17)
        default: return nil
        }
    }
}
