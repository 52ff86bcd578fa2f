import Tensors

/// The type of elements that the `descr` of a NumPy array describes.
enum NumPyType: Equatable {
    /// Numbers that a tensor can hold.
    case number(DType, isBigEndian: Bool)
    /// Anything else, as it is described: texts, dates, objects, several fields, bytes that another library gave a meaning.
    case opaque(String)

    /// The type of a description such as `<f4`.
    init(_ description: String) {
        let order = description.first
        guard let order, let dtype = DType(numPyName: description.dropFirst()) else {
            self = .opaque(description)
            return
        }
        switch order {
        case "<", "=": self = .number(dtype, isBigEndian: false)
        case ">": self = .number(dtype, isBigEndian: dtype.swappedByteWidth > 1)
        case "|" where dtype.byteWidth == 1: self = .number(dtype, isBigEndian: false)
        default: self = .opaque(description)
        }
    }

    /// Bytes of an element, where a description without fields says so: a kind and a width, in characters for texts, and
    /// perhaps a unit of time.
    static func elementWidth(_ description: String) -> Int? {
        let name = description.drop { "<>|=".contains($0) }
        guard let kind = name.first, "VSaUMmfcbiu".contains(kind) else { return nil }
        let digits = name.dropFirst().prefix { ("0"..."9").contains($0) }
        let unit = name.dropFirst(1 + digits.count)
        guard let count = Int(digits), unit.isEmpty || unit.hasPrefix("[") else { return nil }
        let (width, overflow) = count.multipliedReportingOverflow(by: kind == "U" ? 4 : 1)
        return overflow ? nil : width
    }

    /// Whether elements are Python objects: then there is a pickle in place of them.
    static func isObjects(_ description: String) -> Bool {
        description.drop { "<>|=".contains($0) }.first == "O"
    }

    /// Whether elements are bytes of some width alone, as those of dtypes that NumPy does not know: bfloat16 is `|V2`.
    static func isRaw(_ description: String) -> Bool {
        description.drop { "<>|=".contains($0) }.first == "V" && elementWidth(description) != nil
    }
}
