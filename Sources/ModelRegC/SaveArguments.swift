// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Foundation
import Foundations
import ModelReg
import RegistryJSON

/// What is said about a checkpoint that is saved, as JSON.
struct SaveArguments: Decodable {
    var message: String?
    var aliases: [String]?
    var metrics: [String: Double]?
    var attributes: [String: JSONValue]?
    var parent: String?
    var merged_from: [String]?
    var step: Int?
    var run: String?
    var gate: String?
    var marks: Bool?
    var moves_protected_aliases: Bool?
    var environment: Bool?

    /// The options of the library.
    ///
    /// - Throws: `RegistryError` where there is no such run, `ExpressionError` for a gate that is none.
    func options(for model: String, in opened: OpenRegistry) throws -> SaveOptions {
        var options = SaveOptions(
            message: message ?? "", aliases: aliases ?? [],
            metrics: OrderedDictionary(
                uniqueKeysWithValues: (metrics ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
            attributes: try SaveArguments.attributes(attributes), parent: parent, step: step)
        options.mergedFrom = merged_from ?? []
        options.movesProtectedAliases = moves_protected_aliases ?? false
        if let gate { options.gate = try HealthGate(gate, action: marks == true ? .mark : .refuse) }
        if let run { options.run = try opened.run(run, model: model).id }
        if environment == false { options.environment = nil }
        return options
    }

    /// Facts, in the order of their names: JSON has none.
    static func attributes(_ values: [String: JSONValue]?) throws -> Attributes {
        Attributes(
            uniqueKeysWithValues: try (values ?? [:]).sorted { $0.key < $1.key }.map { key, value in
                (key, try AttributeValue(json: text(value)))
            })
    }

    private static func text(_ value: JSONValue) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
