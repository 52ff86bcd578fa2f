import Foundations

/// What `git` says of a working tree.
struct GitState: Hashable {
    var commit: String?
    var branch: String?
    var isDirty: Bool

    /// The state of the working tree around the current folder; `nil` where there is none, no `git`, or no answer
    /// in time.
    static func ofCurrentFolder(timeoutSeconds: Double = 2) -> GitState? {
        // A repository's own configuration may name a program to run as a monitor of its files.
        let command = [
            "git", "-c", "core.fsmonitor=false", "--no-optional-locks", "status", "--porcelain=v2", "--branch",
            "--untracked-files=no", "--ignore-submodules",
        ]
        return ChildProcess.output(of: command, timeoutSeconds: timeoutSeconds).map(GitState.init(status:))
    }

    /// Reads the output of `git status --porcelain=v2 --branch`.
    init(status: String) {
        isDirty = false
        for line in status.split(separator: "\n") {
            if line.hasPrefix("# branch.oid ") {
                let id = line.dropFirst("# branch.oid ".count)
                if id != "(initial)" { commit = String(id) }
            } else if line.hasPrefix("# branch.head ") {
                let name = line.dropFirst("# branch.head ".count)
                if name != "(detached)" { branch = String(name) }
            } else if !line.hasPrefix("#") {
                isDirty = true
            }
        }
    }
}
