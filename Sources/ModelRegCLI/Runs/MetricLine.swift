import Foundation

/// A line of metrics as training scripts print them.
enum MetricLine {
    /// - Throws: ``UsageError`` that says what is wrong with it.
    static func parse(_ line: String) throws -> (step: Int, values: [String: Double]) {
        let decoder = JSONDecoder()
        // Python writes NaN and Infinity, which JSON does not have and JSON5 does.
        decoder.allowsJSON5 = true
        guard let object = try? decoder.decode([String: LooseValue].self, from: Data(line.utf8)) else {
            throw UsageError(description: "no JSON object: \(String(line.prefix(60)))")
        }
        guard let number = object["step"]?.number ?? object["_step"]?.number, let step = Int(exactly: number),
            step >= 0
        else { throw UsageError(description: "\"step\" is missing, or no integer of 0 or more") }
        var values: [String: Double] = [:]
        for (name, value) in object where name != "step" && name != "_step" && !name.isEmpty {
            if let number = value.number { values[name] = number }
        }
        return (step, values)
    }

    /// A number, or anything else, which is passed over: lists, texts.
    private struct LooseValue: Decodable {
        let number: Double?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                number = flag ? 1 : 0
            } else {
                number = try? container.decode(Double.self)
            }
        }
    }
}
