import Checkpoints
import Foundations
import GRDB
import Glibc
public import OrderedCollections

/// The code and machine that made a run or a version.
public struct RunEnvironment: Hashable, Sendable {
    /// The machine's name.
    public var host: String?
    /// Who ran it.
    public var user: String?
    /// The command line, word by word.
    public var command: [String]
    /// The commit that is checked out in the current folder; `nil` where there is none.
    public var gitCommit: String?
    /// The branch; `nil` where no branch is checked out.
    public var gitBranch: String?
    /// Whether files that git knows are changed since that commit.
    public var isDirty: Bool?
    /// Names and versions of the software.
    public var packages: OrderedDictionary<String, String>

    /// Describes an environment.
    public init(
        host: String? = nil, user: String? = nil, command: [String] = [], gitCommit: String? = nil,
        gitBranch: String? = nil, isDirty: Bool? = nil, packages: OrderedDictionary<String, String> = [:]
    ) {
        self.host = host
        self.user = user
        self.command = command
        self.gitCommit = gitCommit
        self.gitBranch = gitBranch
        self.isDirty = isDirty
        self.packages = packages
    }

    /// This process's, as it was when somebody first asked.
    public static let current = captured()

    /// This process's: host, user, command line, versions of modelreg, Swift and the operating system, and what
    /// `git`, if there is one, says of the current folder within two seconds.
    public static func captured() -> RunEnvironment {
        let git = GitState.ofCurrentFolder()
        return RunEnvironment(
            host: CurrentUser.host(), user: CurrentUser.user(), command: CommandLine.arguments,
            gitCommit: git?.commit, gitBranch: git?.branch, isDirty: git?.isDirty,
            packages: ["modelreg": modelRegVersion, "swift": swiftVersion, "os": operatingSystem])
    }

    /// The release that this library was compiled with.
    private static var swiftVersion: String {
        #if compiler(>=6.5)
        "6.5 or later"
        #elseif compiler(>=6.4)
        "6.4"
        #elseif compiler(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }

    private static var operatingSystem: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "unknown" }
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(names.sysname)) \(text(names.release)) \(text(names.machine))"
    }
}

/// Environments as rows, each once.
enum EnvironmentTable {
    /// The row of an environment, inserted where there is none.
    static func findOrInsert(_ db: Database, _ environment: RunEnvironment) throws -> Int64 {
        let command =
            environment.command.isEmpty
            ? nil : "[\(environment.command.map(JSONText.quoted).joined(separator: ","))]"
        let packages =
            "{\(environment.packages.map { "\(JSONText.quoted($0)):\(JSONText.quoted($1))" }.joined(separator: ","))}"
        let id = contentID([
            environment.host, environment.user, command, environment.gitCommit, environment.gitBranch,
            environment.isDirty.map { $0 ? "1" : "0" }, packages,
        ])
        try db.execute(
            sql: """
                INSERT INTO environment
                  (content_id, host, user, command, git_commit, git_branch, is_dirty, packages)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content_id) DO NOTHING
                """,
            arguments: [
                id.data, environment.host, environment.user, command, environment.gitCommit,
                environment.gitBranch, environment.isDirty, packages,
            ])
        let row = try Int64.fetchOne(
            db, sql: "SELECT id FROM environment WHERE content_id = ?", arguments: [id.data])
        guard let row else { throw RegistryError.Damage(problem: "an environment was not inserted") }
        return row
    }

    /// SHA-256 of the columns as a JSON list of texts and nulls.
    static func contentID(_ columns: [String?]) -> ContentID {
        let json = "[\(columns.map { $0.map(JSONText.quoted) ?? "null" }.joined(separator: ","))]"
        return ContentID(hashing: Array(json.utf8))
    }

    /// The environment in a row; `nil` where there is no such row.
    static func environment(_ db: Database, _ id: Int64?) throws -> RunEnvironment? {
        guard let id,
            let row = try Row.fetchOne(db, sql: "SELECT * FROM environment WHERE id = ?", arguments: [id])
        else { return nil }
        let command = try String.fetchAll(
            db, sql: "SELECT value FROM environment, json_each(ifnull(command, '[]')) WHERE environment.id = ?",
            arguments: [id])
        var packages: OrderedDictionary<String, String> = [:]
        let rows = try Row.fetchAll(
            db,
            sql:
                "SELECT json_each.key, json_each.value FROM environment, json_each(packages) WHERE environment.id = ?",
            arguments: [id])
        for package in rows { packages[try package.value("key")] = try package.value("value") }
        return RunEnvironment(
            host: try row.optional("host"), user: try row.optional("user"), command: command,
            gitCommit: try row.optional("git_commit"), gitBranch: try row.optional("git_branch"),
            isDirty: try row.optional("is_dirty", as: Int.self).map { $0 == 1 }, packages: packages)
    }
}
