/// A Swift type that is one element of a tensor, bit for bit.
public protocol TensorScalar: BitwiseCopyable, Sendable {
    /// The element type that it is.
    static var dtype: DType { get }
}

extension Bool: TensorScalar {
    /// `bool`.
    public static var dtype: DType { .bool }
}
extension UInt8: TensorScalar {
    /// `uint8`.
    public static var dtype: DType { .uint8 }
}
extension Int8: TensorScalar {
    /// `int8`.
    public static var dtype: DType { .int8 }
}
extension UInt16: TensorScalar {
    /// `uint16`.
    public static var dtype: DType { .uint16 }
}
extension Int16: TensorScalar {
    /// `int16`.
    public static var dtype: DType { .int16 }
}
extension UInt32: TensorScalar {
    /// `uint32`.
    public static var dtype: DType { .uint32 }
}
extension Int32: TensorScalar {
    /// `int32`.
    public static var dtype: DType { .int32 }
}
extension UInt64: TensorScalar {
    /// `uint64`.
    public static var dtype: DType { .uint64 }
}
extension Int64: TensorScalar {
    /// `int64`.
    public static var dtype: DType { .int64 }
}
extension Float: TensorScalar {
    /// `float32`.
    public static var dtype: DType { .float32 }
}
extension Double: TensorScalar {
    /// `float64`.
    public static var dtype: DType { .float64 }
}
