import Glibc

/// What a crash of modelreg says: one line, and an exit status that means nothing else.
///
/// Without it, Swift's runtime would print pages of a backtrace, or a line that says why it cannot.
enum CrashReport {
    /// Call first in the process.
    static func install() {
        // An overflowing stack leaves no room for a handler on it.
        let byteCount = 64 << 10
        var stack = stack_t(
            ss_sp: UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 16), ss_flags: 0,
            ss_size: byteCount)
        sigaltstack(&stack, nil)
        for signal in [SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSEGV] {
            handle(signal) { _ in
                CrashReport.end(
                    "modelreg: a fault in modelreg itself; please report it. What is saved is unharmed.\n",
                    .software)
            }
        }
        // A file that would be longer than the process may make it (`ulimit -f`) is an error like a full disk.
        signal(SIGXFSZ, SIG_IGN)
        // Files are mapped: a disk that fails, or another program that cuts a file off, shows here.
        handle(SIGBUS) { _ in
            CrashReport.end(
                "modelreg: a file that was being used was cut off by another program, or cannot be read\n",
                .inputOutput)
        }
    }

    private static func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = Int32(bitPattern: UInt32(SA_ONSTACK)) | SA_NODEFER
        sigaction(signal, &action, nil)
    }

    /// Only calls that a signal handler may make.
    private static func end(_ text: StaticString, _ status: ExitStatus) {
        _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        _exit(status.rawValue)
    }
}
