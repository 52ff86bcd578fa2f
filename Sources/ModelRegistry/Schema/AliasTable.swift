import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// Setting and removing aliases. The caller's transaction makes each change atomic with its event.
enum AliasTable {
    /// Points an alias at a version.
    ///
    /// - Parameter isPinned: Whether its version stays keyframes; `nil` to leave that as it is.
    /// - Returns: The number of the version that it named before.
    /// - Throws: ``RegistryError/protectedAlias(model:alias:)`` where it would move and is protected.
    @discardableResult
    static func set(
        _ db: Database, _ name: String, modelID: Int64, model: String, versionID: Int64, number: Int,
        at now: String, isPinned: Bool? = nil, force: Bool = false
    ) throws -> Int? {
        let before = try Row.fetchOne(
            db,
            sql:
                "SELECT version.number, alias.is_protected FROM alias JOIN version ON version.id = alias.version "
                + "WHERE alias.model = ? AND alias.name = ?",
            arguments: [modelID, name])
        let previous: Int? = try before?.value("number")
        if let before, previous != number, !force, try before.value("is_protected", as: Int.self) == 1 {
            throw RegistryError.protectedAlias(model: model, alias: name)
        }
        try db.execute(
            sql: """
                INSERT INTO alias (model, name, version, is_pinned, updated_at) VALUES (?1, ?2, ?3, ifnull(?4, 0), ?5)
                ON CONFLICT (model, name) DO UPDATE SET
                  version = excluded.version, is_pinned = ifnull(?4, is_pinned), updated_at = excluded.updated_at
                """,
            arguments: [modelID, name, versionID, isPinned, now])
        try EventTable.insert(
            db, "alias set", model: model, number: number, alias: name, at: now,
            detail: previous.map { "{\"from\":\($0)}" })
        return previous
    }

    /// Checks before a save that its aliases may move.
    ///
    /// - Throws: ``RegistryError/protectedAlias(model:alias:)``.
    static func checkMovable(_ db: Database, _ options: SaveOptions, model: String) throws {
        if options.movesProtectedAliases { return }
        for alias in options.aliases {
            let isProtected = try Bool.fetchOne(
                db,
                sql: "SELECT is_protected FROM alias JOIN model ON model.id = alias.model "
                    + "WHERE model.name = ? AND alias.name = ?",
                arguments: [model, alias])
            if isProtected == true { throw RegistryError.protectedAlias(model: model, alias: alias) }
        }
    }

    /// Protects an alias, or no longer.
    ///
    /// - Returns: The number of the version that it names.
    /// - Throws: ``RegistryError/noAlias(model:alias:suggestion:)``.
    static func protect(
        _ db: Database, _ name: String, modelID: Int64, model: String, isProtected: Bool, at now: String
    ) throws -> Int {
        let number = try Int.fetchOne(
            db,
            sql: "SELECT version.number FROM alias JOIN version ON version.id = alias.version "
                + "WHERE alias.model = ? AND alias.name = ?",
            arguments: [modelID, name])
        guard let number else { throw try noAlias(db, name, modelID: modelID, model: model) }
        try db.execute(
            sql: "UPDATE alias SET is_protected = ?1 WHERE model = ?2 AND name = ?3 AND is_protected <> ?1",
            arguments: [isProtected, modelID, name])
        if db.changesCount > 0 {
            try EventTable.insert(
                db, isProtected ? "alias protect" : "alias unprotect", model: model, number: number,
                alias: name,
                at: now)
        }
        return number
    }

    private static func noAlias(_ db: Database, _ name: String, modelID: Int64, model: String) throws
        -> RegistryError
    {
        let names = try String.fetchAll(
            db, sql: "SELECT name FROM alias WHERE model = ? ORDER BY name", arguments: [modelID])
        return .noAlias(model: model, alias: name, suggestion: Suggestion.closest(to: name, among: names))
    }

    /// Removes an alias.
    ///
    /// - Returns: The number of the version that it named.
    /// - Throws: ``RegistryError`` when there is no such alias, or it is protected.
    static func remove(
        _ db: Database, _ name: String, modelID: Int64, model: String, at now: String, force: Bool
    ) throws -> Int {
        let row = try Row.fetchOne(
            db,
            sql:
                "SELECT version.number, alias.is_protected FROM alias JOIN version ON version.id = alias.version "
                + "WHERE alias.model = ? AND alias.name = ?",
            arguments: [modelID, name])
        guard let row else { throw try noAlias(db, name, modelID: modelID, model: model) }
        if !force, try row.value("is_protected", as: Int.self) == 1 {
            throw RegistryError.protectedAlias(model: model, alias: name)
        }
        try db.execute(sql: "DELETE FROM alias WHERE model = ? AND name = ?", arguments: [modelID, name])
        let number: Int = try row.value("number")
        try EventTable.insert(db, "alias rm", model: model, number: number, alias: name, at: now)
        return number
    }
}
