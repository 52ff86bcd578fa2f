import Dispatch
import Glibc

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

/// Short-lived programs.
enum ChildProcess {
    /// What a program prints on standard output, 1 MiB at most; `nil` where it cannot be run, fails, or takes too
    /// long. Its standard error goes nowhere.
    static func output(of words: [String], timeoutSeconds: Double) -> String? {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        defer { close(ends[0]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
        close(ends[1])
        guard code == 0 else { return nil }
        let output = read(ends[0], timeoutSeconds: timeoutSeconds)
        if output == nil { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        return status == 0 ? output.map { String(decoding: $0, as: UTF8.self) } : nil
    }

    /// All bytes up to the end; `nil` where that does not come in time, or after too many.
    private static func read(_ descriptor: Int32, timeoutSeconds: Double) -> [UInt8]? {
        let deadline = DispatchTime.now() + timeoutSeconds
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 {
            let now = DispatchTime.now()
            guard now < deadline else { return nil }
            let milliseconds = (deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000 + 1
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, Int32(milliseconds)) != 0 else { return nil }
            var part = [UInt8](repeating: 0, count: 65536)
            let count = Glibc.read(descriptor, &part, part.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes += part[..<count]
        }
        return nil
    }
}
