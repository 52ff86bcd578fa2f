/// The type of a NumPy array whose elements are no numbers: texts, dates and objects are a list here.
enum NumPyListType: Equatable {
    /// Texts of at most so many characters, in UTF-32: `<U2`.
    case text(characterCount: Int)
    /// Bytes, without zeros at their end: `|S2`.
    case bytes(byteCount: Int)
    /// Whole numbers of units since 1970: `<M8[ns]`. The unit may be none.
    case date(unit: String)
    /// Whole numbers of units: `<m8[25s]`.
    case duration(unit: String)
    /// Any values: `|O`.
    case object

    private static let units: Set<String> = [
        "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as",
    ]

    /// What NumPy calls it, in little-endian order.
    var name: String {
        switch self {
        case .text(let count): "<U\(count)"
        case .bytes(let count): "|S\(count)"
        case .date(let unit): "<M8" + (unit.isEmpty ? "" : "[\(unit)]")
        case .duration(let unit): "<m8" + (unit.isEmpty ? "" : "[\(unit)]")
        case .object: "|O"
        }
    }

    /// Bytes of an element; `nil` for objects.
    var byteWidth: Int? {
        switch self {
        case .text(let count): 4 * count
        case .bytes(let count): count
        case .date, .duration: 8
        case .object: nil
        }
    }

    /// Bytes that change places between the byte orders.
    var swappedByteWidth: Int {
        switch self {
        case .text: 4
        case .date, .duration: 8
        case .bytes, .object: 1
        }
    }

    /// The type that NumPy calls `name`, which must be ``name``.
    init?(name: String) {
        let unit =
            name.split(separator: "[", maxSplits: 1).dropFirst().first.map { String($0.dropLast()) } ?? ""
        self.init(code: String(name.dropFirst().prefix { $0 != "[" }), unit: unit)
        guard self.name == name else { return nil }
    }

    /// The type of a `numpy.dtype`.
    ///
    /// - Parameters:
    ///   - code: Such as `U2`, `M8`.
    ///   - unit: The unit of dates, with how many of them if more than one: `25s`.
    init?(code: String, unit: String) {
        let count = Int(code.dropFirst()) ?? 0
        // What NumPy itself holds at most.
        guard 0...Int(Int32.max) / 4 ~= count else { return nil }
        switch code.first {
        case "U" where count > 0: self = .text(characterCount: count)
        case "S" where count > 0: self = .bytes(byteCount: count)
        case "M" where count == 8 && NumPyListType.isUnit(unit): self = .date(unit: unit)
        case "m" where count == 8 && NumPyListType.isUnit(unit): self = .duration(unit: unit)
        case "O": self = .object
        default: return nil
        }
    }

    private static func isUnit(_ text: String) -> Bool {
        if text.isEmpty { return true }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard digits.isEmpty || (Int32(digits).map { $0 > 1 && "\($0)" == digits } ?? false) else {
            return false
        }
        return units.contains(String(text.dropFirst(digits.count)))
    }
}
