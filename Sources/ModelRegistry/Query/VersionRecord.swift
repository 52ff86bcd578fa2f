import Checkpoints
import ChunkStore
public import Expressions
import Foundations
import GRDB
public import OrderedCollections
import Synchronization

/// A version, and what conditions may ask of it: in `--where`, `--sort` and `bisect --expr` alike.
///
/// A name stands for the first of these that the version has: a metric, a fact set on the version, a setting of its
/// run, one of ``builtInNames``, or the plain value at this path in the checkpoint. ``functionNames`` reach what is
/// hidden by another thing of the same name, as `value("version")` does, and ask for health and changes. Everything
/// is answered from rows; no tensor is read.
public struct VersionRecord: Sendable {
    /// The version.
    public let version: Version
    /// Its facts, and below them the settings of its run.
    public let attributes: Attributes
    /// The machine and commit that saved it.
    let origin: Origin
    let registry: Registry
    let plainValues: PlainValues

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
    /// The value of a name; `nil` where the version has nothing of that name.
    ///
    /// - Throws: ``RegistryError``.
    public func value(of name: String) throws -> ExpressionValue? {
        if let metric = version.metrics[name] { return .number(metric) }
        if let attribute = attributes[name] { return attribute.expressionValue }
        return try builtInValue(of: name) ?? plainValues.value(at: name, of: version)
    }

    private func builtInValue(of name: String) -> ExpressionValue? {
        switch name {
        case "model": .text(version.model)
        case "version": .number(Double(version.number))
        case "step": version.step.map { .number(Double($0)) }
        case "run": version.run.map { .text($0) }
        case "message": .text(version.message)
        case "kind": .text(version.kind.rawValue)
        case "byte_count": .number(Double(version.byteCount))
        case "tensor_count": .number(Double(version.tensorCount))
        case "created_at": .text(Timestamp.text(version.createdAt))
        case "host": origin.host.map { .text($0) }
        case "user": origin.user.map { .text($0) }
        case "git_commit": origin.gitCommit.map { .text($0) }
        case "git_branch": origin.gitBranch.map { .text($0) }
        case "dirty": origin.isDirty.map { .truth($0) }
        default: nil
        }
    }
}

/// The plain values of checkpoints: those at one path are read together, for all versions.
final class PlainValues: Sendable {
    private let registry: Registry
    private let known = Mutex<[String: [Int64: ExpressionValue]]>([:])

    init(_ registry: Registry) { self.registry = registry }

    func value(at path: String, of version: Version) throws -> ExpressionValue? {
        if let values = known.withLock({ $0[path] }) { return values[version.rowID] }
        let values = try registry.read { db in try PlainValues.values(db, at: path) }
        known.withLock { $0[path] = values }
        return values[version.rowID]
    }

    private static func values(_ db: Database, at path: String) throws -> [Int64: ExpressionValue] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT version, value_kind, value FROM parameter JOIN path ON path.id = parameter.path
                WHERE path.text = ? AND value_kind IS NOT NULL ORDER BY ordinal DESC
                """,
            arguments: [path])
        var values: [Int64: ExpressionValue] = [:]
        // Of two keys that are spelled alike, the first counts.
        while let row = try rows.next() {
            let value = try PlainValue(kind: row.value("value_kind"), value: row["value"])
            values[try row.value("version")] = value.expressionValue
        }
        return values
    }
}

extension PlainValue {
    /// The value in a condition; `nil` for none.
    var expressionValue: ExpressionValue? {
        switch self {
        case .integer(let number): .number(Double(number))
        case .number(let bits): .number(Double(bitPattern: bits))
        case .boolean(let flag): .truth(flag)
        case .string(let text): .text(text)
        case .bigInteger(let number): .text(number.description)
        case .name(let name): .text(name.description)
        case .none, .bytes: nil
        }
    }
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
        case "started_at": .text(Timestamp.text(startedAt))
        case "ended_at": endedAt.map { .text(Timestamp.text($0)) }
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
        of model: String? = nil, where condition: QueryExpression? = nil, sortedBy keys: [SortKey] = [],
        limit: Int? = nil
    ) throws -> [VersionRecord] {
        let isWhole = condition == nil && keys.isEmpty
        var found = try read { db in
            let modelID = try model.map { try VersionTable.modelID(db, $0) }
            return try records(
                db, where: "version.deleted_at IS NULL" + (modelID == nil ? "" : " AND version.model = ?"),
                arguments: modelID.map { [$0] } ?? [], limit: isWhole ? limit : nil)
        }
        if let condition { found = try found.filter { try condition.holds(in: $0) } }
        found = try SortKey.sorted(found, by: keys)
        return limit.map { Array(found.prefix($0)) } ?? found
    }

    /// A version with the facts that conditions ask for.
    ///
    /// - Throws: ``RegistryError``.
    public func versionRecord(of version: Version) throws -> VersionRecord {
        let found = try read { db in
            try records(db, where: "version.id = ?", arguments: [version.rowID], limit: nil)
        }
        guard let record = found.first else {
            throw RegistryError.damaged(RegistryError.Damage(problem: "a version's row is missing"))
        }
        return record
    }

    private func records(
        _ db: Database, where condition: String, arguments: StatementArguments, limit: Int?
    ) throws -> [VersionRecord] {
        let versions = try VersionTable.fetch(db, where: condition, arguments: arguments, limit: limit)
        let chosen = VersionTable.subselect(where: condition, limit: limit)
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
        let plainValues = PlainValues(self)
        return versions.map { version in
            VersionRecord(
                version: version, attributes: facts[version.rowID] ?? [:],
                origin: origins[version.rowID] ?? VersionRecord.Origin(), registry: self,
                plainValues: plainValues)
        }
    }
}
