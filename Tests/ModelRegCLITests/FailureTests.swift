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

    /// SQLite took a read that the disk refused for damage: exit status 65, and "the registry is damaged". Packing said it in
    /// Swift's words.
    @Test(arguments: ["ls", "verify", "pack"])
    func aDiskThatCannotBeReadIsNoDamage(command: String) throws {
        try compileFaults()
        try workspace.succeed("save Examples/data/mlp-step-000.pt m --no-pack")
        try workspace.succeed("save Examples/data/mlp-step-010.pt m --no-pack")
        let path = workspace.folder.appending(path: "modelreg.db").path
        var failureCount = 0
        // The calls that read the registry, one after the other.
        for call in 1...400 {
            let outcome = try workspace.shell(
                "LD_PRELOAD=$PWD/faults.so modelreg \(command)",
                environment: [
                    "TORTURE_FOLDER": path, "TORTURE_READS": "1", "TORTURE_AT": "\(call)",
                    "TORTURE_FAULT": "\(EIO)",
                ])
            if outcome.status == 0 { break }
            failureCount += 1
            #expect(
                outcome.status == 74 && outcome.errors.hasPrefix("modelreg: \"modelreg.db\": "),
                "read \(call): \(outcome.status) \(outcome.output)\(outcome.errors)")
        }
        #expect(failureCount > 10)
    }

    /// A disk that failed while a patch was applied was told in Swift's words.
    @Test func aDiskThatCannotBeWrittenIsSaidInWords() throws {
        try compileFaults()
        try workspace.succeed("save Examples/data/mlp-step-000.pt m --no-pack")
        #expect(try workspace.shell("cp modelreg.db theirs.db").status == 0)
        try workspace.succeed("save Examples/data/mlp-step-010.pt m --no-pack --registry theirs.db")
        try workspace.succeed("diff m:v1 m:v2 -o change.mrpatch --registry theirs.db")
        var failureCount = 0
        for call in 1...200 {
            let outcome = try workspace.shell(
                "LD_PRELOAD=$PWD/faults.so modelreg apply change.mrpatch --no-pack",
                environment: [
                    "TORTURE_FOLDER": workspace.folder.path, "TORTURE_AT": "\(call)", "TORTURE_FAULT": "\(EIO)",
                ])
            if outcome.status == 0 { break }
            failureCount += 1
            #expect(
                outcome.status == 74 && outcome.errors.hasPrefix("modelreg: \"modelreg.db\": ")
                    && outcome.errors.split(separator: "\n").count == 1,
                "call \(call): \(outcome.status) \(outcome.errors)")
        }
        #expect(failureCount > 5)
    }

    private func compileFaults() throws {
        let faults = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Torture/faults.c").standardized.path
        let compiled = try workspace.shell("clang -shared -fPIC -o faults.so '\(faults)' -ldl")
        try #require(compiled.status == 0, "\(compiled.errors)")
    }

    /// The system ended the process, and its temporary file stayed.
    @Test func aLimitOfFilesIsAnErrorAndLeavesNothing() throws {
        let outcome = try workspace.shell(
            "ulimit -f 100; modelreg save Examples/data/mlp-step-000.pt m; status=$?; ls -A; exit $status")
        #expect(outcome.status == 74 && !outcome.output.contains("modelreg"), "\(outcome.output)")
        #expect(
            outcome.errors == "modelreg: \"modelreg.db\": reading or writing failed: input/output error\n")
    }

    /// The first save put a file in the place of the link.
    @Test func aLinkToAMissingFileStays() throws {
        let outcome = try workspace.shell(
            "ln -s away/models.db modelreg.db; modelreg save Examples/data/mlp-step-000.pt m; status=$?; readlink modelreg.db; exit $status"
        )
        #expect(outcome.status == 73 && outcome.output == "away/models.db\n")
        #expect(outcome.errors == "modelreg: cannot write \"modelreg.db\": No such file or directory\n")
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
