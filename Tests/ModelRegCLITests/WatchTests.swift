import Foundation
import Testing

@Suite struct WatchTests {
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        for name in ["one", "two", "three"] {
            try workspace.succeed("run start mlp --name \(name)")
            let lines = (0..<50).map { "{\"step\": \($0), \"loss\": \(1.0 / Double($0 + 1))}" }.joined(
                separator: "\n")
            try workspace.write(Data(lines.utf8), to: "lines")
            #expect(try workspace.shell("modelreg run log mlp/\(name) --stdin < lines").status == 0)
        }
        try workspace.succeed("save Examples/data/mlp-step-000.pt mlp -m first --run mlp/one")
        return workspace
    }

    @Test func showsRunsAndVersions() throws {
        let output = try workspace().succeed("watch mlp")
        #expect(output.hasPrefix("mlp  3 runs"))
        #expect(output.contains("loss  mlp/three") && output.contains("RUN") && output.contains("v1"))
    }

    @Test func wrongWordsAreRefused() throws {
        let workspace = try workspace()
        #expect(try workspace.modelreg("watch other").status == 66)
        #expect(try workspace.modelreg("watch mlp los").errors.contains("did you mean \"loss\"?"))
        #expect(try workspace.modelreg("watch mlp --interval 0").status == 64)
    }

    /// The colours of the first and third line were shown as `\u{1b}[36m`: only some were known to be colours.
    @Test func colouredPlotsAreColoured() throws {
        let workspace = try workspace()
        let outcome = try workspace.shell(
            "script -qec 'modelreg plot loss mlp' /dev/null < /dev/null", environment: ["TERM": "xterm"])
        // Without the program `script` there is no terminal to try it in.
        guard outcome.output.contains("loss") else { return }
        #expect(!outcome.output.contains("\\u{1b}"))
    }

    @Test func theScreenComesBack() throws {
        let workspace = try workspace()
        let outcome = try workspace.shell(
            "printf q | script -qec 'modelreg watch mlp' /dev/null", environment: ["TERM": "xterm"])
        guard outcome.output.contains("mlp") else { return }
        #expect(outcome.output.contains("\u{1B}[?1049h"))
        #expect(outcome.output.contains("q ends"))
        #expect(outcome.output.contains("\u{1B}[?25h\u{1B}[?1049l"))
        #expect(!outcome.output.contains("\\u{1b}"))
    }
}
