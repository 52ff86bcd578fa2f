import Foundations

/// The words of the command line, before the argument parser looks at them.
enum CommandWords {
    /// Refuses words that would be taken for others: paths that are not UTF-8, which Swift repairs into other paths, and
    /// names that begin with a dash, whose letters would be options.
    ///
    /// - Parameter words: The program's name, and what comes after it, as bytes.
    /// - Throws: ``UsageError``.
    static func check(_ words: [[UInt8]]) throws {
        let texts = try words.dropFirst().map { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw UsageError(
                    description:
                        "not UTF-8, as all words and names of files must be: \"\(printable(bytes: bytes))\"")
            }
            return text
        }
        for (index, text) in texts.prefix(while: { $0 != "--" }).enumerated() {
            if index > 0, optionsOfAnyValue.contains(texts[index - 1]) { continue }
            guard isMisunderstood(text) else { continue }
            throw UsageError(
                description: "no such option: \(quoted(text)); a file of this name is written "
                    + "\(quoted("./" + text)), any other word after --")
        }
    }

    /// Options whose values may begin with a dash.
    private static let optionsOfAnyValue = ["--sort", "--step"]

    /// Options of one letter that can share a dash. `-h` cannot: who names a file does not ask for help.
    private static let lettersThatJoin = Set("qmno")

    private static func isMisunderstood(_ word: String) -> Bool {
        guard word.count > 2, word.hasPrefix("-"), !word.hasPrefix("--"), Double(word) == nil else {
            return false
        }
        let letters = word.dropFirst().prefix { $0 != "=" }
        return letters.isEmpty || !letters.allSatisfy(lettersThatJoin.contains)
    }
}
