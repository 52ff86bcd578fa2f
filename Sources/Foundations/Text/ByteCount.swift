/// Numbers of bytes for people: `31.8 kB`, in powers of ten as disks are sold.
package enum ByteCount {
    package static func text(_ count: Int) -> String {
        guard count >= 1000 else { return "\(count) B" }
        var value = Double(count)
        for unit in ["kB", "MB", "GB", "TB", "PB"] {
            value /= 1000
            // 999.95 would be rounded to a thousand of the same unit.
            if value < 999.95 { return "\(oneDecimal(value)) \(unit)" }
        }
        return "\(oneDecimal(value / 1000)) EB"
    }

    /// The number of bytes that `text` says: `5GB`, `500 MB`, `1.5GiB`, `4096`; `nil` if it says none.
    package static func parse(_ text: String) -> Int? {
        let units: [(name: String, factor: Double)] = [
            ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("kib", 0x1p10), ("mib", 0x1p20),
            ("gib", 0x1p30), ("tib", 0x1p40), ("b", 1), ("", 1),
        ]
        let digits = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        guard let value = Double(digits), let factor = units.first(where: { $0.name == unit })?.factor else {
            return nil
        }
        return Int(exactly: (value * factor).rounded())
    }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
