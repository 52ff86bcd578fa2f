import Checkpoints
import ChunkStore
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
