/// What a page shows: a path and a query. Names have slashes, so they are in the query, and never in the path.
package struct PageAddress: Hashable, Sendable {
    /// Such as `/model`; one of a fixed list.
    package let path: String
    /// Names and values, in order.
    package let items: [Item]

    package struct Item: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    package init(_ path: String, _ items: [(String, String?)] = []) {
        self.path = path
        self.items = items.compactMap { name, value in value.map { Item(name: name, value: $0) } }
    }

    /// The first value of a name.
    package subscript(_ name: String) -> String? { items.first { $0.name == name }?.value }

    /// All values of a name.
    package func values(of name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

    /// A number; `nil` where there is none.
    ///
    /// - Throws: ``PageError/invalid(_:)``.
    package func number(_ name: String, in range: ClosedRange<Int> = 0...Int.max) throws -> Int? {
        guard let text = self[name], !text.isEmpty else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw PageError.invalid("\(name) is no number in range")
        }
        return number
    }

    /// The same with another value of a name, or without one.
    package func setting(_ name: String, _ value: String?) -> PageAddress {
        var changed = items.filter { $0.name != name }.map { ($0.name, Optional($0.value)) }
        changed.append((name, value))
        return PageAddress(path, changed)
    }

    /// As the server takes it: `/model?name=team%2Fmlp`.
    package var target: String {
        guard !items.isEmpty else { return path }
        return path + "?"
            + items.map { "\(Percent.encoded($0.name))=\(Percent.encoded($0.value))" }.joined(separator: "&")
    }

    /// Reads what a request asks for.
    ///
    /// - Returns: `nil` for what no page or file can be at: the path is compared as it is, and nothing is decoded in it.
    /// - Throws: ``PageError/invalid(_:)`` where the query is no UTF-8, or is not encoded as it should be.
    package init?(target: String) throws {
        guard target.utf8.first == UInt8(ascii: "/") else { return nil }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }) else {
            return nil
        }
        path = String(parts[0])
        guard parts.count == 2 else {
            items = []
            return
        }
        let pairs = parts[1].split(separator: "&")
        guard pairs.count <= PageAddress.itemLimit else { throw PageError.invalid("too many parameters") }
        items = try pairs.map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Percent.decoded(sides[0]),
                let value = sides.count == 2 ? Percent.decoded(sides[1]) : ""
            else { throw PageError.invalid("the query is not encoded as UTF-8") }
            return Item(name: name, value: value)
        }
    }

    private static let itemLimit = 100
}

extension PageAddress {
    static let models = PageAddress("/")
    static let style = PageAddress("/style.css")
    static let script = PageAddress("/script.js")
    static let icon = PageAddress("/icon.svg")

    static func model(_ name: String, below number: Int? = nil) -> PageAddress {
        PageAddress("/model", [("name", name), ("below", number.map(String.init))])
    }

    static func version(_ reference: String, module: String? = nil, page: Int? = nil) -> PageAddress {
        PageAddress("/version", [("ref", reference), ("module", module), ("page", page.map(String.init))])
    }

    static func parameter(_ model: String, _ path: String, version: Int? = nil) -> PageAddress {
        PageAddress(
            "/parameter", [("model", model), ("path", path), ("version", version.map(String.init))])
    }

    static func diff(_ old: String, _ new: String) -> PageAddress {
        PageAddress("/diff", [("a", old), ("b", new)])
    }

    static func runs(_ model: String? = nil) -> PageAddress { PageAddress("/runs", [("model", model)]) }

    static func run(_ reference: String) -> PageAddress { PageAddress("/run", [("ref", reference)]) }

    static func lineage(_ reference: String) -> PageAddress {
        PageAddress("/lineage", [("ref", reference)])
    }

    static func storage(_ model: String? = nil) -> PageAddress {
        PageAddress("/storage", [("model", model)])
    }

    static func api(_ name: String, _ items: [(String, String?)] = []) -> PageAddress {
        PageAddress("/api/v1/\(name)", items)
    }
}

/// Percent-encoding of queries (RFC 3986).
enum Percent {
    private static let digits = Array("0123456789ABCDEF".utf8)

    static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: ":"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Returns: `nil` for what is no encoded UTF-8.
    static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(nibble), let low = rest.popFirst().flatMap(nibble) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
