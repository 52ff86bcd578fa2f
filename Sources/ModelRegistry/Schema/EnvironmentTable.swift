import Checkpoints
import ChunkStore
import Foundations
import GRDB
import OrderedCollections

/// Environments as rows, each once.
enum EnvironmentTable {
    // Named one by one, here as elsewhere: a schema of somebody else may have other columns.
    private static let columns = "content_id, host, user, command, git_commit, git_branch, is_dirty, packages"

    /// The row of an environment, inserted where there is none.
    static func findOrInsert(_ db: Database, _ environment: RunEnvironment) throws -> Int64 {
        let command =
            environment.command.isEmpty
            ? nil : "[\(environment.command.map { JSONText.quoted($0.storable) }.joined(separator: ","))]"
        let packages = environment.packages
            .map { "\(JSONText.quoted($0.storable)):\(JSONText.quoted($1.storable))" }.joined(separator: ",")
        var environment = environment
        for text in [\RunEnvironment.host, \.user, \.gitCommit, \.gitBranch] {
            environment[keyPath: text] = environment[keyPath: text]?.storable
        }
        let id = contentID([
            environment.host, environment.user, command, environment.gitCommit, environment.gitBranch,
            environment.isDirty.map { $0 ? "1" : "0" }, "{\(packages)}",
        ])
        try db.cachedStatement(
            sql: """
                INSERT INTO environment
                  (content_id, host, user, command, git_commit, git_branch, is_dirty, packages)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content_id) DO NOTHING
                """
        ).execute(arguments: [
            id.data, environment.host, environment.user, command, environment.gitCommit,
            environment.gitBranch, environment.isDirty, "{\(packages)}",
        ])
        guard let row = try db.row(in: "environment", where: "content_id", is: id.data) else {
            throw RegistryError.Damage(problem: "an environment was not inserted")
        }
        return row
    }

    /// SHA-256 of the columns as a JSON list of texts and nulls.
    static func contentID(_ columns: [String?]) -> ContentID {
        let json = "[\(columns.map { $0.map(JSONText.quoted) ?? "null" }.joined(separator: ","))]"
        return ContentID(hashing: Array(json.utf8))
    }

    /// Compares a row with its content id.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func check(_ db: Database, row: Int64) throws {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT \(columns) FROM environment WHERE id = ?"), arguments: [row])
        guard let row else { throw RegistryError.Damage(problem: "an environment's row is missing") }
        let texts = ["host", "user", "command", "git_commit", "git_branch"]
        let id = contentID(
            try texts.map { try row.optional($0) }
                + [try row.optional("is_dirty", as: Int.self).map { "\($0)" }, try row.value("packages")])
        guard id == (try row.contentID("content_id")) else {
            throw RegistryError.Damage(problem: "an environment does not match its content id")
        }
    }

    /// The environment in a row; `nil` where there is no such row.
    static func environment(_ db: Database, _ id: Int64?) throws -> RunEnvironment? {
        guard let id,
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT \(columns) FROM environment WHERE id = ?"), arguments: [id])
        else { return nil }
        let command = try String.fetchAll(
            db.cachedStatement(
                sql: "SELECT value FROM environment, json_each(ifnull(command, '[]')) WHERE environment.id = ?"),
            arguments: [id])
        var packages: OrderedDictionary<String, String> = [:]
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql:
                    "SELECT json_each.key, json_each.value FROM environment, json_each(packages) WHERE environment.id = ?"
            ), arguments: [id])
        for package in rows { packages[try package.value("key")] = try package.value("value") }
        return RunEnvironment(
            host: try row.optional("host"), user: try row.optional("user"), command: command,
            gitCommit: try row.optional("git_commit"), gitBranch: try row.optional("git_branch"),
            isDirty: try row.optional("is_dirty", as: Int.self).map { $0 == 1 }, packages: packages)
    }
}
