import Tensors

extension DType {
    /// What safetensors calls each dtype that it can hold, in the order of its specification: the writer sorts
    /// by the position in this list, the greatest alignment first.
    static let safetensorsNames: [(dtype: DType, name: String)] = [
        (.bool, "BOOL"), (.float4e2m1fn, "F4"), (.float6e2m3fn, "F6_E2M3"), (.float6e3m2fn, "F6_E3M2"),
        (.uint8, "U8"), (.int8, "I8"), (.float8e5m2, "F8_E5M2"), (.float8e4m3fn, "F8_E4M3"),
        (.float8e8m0fnu, "F8_E8M0"), (.float8e4m3fnuz, "F8_E4M3FNUZ"), (.float8e5m2fnuz, "F8_E5M2FNUZ"),
        (.int16, "I16"), (.uint16, "U16"), (.float16, "F16"), (.bfloat16, "BF16"), (.int32, "I32"),
        (.uint32, "U32"), (.float32, "F32"), (.complex64, "C64"), (.float64, "F64"), (.int64, "I64"),
        (.uint64, "U64"),
    ]

    private static let bySafetensorsName = Dictionary(
        uniqueKeysWithValues: safetensorsNames.map { ($0.name, $0.dtype) })

    private static let safetensorsRanks = Dictionary(
        uniqueKeysWithValues: safetensorsNames.enumerated().map { ($1.dtype, $0) })

    /// The dtype that safetensors calls `name`.
    init?(safetensorsName name: String) {
        guard let dtype = DType.bySafetensorsName[name] else { return nil }
        self = dtype
    }

    /// Position in ``safetensorsNames``; `nil` where safetensors has no such type.
    var safetensorsRank: Int? { DType.safetensorsRanks[self] }
}
