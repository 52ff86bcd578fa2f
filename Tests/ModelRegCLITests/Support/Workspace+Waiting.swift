import Foundation

// Tests wait for what they can see, and never for a time: a machine may be as busy as it likes.

extension Workspace.Running {
    /// Waits until there is something to be seen.
    ///
    /// - Returns: Whether there was; `false` where the process ended before.
    @discardableResult
    func wait(until isSeen: () throws -> Bool) throws -> Bool {
        while try !isSeen() {
            guard process.isRunning else { return false }
            usleep(1000)
        }
        return true
    }

    /// Kills the process, which must be the command itself (`exec`).
    ///
    /// - Returns: Whether that is how it ended; `false` where it had ended before.
    func kill() throws -> Bool {
        Foundation.kill(process.processIdentifier, SIGKILL)
        let outcome = try wait()
        return process.terminationReason == .uncaughtSignal && outcome.status == SIGKILL
    }
}

extension Workspace {
    /// How many transactions have changed a registry, as SQLite counts them in the file's header; 0 where there is none.
    func commitCount(_ registry: String) -> Int {
        guard let file = try? FileHandle(forReadingFrom: folder.appending(path: registry)),
            (try? file.seek(toOffset: 24)) != nil, let bytes = try? file.read(upToCount: 4), bytes.count == 4
        else { return 0 }
        return bytes.reduce(0) { $0 << 8 | Int($1) }
    }

    /// Whether a transaction is changing a registry: what it was before is in a journal.
    func isWriting(_ registry: String) -> Bool { byteCount("\(registry)-journal") > 0 }

    /// The bytes of a file in the folder; 0 where there is none.
    func byteCount(_ name: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)[.size] as? Int)
            ?? 0
    }

    /// Starts a command that writes to a registry, and kills it in a transaction.
    ///
    /// - Parameter commits: How many transactions it may finish before.
    /// - Returns: Whether it was killed in one; `false` where it ended before.
    func killed(_ command: String, in registry: String = "modelreg.db", afterCommits commits: Int) throws
        -> Bool
    {
        let before = commitCount(registry)
        let process = try start("exec modelreg \(command)")
        try process.wait { commitCount(registry) >= before + commits && isWriting(registry) }
        return try process.kill()
    }
}
