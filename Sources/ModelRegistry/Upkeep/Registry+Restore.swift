import Checkpoints
import ChunkStore
public import Foundation
import Foundations
import GRDB

/// What bringing a version back did.
public struct RestorationReport: Hashable, Sendable {
    /// The version, with the aliases that came back.
    public let version: Version
    /// Aliases that it had and that name another version by now; these stay there.
    public let takenAliases: [String]
}

/// A deleted version that can be brought back.
public struct DeletedVersion: Hashable, Sendable {
    /// The version as it was, without aliases.
    public let version: Version
    /// When it was deleted, to the millisecond.
    public let deletedAt: Date
}

extension Registry {
    /// Brings a deleted version back, as long as ``collectGarbage(dryRun:)`` has not removed it.
    ///
    /// Its aliases come back as they were, protected or pinned, where no other version has them.
    ///
    /// - Parameter reference: Its number, as in `mlp:v3`.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func restore(_ reference: String) throws -> RestorationReport { try restore([reference])[0] }

    /// Brings several deleted versions back, all of them or none.
    ///
    /// - Throws: ``RegistryError``; then none is back.
    @discardableResult
    public func restore(_ references: [String]) throws -> [RestorationReport] {
        let parsed = try references.map { reference in
            let parsed = try VersionReference(reference)
            guard case .number(let number) = parsed.selector, parsed.stepsBack == 0 else {
                throw RegistryError.badDeletedReference(reference)
            }
            return (parsed: parsed, number: number, text: reference)
        }
        let reports = try write { db in try parsed.map { try restore($0.parsed, $0.number, $0.text, db) } }
        for model in Set(parsed.map(\.parsed.model)) { packInBackground(model) }
        return reports
    }

    private func restore(
        _ parsed: VersionReference, _ number: Int, _ reference: String, _ db: Database
    ) throws -> RestorationReport {
        let modelID = try VersionTable.modelID(db, parsed.model)
        let row = try Row.fetchOne(
            db, sql: "SELECT id, deleted_at FROM version WHERE model = ? AND number = ?",
            arguments: [modelID, number])
        guard let row else { throw RegistryError.noDeletedVersion(model: parsed.model, number: number) }
        let id: Int64 = try row.value("id")
        guard let deletedAt: String = try row.optional("deleted_at") else {
            throw RegistryError.notDeleted("\(parsed.model):v\(number)")
        }
        guard deletedAt != RowRemoval.removing else {
            throw RegistryError.noDeletedVersion(model: parsed.model, number: number)
        }
        let found = try VersionTable.version(db, rowID: id)
        if let prefix = parsed.contentPrefix, !found.contentID.hex.hasPrefix(prefix) {
            throw RegistryError.contentMismatch(reference: reference, found: found.contentID)
        }
        let now = Timestamp.now()
        try db.execute(
            sql: "UPDATE version SET deleted_at = NULL, is_packed = 0 WHERE id = ?", arguments: [id])
        // The version before it has another next version again.
        try db.execute(
            sql: """
                UPDATE version SET is_packed = 0 WHERE id = (
                  SELECT id FROM version WHERE model = ? AND number < ? AND deleted_at IS NULL
                  ORDER BY number DESC LIMIT 1)
                """,
            arguments: [modelID, number])
        var taken: [String] = []
        for alias in try RestorableAlias.all(db, model: parsed.model, number: number, deletedAt: deletedAt) {
            guard (try? Names.checkAlias(alias.name)) != nil else { continue }
            let isTaken = try Bool.fetchOne(
                db, sql: "SELECT 1 FROM alias WHERE model = ? AND name = ?",
                arguments: [modelID, alias.name])
            if isTaken == true {
                taken.append(alias.name)
                continue
            }
            try AliasTable.set(
                db, alias.name, modelID: modelID, model: parsed.model, versionID: id, number: number,
                at: now,
                isPinned: alias.isPinned)
            if alias.isProtected {
                _ = try AliasTable.protect(
                    db, alias.name, modelID: modelID, model: parsed.model, isProtected: true, at: now)
            }
        }
        try EventTable.insert(db, "restore", model: parsed.model, number: number, at: now)
        return RestorationReport(version: try VersionTable.version(db, rowID: id), takenAliases: taken)
    }

    /// The deleted versions of a model that can be brought back, latest first.
    ///
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    public func deletedVersions(of model: String) throws -> [DeletedVersion] {
        try read { db in
            let modelID = try VersionTable.modelID(db, model)
            let condition = "version.model = ? AND version.deleted_at <> '\(RowRemoval.removing)'"
            let rows = try Row.fetchAll(
                db, sql: "SELECT deleted_at FROM version WHERE \(condition) ORDER BY number DESC",
                arguments: [modelID])
            return try zip(VersionTable.fetch(db, where: condition, arguments: [modelID]), rows).map {
                DeletedVersion(version: $0, deletedAt: try $1.time("deleted_at"))
            }
        }
    }
}

/// An alias as it was when its version was deleted. The event of the deletion remembers it.
struct RestorableAlias: Codable, Hashable {
    let name: String
    let isProtected: Bool
    let isPinned: Bool

    private enum CodingKeys: String, CodingKey {
        case name
        case isProtected = "protected"
        case isPinned = "pinned"
    }

    private struct Detail: Codable {
        let aliases: [RestorableAlias]
    }

    /// The aliases of a living version.
    static func all(_ db: Database, of version: Int64) throws -> [RestorableAlias] {
        try Row.fetchAll(
            db, sql: "SELECT name, is_protected, is_pinned FROM alias WHERE version = ? ORDER BY name",
            arguments: [version]
        ).map {
            RestorableAlias(
                name: try $0.value("name"), isProtected: try $0.value("is_protected", as: Int.self) == 1,
                isPinned: try $0.value("is_pinned", as: Int.self) == 1)
        }
    }

    /// The aliases that went with a deleted version.
    static func all(_ db: Database, model: String, number: Int, deletedAt: String) throws -> [RestorableAlias] {
        let detail = try String.fetchOne(
            db,
            sql: """
                SELECT detail FROM event WHERE model = ? AND number = ? AND action = 'rm' AND at = ?
                ORDER BY id DESC LIMIT 1
                """,
            arguments: [model, number, deletedAt])
        guard let detail, let found = try? JSONDecoder().decode(Detail.self, from: Data(detail.utf8)) else {
            return []
        }
        return found.aliases
    }

    /// What the event of a deletion says; `nil` where there are none.
    static func json(_ aliases: [RestorableAlias]) throws -> String? {
        guard !aliases.isEmpty else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(Detail(aliases: aliases)), as: UTF8.self)
    }
}
