import Checkpoints
import ChunkStore
public import Expressions
import GRDB
public import OrderedCollections

/// A version with the facts that conditions ask for.
///
/// A name is, in this order: a metric, a fact set on the version, a setting of its run, or one of
/// ``builtInNames``.
public struct VersionRecord: Hashable, Sendable {
    /// The version.
    public let version: Version
    /// Its facts, and below them the settings of its run.
    public let attributes: Attributes
    /// The machine and commit that saved it.
    let origin: Origin

    struct Origin: Hashable, Sendable {
        var host: String?
        var user: String?
        var gitCommit: String?
        var gitBranch: String?
        var isDirty: Bool?
    }

    /// What every version has, or may have.
    public static let builtInNames = [
        "model", "version", "step", "run", "message", "kind", "byte_count", "tensor_count", "created_at",
        "host",
        "user", "git_commit", "git_branch", "dirty",
    ]
}

extension VersionRecord: ExpressionScope {
    /// The value of a metric, a fact, or one of ``builtInNames``.
    public func value(of name: String) -> ExpressionValue? {
        if let metric = version.metrics[name] { return .number(metric) }
        if let attribute = attributes[name] { return attribute.expressionValue }
        return switch name {
        case "model": .text(version.model)
        case "version": .number(Double(version.number))
        case "step": version.step.map { .number(Double($0)) }
        case "run": version.run.map { .text($0) }
        case "message": .text(version.message)
        case "kind": .text(version.kind.rawValue)
        case "byte_count": .number(Double(version.byteCount))
        case "tensor_count": .number(Double(version.tensorCount))
        case "created_at": .text(version.createdAt)
        case "host": origin.host.map { .text($0) }
        case "user": origin.user.map { .text($0) }
        case "git_commit": origin.gitCommit.map { .text($0) }
        case "git_branch": origin.gitBranch.map { .text($0) }
        case "dirty": origin.isDirty.map { .truth($0) }
        default: nil
        }
    }

    /// `alias("best")`: whether the version has this alias; with no argument, any.
    public func value(calling function: String, with arguments: [ExpressionValue]) -> ExpressionValue? {
        guard function == "alias" else { return nil }
        if arguments.isEmpty { return .truth(!version.aliases.isEmpty) }
        return .truth(
            arguments.contains {
                if case .text(let name) = $0 { version.aliases.contains(name) } else { false }
            })
    }

    /// The functions that conditions may call.
    public static let functionNames = ["alias"]
}

extension RunInfo: ExpressionScope {
    /// What every run has, or may have.
    public static let builtInNames = [
        "model", "run", "state", "started_at", "ended_at", "wall_seconds", "step", "parent", "versions",
    ]

    /// The last value of a metric, a setting, or one of ``builtInNames``.
    public func value(of name: String) -> ExpressionValue? {
        if let metric = metrics[name] { return .number(metric) }
        if let attribute = attributes[name] { return attribute.expressionValue }
        return switch name {
        case "model": model.map { .text($0) }
        case "run": .text(self.name)
        case "state": .text(state.rawValue)
        case "started_at": .text(startedAt)
        case "ended_at": endedAt.map { .text($0) }
        case "wall_seconds": .number(wallSeconds)
        case "step": lastStep.map { .number(Double($0)) }
        case "parent": parent.map { .text($0) }
        case "versions": .number(Double(versionCount))
        default: nil
        }
    }
}

extension AttributeValue {
    /// The value where it is a number, a text or a truth; JSON text of a list or dictionary.
    public var expressionValue: ExpressionValue? {
        if let number = Double(json) { return .number(number) }
        switch json {
        case "true": return .truth(true)
        case "false": return .truth(false)
        case "null": return nil
        default: return .text(text ?? json)
        }
    }

}

/// An order by a quantity: `accuracy`, or `-accuracy` for the highest first. What is not known or not a number
/// comes last, equals stay as they were.
public struct SortKey: Sendable {
    /// The quantity.
    public let expression: Expression
    /// Whether the highest comes first.
    public let isDescending: Bool

    /// Reads `accuracy`, `-val/accuracy`, `-(loss / step)`.
    ///
    /// - Parameter slashesJoinNames: Whether `val/accuracy` is one name.
    /// - Throws: `ExpressionError`.
    public init(parsing text: String, slashesJoinNames: Bool = true) throws(ExpressionError) {
        isDescending = text.hasPrefix("-")
        expression = try Expression(
            parsing: isDescending ? String(text.dropFirst()) : text, slashesJoinNames: slashesJoinNames)
    }

    /// Sorts by several keys, the first of which decides first.
    public static func sorted<Item: ExpressionScope>(_ items: [Item], by keys: [SortKey]) throws -> [Item] {
        guard !keys.isEmpty else { return items }
        let values = try items.map { item in try keys.map { try $0.expression.value(in: item) } }
        let order = items.indices.sorted { left, right in
            for (index, key) in keys.enumerated() {
                switch compare(values[left][index], values[right][index], isDescending: key.isDescending) {
                case 0: continue
                case let sign: return sign < 0
                }
            }
            return left < right
        }
        return order.map { items[$0] }
    }

    /// Negative where `left` comes first. Numbers come before texts.
    private static func compare(_ left: ExpressionValue?, _ right: ExpressionValue?, isDescending: Bool) -> Int
    {
        func rank(_ value: ExpressionValue?) -> Int {
            switch value {
            case .number(let number): number.isNaN ? 2 : 0
            case .truth: 0
            case .text: 1
            case nil: 2
            }
        }
        guard rank(left) == rank(right) else { return rank(left) - rank(right) }
        func number(_ value: ExpressionValue?) -> Double {
            switch value {
            case .number(let number): number
            case .truth(let truth): truth ? 1 : 0
            default: 0
            }
        }
        let sign: Int
        if case .text(let left) = left, case .text(let right) = right {
            sign = left < right ? -1 : left > right ? 1 : 0
        } else if rank(left) == 2 {
            sign = 0
        } else {
            sign = number(left) < number(right) ? -1 : number(left) > number(right) ? 1 : 0
        }
        return isDescending ? -sign : sign
    }
}

extension Registry {
    /// The versions of a model, or all, that a condition holds for.
    ///
    /// - Parameters:
    ///   - condition: See ``VersionRecord``; `nil` for all.
    ///   - keys: In which order; latest first where there is none.
    ///   - limit: At most this many.
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    /// - Complexity: O(versions of the model), in a few queries: tens of milliseconds for 10,000.
    public func versionRecords(
        of model: String? = nil, where condition: Expression? = nil, sortedBy keys: [SortKey] = [],
        limit: Int? = nil
    ) throws -> [VersionRecord] {
        let isWhole = condition == nil && keys.isEmpty
        var records = try read { db in
            let modelID = try model.map { try VersionTable.modelID(db, $0) }
            return try VersionTable.records(
                db, where: "version.deleted_at IS NULL" + (modelID == nil ? "" : " AND version.model = ?"),
                arguments: modelID.map { [$0] } ?? [], limit: isWhole ? limit : nil)
        }
        if let condition { records = try records.filter { try condition.holds(in: $0) } }
        records = try SortKey.sorted(records, by: keys)
        return limit.map { Array(records.prefix($0)) } ?? records
    }
}

extension VersionTable {
    /// Versions with their facts.
    fileprivate static func records(
        _ db: Database, where condition: String, arguments: StatementArguments, limit: Int?
    ) throws -> [VersionRecord] {
        let versions = try fetch(db, where: condition, arguments: arguments, limit: limit)
        let chosen = subselect(where: condition, limit: limit)
        var facts: [Int64: Attributes] = [:]
        // A version's own facts come last, and take the place of what its file and its run say.
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT version.id AS version, 0 AS rank, run_attribute.ordinal, run_attribute.key, run_attribute.value
                FROM version JOIN run_attribute ON run_attribute.run = version.run WHERE version.id IN (\(chosen))
                UNION ALL
                SELECT version, iif(source = 'user', 2, 1), ordinal, key, value FROM attribute
                WHERE version IN (\(chosen))
                ORDER BY version, rank, ordinal
                """,
            arguments: arguments + arguments)
        while let row = try rows.next() {
            facts[try row.value("version"), default: [:]][try row.value("key")] = AttributeValue(
                trusted: try row.value("value"))
        }
        var origins: [Int64: VersionRecord.Origin] = [:]
        let environments = try Row.fetchCursor(
            db,
            sql: """
                SELECT version.id, host, user, git_commit, git_branch, is_dirty FROM version
                JOIN environment ON environment.id = version.environment WHERE version.id IN (\(chosen))
                """,
            arguments: arguments)
        while let row = try environments.next() {
            origins[try row.value("id")] = VersionRecord.Origin(
                host: try row.optional("host"), user: try row.optional("user"),
                gitCommit: try row.optional("git_commit"), gitBranch: try row.optional("git_branch"),
                isDirty: try row.optional("is_dirty", as: Int.self).map { $0 == 1 })
        }
        return versions.map { version in
            VersionRecord(
                version: version, attributes: facts[version.rowID] ?? [:],
                origin: origins[version.rowID] ?? VersionRecord.Origin())
        }
    }
}
