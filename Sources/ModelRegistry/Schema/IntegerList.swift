/// Lists of integers as JSON: `[256,20]`.
enum IntegerList {
    static func text(_ numbers: [Int]) -> String {
        "[\(numbers.map(String.init).joined(separator: ","))]"
    }

    /// - Throws: ``RegistryError/Damage`` for anything that ``text(_:)`` would not write.
    static func numbers(_ text: String) throws -> [Int] {
        let body = text.dropFirst().dropLast()
        let numbers =
            body.isEmpty ? [] : body.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let known = numbers.compactMap { $0 }
        guard known.count == numbers.count, IntegerList.text(known) == text else {
            throw RegistryError.Damage(problem: "\"\(text.prefix(40))\" is no list of integers")
        }
        return known
    }
}
