// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Expressions
import ModelReg
import RegistryJSON

/// `ls`
func listModels(_ call: Call) throws -> [ModelJSON] { try call.registry.models().map(ModelJSON.init) }

/// `log`
func listVersions(_ call: Call) throws -> [VersionJSON] {
    struct Arguments: Decodable {
        var model: String?
        var `where`: String?
        var sort: [String]?
        var limit: Int?
    }
    let arguments = try call.decode(Arguments.self)
    let condition = try arguments.where.map { try QueryExpression(parsing: $0, slashesJoinNames: true) }
    let keys = try (arguments.sort ?? []).map { try SortKey(parsing: $0, slashesJoinNames: true) }
    for expression in (condition.map { [$0] } ?? []) + keys.map(\.expression) {
        try expression.requireNames(in: expression.names, functions: VersionRecord.functionNames)
    }
    return try call.registry.versionRecords(
        of: arguments.model, where: condition, sortedBy: keys, limit: checkedCount(arguments.limit, "limit")
    ).map { VersionJSON($0.version, attributes: $0.attributes) }
}

/// `version`
func describeVersion(_ call: Call) throws -> VersionJSON {
    struct Arguments: Decodable { var reference: String }
    let version = try call.registry.version(call.decode(Arguments.self).reference)
    return VersionJSON(version, attributes: try call.registry.details(of: version).attributes)
}

/// `history`
func listHistories(_ call: Call) throws -> HistoryJSON {
    struct Arguments: Decodable {
        var model: String
        var paths: [String]?
        var limit: Int?
        var exact: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    let histories = try call.registry.history(
        of: arguments.model, only: arguments.paths ?? [], limit: checkedCount(arguments.limit, "limit"),
        measuresDistances: arguments.exact ?? false)
    return HistoryJSON(arguments.model, histories)
}

/// `blame`
func blame(_ call: Call) throws -> BlameJSON {
    struct Arguments: Decodable {
        var reference: String
        var paths: [String]?
    }
    let arguments = try call.decode(Arguments.self)
    return BlameJSON(try call.registry.blame(arguments.reference, only: arguments.paths ?? []))
}

/// `lineage`
func traceLineage(_ call: Call) throws -> LineageNode {
    struct Arguments: Decodable {
        var reference: String
        var descendants: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    let version = try call.registry.version(arguments.reference)
    return arguments.descendants == true
        ? try LineageNode.descendants(of: version, in: call.registry)
        : try LineageNode.ancestors(of: version, in: call.registry)
}

/// `diff`
func compare(_ call: Call) throws -> DiffJSON {
    struct Arguments: Decodable {
        var old: String
        var new: String
        var only: [String]?
        var statistics: Bool?
        var fail_if: [String]?
    }
    let arguments = try call.decode(Arguments.self)
    let gates = try (arguments.fail_if ?? []).map { try DiffGate(parsing: $0) }
    let options = DiffOptions(
        patterns: arguments.only ?? [], comparesValues: arguments.statistics ?? true || !gates.isEmpty)
    let diff = try call.registry.diff(
        arguments.old, arguments.new, options: options, progress: call.progress)
    return DiffJSON(
        old: arguments.old, new: arguments.new, diff, try gates.map { try $0.evaluate(diff) })
}

/// `alias set`
func setAlias(_ call: Call) throws -> AliasJSON {
    struct Arguments: Decodable {
        var reference: String
        var alias: String
        var pin: Bool?
        var force: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    let version = try call.registry.version(arguments.reference)
    // By number: what the reference names may have changed since.
    let before = try call.registry.setAlias(
        arguments.alias, to: version.reference, isPinned: arguments.pin, force: arguments.force ?? false)
    return AliasJSON(model: version.model, alias: arguments.alias, version: version.number, before: before)
}

/// `alias rm`
func removeAlias(_ call: Call) throws -> AliasJSON {
    struct Arguments: Decodable {
        var model: String
        var alias: String
        var force: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    let before = try call.registry.removeAlias(
        arguments.alias, of: arguments.model, force: arguments.force ?? false)
    return AliasJSON(model: arguments.model, alias: arguments.alias, version: nil, before: before)
}

/// `alias ls`
func listAliases(_ call: Call) throws -> [ListedAliasJSON] {
    struct Arguments: Decodable { var model: String? }
    return try call.registry.aliases(of: call.decode(Arguments.self).model).map(ListedAliasJSON.init)
}

/// `rm`
func delete(_ call: Call) throws -> [String] {
    struct Arguments: Decodable {
        var references: [String]
        var force: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    return try call.registry.delete(arguments.references, force: arguments.force ?? false)
        .map(\.version.reference)
}
