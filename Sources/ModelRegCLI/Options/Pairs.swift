import ModelReg

/// Words of the form `name=value`.
enum Pairs {
    static func split(_ texts: [String], option: String) throws -> [(String, String)] {
        var seen: Set<String> = []
        return try texts.map { text in
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw UsageError(description: "\(option) takes name=value, not \"\(text)\"")
            }
            let key = String(text[..<equals])
            guard seen.insert(key).inserted else {
                throw UsageError(description: "\(option) \(key) is given twice")
            }
            return (key, String(text[text.index(after: equals)...]))
        }
    }

    /// Names and numbers. Accepts `nan` and `inf`.
    static func metrics(_ texts: [String], option: String) throws -> OrderedDictionary<String, Double> {
        var metrics: OrderedDictionary<String, Double> = [:]
        for (key, text) in try split(texts, option: option) {
            guard let value = Double(text) else {
                throw UsageError(description: "\(option) \(key)=\(text): \"\(text)\" is not a number")
            }
            metrics[key] = value
        }
        return metrics
    }

    /// Names and values that are JSON, or texts.
    static func attributes(_ texts: [String], option: String) throws -> Attributes {
        var attributes: Attributes = [:]
        for (key, text) in try split(texts, option: option) { attributes[key] = AttributeValue(parsing: text) }
        return attributes
    }
}
