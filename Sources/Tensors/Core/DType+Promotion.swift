import Foundations

extension DType {
    /// Whether elements are whole numbers, booleans not included.
    public var isInteger: Bool {
        switch self {
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: true
        default: false
        }
    }

    /// 0 for booleans, 1 for integers, 2 for floating-point numbers.
    private var category: Int { self == .bool ? 0 : isInteger ? 1 : 2 }

    private var isSigned: Bool { self == .int8 || self == .int16 || self == .int32 || self == .int64 }

    /// The type that arithmetic runs in: halves in float32, integers and booleans in int64.
    var computeType: DType {
        switch self {
        case .float32, .float64: self
        case .float16, .bfloat16: .float32
        case .bool: .int64
        default:
            if isInteger {
                .int64
            } else {
                trap("\(self) is stored only; convert it with a library that knows it")
            }
        }
    }

    /// The smallest type that holds what both hold, as in PyTorch.
    static func promoted(_ a: DType, _ b: DType) -> DType {
        if a == b { return a }
        if a.category != b.category { return a.category > b.category ? a : b }
        if a.category == 2 {
            if a.bitWidth == b.bitWidth { return .float32 }
            return a.bitWidth > b.bitWidth ? a : b
        }
        if a.isSigned == b.isSigned { return a.bitWidth > b.bitWidth ? a : b }
        let (signed, unsigned) = a.isSigned ? (a, b) : (b, a)
        if signed.bitWidth > unsigned.bitWidth { return signed }
        return unsigned.bitWidth == 8 ? .int16 : unsigned.bitWidth == 16 ? .int32 : .int64
    }

    /// The dtype of an expression of two tensors.
    ///
    /// Scalar tensors decide only where they are of a higher kind (boolean, integer, floating-point), and numbers
    /// in an expression even then only about the kind: `x * 0.5` keeps the dtype of a floating-point `x`.
    static func ofExpression(_ a: Tensor, _ b: Tensor) -> DType {
        if a.dtype == b.dtype && !a.isWeakScalar && !b.isWeakScalar { return a.dtype }
        let weightA = a.isWeakScalar ? 0 : a.shape.isEmpty ? 1 : 2
        let weightB = b.isWeakScalar ? 0 : b.shape.isEmpty ? 1 : 2
        if weightA == weightB {
            return a.isWeakScalar ? .float32 : promoted(a.dtype, b.dtype)
        }
        let (heavy, light) = weightA > weightB ? (a, b) : (b, a)
        guard light.isWeakScalar else {
            return heavy.dtype.category >= light.dtype.category ? heavy.dtype : light.dtype
        }
        if heavy.dtype.category == 2 { return heavy.dtype }
        let value = light.element(at: 0)
        guard value == value.rounded(.towardZero) else { return .float32 }
        return heavy.dtype == .bool ? .int64 : heavy.dtype
    }
}
