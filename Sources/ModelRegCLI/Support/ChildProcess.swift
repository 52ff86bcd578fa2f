import Glibc

/// Runs a command of the user's and waits for it.
enum ChildProcess {
    /// How a command ended.
    enum End: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    /// Runs `arguments`, the first being a program on the path, with its standard output going to standard error.
    ///
    /// As `system(3)` does, leaves an interrupt from the terminal to the command while it runs.
    ///
    /// - Throws: ``UsageError`` where there is no such program.
    static func run(_ arguments: [String], environment: [String: String]) throws -> End {
        var variables: [String] = []
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            let name = String(text.prefix { $0 != "=" })
            if environment[name] == nil { variables.append(text) }
            next += 1
        }
        variables += environment.map { "\($0.key)=\($0.value)" }.sorted()

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var interrupts = sigset_t()
        sigemptyset(&interrupts)
        sigaddset(&interrupts, SIGINT)
        sigaddset(&interrupts, SIGQUIT)
        posix_spawnattr_setsigdefault(&attributes, &interrupts)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))

        let interrupt = signal(SIGINT, SIG_IGN)
        let quit = signal(SIGQUIT, SIG_IGN)
        defer {
            signal(SIGINT, interrupt)
            signal(SIGQUIT, quit)
        }
        var process = pid_t()
        let code = withCStrings(arguments) { arguments in
            withCStrings(variables) { variables in
                arguments[0].map {
                    posix_spawnp(&process, $0, &actions, &attributes, arguments, variables)
                } ?? ENOENT
            }
        }
        guard code == 0 else {
            throw UsageError(
                description: "cannot run \"\(arguments[0])\": \(String(cString: strerror(code)))")
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else {
                throw UsageError(description: "cannot wait for \"\(arguments[0])\"")
            }
        }
        return status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let strings = texts.map { strdup($0) }
        defer { for string in strings { free(string) } }
        return body(strings + [nil])
    }
}
