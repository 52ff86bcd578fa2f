import Tensors

extension DType {
    /// NumPy's character and width for each dtype that it has, such as `f4`.
    private static let numPyNames: [(dtype: DType, name: String)] = [
        (.bool, "b1"), (.uint8, "u1"), (.int8, "i1"), (.uint16, "u2"), (.int16, "i2"), (.uint32, "u4"),
        (.int32, "i4"), (.uint64, "u8"), (.int64, "i8"), (.float16, "f2"), (.float32, "f4"), (.float64, "f8"),
        (.complex64, "c8"), (.complex128, "c16"),
    ]

    /// The dtype that NumPy calls `name`, without the byte order.
    init?(numPyName name: some StringProtocol) {
        guard let found = DType.numPyNames.first(where: { $0.name == name }) else { return nil }
        self = found.dtype
    }

    /// NumPy's name with the byte order before it, such as `<f4`; `nil` where NumPy has no such type.
    var numPyDescription: String? {
        guard let found = DType.numPyNames.first(where: { $0.dtype == self }) else { return nil }
        return (byteWidth == 1 ? "|" : "<") + found.name
    }

    /// The class of NumPy's numbers of this type; `nil` where NumPy has none.
    var numPyScalarName: String? {
        guard DType.numPyNames.contains(where: { $0.dtype == self }) else { return nil }
        return self == .bool ? "bool_" : rawValue
    }

    /// Bytes that change places between the two byte orders: a half of a complex element, else an element.
    var swappedByteWidth: Int { isComplex ? bitWidth / 16 : bitWidth / 8 }
}
