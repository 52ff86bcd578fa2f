import TensorCodec
import Tensors

extension ElementKind {
    /// How elements of `dtype` are compressed.
    init(_ dtype: DType) {
        switch dtype {
        case .float16, .complex32: self = .float16
        case .bfloat16: self = .bfloat16
        case .float32, .complex64: self = .float32
        case .float64, .complex128: self = .float64
        case .int16, .uint16: self = .integer16
        case .int32, .uint32: self = .integer32
        case .int64, .uint64: self = .integer64
        case .bool, .uint8, .int8, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0fnu,
            .float6e2m3fn, .float6e3m2fn, .float4e2m1fn:
            self = .bytes
        }
    }
}

extension DType {
    /// The type that a column names.
    ///
    /// - Throws: ``RegistryError/Damage``.
    init(column text: String) throws {
        guard let dtype = DType(rawValue: text) else {
            throw RegistryError.Damage(
                problem: "unknown element type \"\(text)\"; perhaps from a newer modelreg")
        }
        self = dtype
    }
}
