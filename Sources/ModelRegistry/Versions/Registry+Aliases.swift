import ChunkStore
public import Foundation
import Foundations
import GRDB

/// A movable name for a version.
public struct Alias: Hashable, Sendable {
    /// The model's name.
    public let model: String
    /// The alias.
    public let name: String
    /// The number of the version that it names.
    public let number: Int
    /// Whether moving or removing it needs force.
    public let isProtected: Bool
    /// Whether its version keeps loading at full speed.
    public let isPinned: Bool
    /// When it was set, to the millisecond.
    public let updatedAt: Date
}

/// Something that was done to an alias.
public struct AliasEvent: Hashable, Sendable {
    /// When, to the millisecond.
    public let at: Date
    /// Who: `user@host`.
    public let actor: String
    /// `alias set`, `alias rm`, `alias protect` or `alias unprotect`.
    public let action: String
    /// The alias.
    public let alias: String
    /// The number of the version that it names from then on, or named until then.
    public let number: Int?
    /// The number of the version that it named before.
    public let before: Int?
}

extension Registry {
    /// Points an alias at a version, wherever it pointed before.
    ///
    /// - Parameters:
    ///   - isPinned: Whether the version that it names keeps loading at full speed, whatever is saved after it; see
    ///     ``pack(_:effort:progress:isCancelled:)``. `nil` leaves that as it is: at first, it does not.
    ///   - force: Whether to move a protected alias.
    /// - Returns: The number of the version that it named before.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func setAlias(_ alias: String, to reference: String, isPinned: Bool? = nil, force: Bool = false)
        throws -> Int?
    {
        try Names.checkAlias(alias)
        return try write { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            return try AliasTable.set(
                db, alias, modelID: VersionTable.modelID(db, version.model), model: version.model,
                versionID: version.rowID, number: version.number, at: Timestamp.now(), isPinned: isPinned,
                force: force)
        }
    }

    /// Removes an alias. Its version stays.
    ///
    /// - Parameter force: Whether to remove a protected alias.
    /// - Returns: The number of the version that it named.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func removeAlias(_ alias: String, of model: String, force: Bool = false) throws -> Int {
        try write { db in
            try AliasTable.remove(
                db, alias, modelID: VersionTable.modelID(db, model), model: model, at: Timestamp.now(),
                force: force)
        }
    }

    /// Protects an alias from being moved, removed, or deleted with its version, unless by force; or no longer.
    ///
    /// - Returns: The number of the version that it names.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func protectAlias(_ alias: String, of model: String, isProtected: Bool = true) throws -> Int {
        try write { db in
            try AliasTable.protect(
                db, alias, modelID: VersionTable.modelID(db, model), model: model, isProtected: isProtected,
                at: Timestamp.now())
        }
    }

    /// What was done to the aliases of a model, latest first. Remembered for good, also of versions that are gone.
    ///
    /// - Parameter alias: One alias; `nil` for all.
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    public func aliasHistory(of model: String, alias: String? = nil) throws -> [AliasEvent] {
        try read { db in
            _ = try VersionTable.modelID(db, model)
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT at, actor, action, alias, number, iif(json_valid(detail), detail ->> '$.from', NULL) AS before
                    FROM event WHERE model = ?1 AND alias IS NOT NULL AND (?2 IS NULL OR alias = ?2) ORDER BY id DESC
                    """,
                arguments: [model, alias])
            return try rows.map { row in
                AliasEvent(
                    at: try row.time("at"), actor: try row.value("actor"), action: try row.value("action"),
                    alias: try row.value("alias"), number: try row.optional("number"),
                    before: try row.optional("before"))
            }
        }
    }

    /// The aliases of a model, or of all, by model and name.
    ///
    /// - Throws: ``RegistryError/noModel(_:suggestion:)``.
    public func aliases(of model: String? = nil) throws -> [Alias] {
        try read { db in
            let modelID = try model.map { try VersionTable.modelID(db, $0) }
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT model.name AS model, alias.name, version.number, is_protected, is_pinned, updated_at
                    FROM alias JOIN model ON model.id = alias.model JOIN version ON version.id = alias.version
                    WHERE ?1 IS NULL OR model.id = ?1 ORDER BY model.name, alias.name
                    """,
                arguments: [modelID])
            return try rows.map { row in
                Alias(
                    model: try row.value("model"), name: try row.value("name"), number: try row.value("number"),
                    isProtected: try row.value("is_protected", as: Int.self) == 1,
                    isPinned: try row.value("is_pinned", as: Int.self) == 1,
                    updatedAt: try row.time("updated_at"))
            }
        }
    }
}
