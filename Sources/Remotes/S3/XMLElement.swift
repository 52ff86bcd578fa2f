import Foundations

/// An element of an XML document, as S3 answers with.
///
/// A reader of our own, and a strict one: Foundation's would link libxml2 into every binary, and would know of document types
/// and entities, which such answers never have. Attributes and namespaces are passed over.
package struct XMLElement: Sendable {
    package let name: String
    /// What stands between its tags, outside of its elements.
    package private(set) var text = ""
    package private(set) var children: [XMLElement] = []

    /// Elements of a document, at most: a page of S3 has a thousand objects.
    package static let maximumCount = 50_000
    /// Elements within each other, at most.
    package static let maximumDepth = 16

    /// Why a document is refused.
    package struct Malformed: Error, CustomStringConvertible {
        package let offset: Int
        package let description: String
    }

    /// The text of the one child called `name`; `nil` where there is none, or more than one.
    package subscript(name: String) -> String? {
        let found = children.filter { $0.name == name }
        return found.count == 1 ? found[0].text : nil
    }

    /// Reads a document.
    ///
    /// - Throws: ``Malformed``.
    /// - Complexity: O(count).
    package init(_ bytes: [UInt8]) throws(Malformed) {
        var reader = Reader(bytes: bytes)
        self = try reader.document()
    }

    private init(name: String) { self.name = name }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0
        var count = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        func malformed(_ problem: String) -> Malformed {
            Malformed(offset: position, description: "XML with \(problem) at byte \(position)")
        }

        mutating func document() throws(Malformed) -> XMLElement {
            take("\u{FEFF}")
            if take("<?xml ") { _ = try text(until: "?>") }
            skipSpace()
            let root = try element(depth: 1)
            skipSpace()
            guard position == bytes.count else { throw malformed("something after its end") }
            return root
        }

        private mutating func element(depth: Int) throws(Malformed) -> XMLElement {
            count += 1
            guard depth <= XMLElement.maximumDepth else { throw malformed("elements too deep in each other") }
            guard count <= XMLElement.maximumCount else { throw malformed("too many elements") }
            // Neither `<!` nor `<?` begins an element.
            guard take("<") else { throw malformed("no element") }
            let name = try name()
            var element = XMLElement(name: String(name.split(separator: ":").last ?? ""))
            try skipAttributes()
            if take("/>") { return element }
            guard take(">") else { throw malformed("an unfinished tag") }
            var text: [UInt8] = []
            while true {
                guard position < bytes.count else { throw malformed("an element without an end") }
                if take("</") {
                    guard try self.name() == name else { throw malformed("an end of another element") }
                    skipSpace()
                    guard take(">") else { throw malformed("an unfinished tag") }
                    guard let valid = String(validating: text, as: UTF8.self) else {
                        throw malformed("text that is no UTF-8")
                    }
                    element.text = valid
                    return element
                }
                switch bytes[position] {
                case UInt8(ascii: "<"): element.children.append(try self.element(depth: depth + 1))
                case UInt8(ascii: "&"): text += try reference()
                case let byte:
                    text.append(byte)
                    position += 1
                }
            }
        }

        private mutating func name() throws(Malformed) -> String {
            let start = position
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                    UInt8(ascii: "."),
                    UInt8(ascii: ":"):
                    position += 1
                    continue
                default: break
                }
                break
            }
            guard position > start, position - start <= 256 else { throw malformed("no name of an element") }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func skipAttributes() throws(Malformed) {
            while true {
                skipSpace()
                guard position < bytes.count else { throw malformed("an unfinished tag") }
                if bytes[position] == UInt8(ascii: ">") || bytes[position] == UInt8(ascii: "/") { return }
                _ = try name()
                skipSpace()
                guard take("=") else { throw malformed("an attribute without a value") }
                skipSpace()
                if take("\"") {
                    _ = try text(until: "\"")
                } else if take("'") {
                    _ = try text(until: "'")
                } else {
                    throw malformed("an attribute without a value")
                }
            }
        }

        /// `&amp;`, `&lt;`, `&gt;`, `&quot;`, `&apos;`, `&#10;` or `&#xA;`: there are no others without a document type.
        private mutating func reference() throws(Malformed) -> [UInt8] {
            position += 1
            let end = bytes[position...].prefix(10).firstIndex(of: UInt8(ascii: ";"))
            guard let end else { throw malformed("an unknown entity") }
            let name = String(decoding: bytes[position..<end], as: UTF8.self)
            position = end + 1
            switch name {
            case "amp": return [UInt8(ascii: "&")]
            case "lt": return [UInt8(ascii: "<")]
            case "gt": return [UInt8(ascii: ">")]
            case "quot": return [UInt8(ascii: "\"")]
            case "apos": return [UInt8(ascii: "'")]
            default:
                let isHex = name.hasPrefix("#x")
                let digits = name.dropFirst(isHex ? 2 : 1)
                guard name.hasPrefix("#"), digits.first?.isHexDigit == true,
                    let scalar = UInt32(digits, radix: isHex ? 16 : 10).flatMap({ UnicodeScalar($0) })
                else { throw malformed("an unknown entity") }
                return Array(String(Character(scalar)).utf8)
            }
        }

        private mutating func text(until end: String) throws(Malformed) -> String {
            let start = position
            while position < bytes.count {
                let found = position
                if take(end) { return String(decoding: bytes[start..<found], as: UTF8.self) }
                guard bytes[position] != UInt8(ascii: "<") else { break }
                position += 1
            }
            throw malformed("an unfinished tag")
        }

        @discardableResult
        private mutating func take(_ text: String) -> Bool {
            guard bytes[position...].starts(with: text.utf8) else { return false }
            position += text.utf8.count
            return true
        }

        private mutating func skipSpace() {
            while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        }
    }
}
