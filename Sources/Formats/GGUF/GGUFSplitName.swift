/// The name of one of several files that a GGUF model is split into, as llama.cpp makes it: `m-00001-of-00003.gguf`.
package struct GGUFSplitName: Equatable, Sendable {
    /// The text before the numbers.
    package let prefix: String
    /// Number of the file, from 1 on.
    package let number: Int
    /// Number of files.
    package let count: Int

    /// Most files of one model.
    package static let maximumCount = 4096

    /// Reads a file's name; `nil` where it is none of these.
    package init?(_ name: String) {
        let bytes = Array(name.utf8)
        // `-00001-of-00003.gguf`
        guard bytes.count > 20, bytes.suffix(5).elementsEqual(".gguf".utf8) else { return nil }
        let ending = Array(bytes.suffix(20))
        guard ending[0] == UInt8(ascii: "-"), ending[6..<10].elementsEqual("-of-".utf8),
            let number = GGUFSplitName.number(ending[1..<6]), let count = GGUFSplitName.number(ending[10..<15]),
            1...GGUFSplitName.maximumCount ~= count, 1...count ~= number
        else { return nil }
        prefix = String(decoding: bytes.dropLast(20), as: UTF8.self)
        self.number = number
        self.count = count
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// The names of all files that begin with `prefix`, in order.
    package static func all(prefix: String, count: Int) -> [String] {
        (1...max(1, count)).map { prefix + ending($0, of: count) }
    }

    /// The text that the name of a file ends in.
    static func ending(_ number: Int, of count: Int) -> String {
        func digits(_ number: Int) -> String {
            let text = "\(number)"
            return String(repeating: "0", count: max(0, 5 - text.utf8.count)) + text
        }
        return "-\(digits(number))-of-\(digits(count)).gguf"
    }
}
