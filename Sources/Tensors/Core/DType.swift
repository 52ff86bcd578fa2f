/// What one element of a tensor is.
///
/// All types that safetensors or PyTorch can store. The raw value is PyTorch's name without `torch.`
/// (`float4_e2m1fn` stands alone: PyTorch packs two into a byte and calls that `float4_e2m1fn_x2`).
public enum DType: String, CaseIterable, Sendable {
    case bool
    case uint8
    case int8
    case uint16
    case int16
    case uint32
    case int32
    case uint64
    case int64
    case float16
    case bfloat16
    case float32
    case float64
    case complex32
    case complex64
    case complex128
    case float8e4m3fn = "float8_e4m3fn"
    case float8e4m3fnuz = "float8_e4m3fnuz"
    case float8e5m2 = "float8_e5m2"
    case float8e5m2fnuz = "float8_e5m2fnuz"
    case float8e8m0fnu = "float8_e8m0fnu"
    case float6e2m3fn = "float6_e2m3fn"
    case float6e3m2fn = "float6_e3m2fn"
    case float4e2m1fn = "float4_e2m1fn"
}

extension DType {
    /// Bits of one element. A complex element counts as one, of both halves.
    public var bitWidth: Int {
        switch self {
        case .float4e2m1fn: 4
        case .float6e2m3fn, .float6e3m2fn: 6
        case .bool, .uint8, .int8, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
            .float8e8m0fnu:
            8
        case .uint16, .int16, .float16, .bfloat16: 16
        case .uint32, .int32, .float32, .complex32: 32
        case .uint64, .int64, .float64, .complex64: 64
        case .complex128: 128
        }
    }

    /// Bytes of one element, or `nil` where elements are packed below a byte.
    public var byteWidth: Int? { bitWidth % 8 == 0 ? bitWidth / 8 : nil }

    /// Bytes that `elementCount` packed elements take.
    ///
    /// - Returns: `nil` on overflow, and where elements below a byte do not fill the last byte.
    public func byteCount(elementCount: Int) -> Int? {
        let (bits, overflow) = elementCount.multipliedReportingOverflow(by: bitWidth)
        return overflow || bits % 8 != 0 ? nil : bits / 8
    }

    /// Whether elements are real floating-point numbers.
    public var isFloatingPoint: Bool { rawValue.hasPrefix("float") || self == .bfloat16 }

    /// Whether elements are complex numbers.
    public var isComplex: Bool { rawValue.hasPrefix("complex") }
}

extension DType: CustomStringConvertible {
    /// PyTorch's name, such as `float32`.
    public var description: String { rawValue }
}
