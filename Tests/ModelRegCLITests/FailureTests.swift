import Foundation
import Testing

/// What no command expects: it says so in a line, with an exit status that scripts do not take for an answer.
@Suite struct FailureTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// An error that was on no list ended with 1, which says that the bisection found nothing certain.
    @Test func aFolderThatCannotBeMadeIsNoAnswer() throws {
        try workspace.succeed("save Examples/data/mlp-step-000.pt m")
        try workspace.succeed("save Examples/data/mlp-step-010.pt m")
        let outcome = try workspace.shell("TMPDIR=$PWD/none modelreg bisect m -- true")
        #expect(outcome.status == 73 && outcome.output.isEmpty)
        #expect(
            outcome.errors.hasPrefix("modelreg: cannot write \"\(workspace.folder.path)/none/modelreg-bisect-"))
        #expect(outcome.errors.hasSuffix("\": No such file or directory\n"))
    }

    /// Pages of a backtrace, or why there was none, came from a crash.
    @Test(
        arguments: [
            (SIGILL, 70, "a fault in modelreg itself; please report it. What is saved is unharmed."),
            (SIGTRAP, 70, "a fault in modelreg itself; please report it. What is saved is unharmed."),
            (SIGSEGV, 70, "a fault in modelreg itself; please report it. What is saved is unharmed."),
            (SIGBUS, 74, "a file that was being used was cut off by another program, or cannot be read"),
        ] as [(Int32, Int32, String)])
    func aCrashSaysOneLine(_ signal: Int32, _ status: Int32, _ message: String) throws {
        try workspace.succeed("run start m --name r")
        // It has begun to read once it passes a line on.
        let outcome = try workspace.shell(
            """
            mkfifo in out
            SWIFT_BACKTRACE=enable=yes modelreg run log m/r --stdin < in > out &
            exec 3> in; echo ready >&3; read line < out
            kill -\(signal) $!; wait $!
            """)
        #expect(outcome.status == status)
        #expect(outcome.errors == "modelreg: \(message)\n")
    }
}
