import Dispatch
import Glibc

/// Other programs, run and waited for.
package enum ChildProcess {
    /// Bytes that a program can be given on standard input: what a pipe holds while nobody reads.
    package static let maximumInputByteCount = 4096

    /// What a program prints on standard output, 1 MiB at most; `nil` where it cannot be run, fails, or takes too
    /// long. Its standard error goes nowhere.
    ///
    /// - Parameter input: What it reads on standard input, at most ``maximumInputByteCount``.
    package static func output(of words: [String], input: [UInt8] = [], timeoutSeconds: Double) -> String? {
        guard input.count <= maximumInputByteCount else { return nil }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        defer { close(ends[0]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var inputEnds: [Int32] = [0, 0]
        if input.isEmpty {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        } else {
            guard pipe(&inputEnds) == 0 else {
                close(ends[1])
                return nil
            }
            for end in inputEnds { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            let count = write(inputEnds[1], input, input.count)
            close(inputEnds[1])
            guard count == input.count else {
                for end in [inputEnds[0], ends[1]] { close(end) }
                return nil
            }
            posix_spawn_file_actions_adddup2(&actions, inputEnds[0], STDIN_FILENO)
        }
        defer { if !input.isEmpty { close(inputEnds[0]) } }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var child: pid_t = 0
        let code = withCStrings(words) { posix_spawnp(&child, words[0], &actions, nil, $0, environ) }
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

    /// How a command ended.
    package enum End: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    /// Runs `arguments`, the first being a program on the path, with its standard output going to standard error.
    ///
    /// As `system(3)` does, leaves an interrupt from the terminal to the command while it runs.
    ///
    /// - Throws: ``ChildProcessError`` where there is no such program.
    package static func run(_ arguments: [String], environment: [String: String]) throws -> End {
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
            throw ChildProcessError(program: arguments[0], code: code)
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw ChildProcessError(program: arguments[0], code: errno) }
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

/// A program that could not be run.
package struct ChildProcessError: Error, CustomStringConvertible {
    /// The program's name as it was given.
    package let program: String
    /// The system's error number (`errno`).
    package let code: Int32

    /// Such as `cannot run "tset.sh": No such file or directory`.
    package var description: String { "cannot run \"\(program)\": \(String(cString: strerror(code)))" }
}

extension ChildProcessError: CategorisedError {
    package var category: ErrorCategory { .usage }
}
