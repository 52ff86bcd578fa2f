import Foundation
import Testing

/// Checkpoints that come through pipes.
@Suite struct PipeTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        _ = try workspace.shell("mkdir temporary")
    }

    private func shell(_ line: String) throws -> Workspace.Outcome {
        try workspace.shell(line, environment: ["TMPDIR": workspace.folder.path + "/temporary"])
    }

    private var temporaryFiles: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: workspace.folder.path + "/temporary")
        }
    }

    // They were refused as "Invalid argument".
    @Test(arguments: [
        ("cat Examples/data/x-file | modelreg save - m", "stdin.pt"),
        ("cat Examples/data/x-file | modelreg save /dev/stdin m", "stdin.pt"),
        ("modelreg save - m < Examples/data/x-file", "stdin.pt"),
        ("modelreg save <(cat Examples/data/x-file) m", "stdin.pt"),
        ("mkfifo w.pt; cat Examples/data/x-file > w.pt & modelreg save w.pt m", "w.pt"),
    ])
    func areSavedLikeFiles(line: String, name: String) throws {
        let outcome = try shell(line)
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        #expect(try temporaryFiles.isEmpty)
        #expect(try workspace.modelreg("show m").output.contains("file      \(name), pytorch"))
        #expect(try shell("mkdir back; cd back; modelreg load m --registry ../modelreg.db").status == 0)
        #expect(try shell("cmp back/\(name) Examples/data/x-file").status == 0)
        #expect(try shell("modelreg diff m <(cat Examples/data/x-file) --exit-code").status == 0)
    }

    @Test(
        arguments: [
            ("printf '' | modelreg save - m", 65, "\"standard input\": the file is empty"),
            (
                "cat Examples/data/README.md | modelreg save - m", 65,
                "\"standard input\": not a checkpoint that modelreg can read"
            ),
            (
                "printf '{}' | modelreg save - m", 65,
                "\"standard input\": the file is JSON, which is read as the index of a model in several files only"
            ),
            (
                "TMPDIR=none; cat Examples/data/x-file | modelreg save - m", 73,
                "cannot write \"none\": No such file"
            ),
            (
                "ulimit -f 1; cat Examples/data/mlp-step-000.pt | modelreg save - m", 74,
                "cannot write \"\(FileManager.default.temporaryDirectory.path)"
            ),
        ] as [(String, Int32, String)])
    func areRefusedInOneLine(line: String, status: Int32, message: String) throws {
        let outcome = try shell(line)
        #expect(outcome.status == status)
        #expect(outcome.errors.hasPrefix("modelreg: \(message)"), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(try temporaryFiles.isEmpty && workspace.names == ["temporary"])
    }

    @Test func aSignalLeavesNothing() throws {
        let running = try workspace.start(
            "(head -c 3000000 /dev/zero; sleep 3) | exec modelreg save - m & sleep 1; kill -9 $!; wait $!",
            environment: ["TMPDIR": workspace.folder.path + "/temporary"])
        #expect(try running.wait().status == 128 + 9)
        #expect(try temporaryFiles.isEmpty)
    }
}
