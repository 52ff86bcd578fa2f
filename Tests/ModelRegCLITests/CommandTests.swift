import Foundation
import Foundations
import Testing

@Suite struct CommandTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func everyExampleComesBackByteForByte() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: Workspace.repository.appending(path: "Examples/data").path
        ).filter {
            !$0.hasSuffix(".py") && !$0.hasSuffix(".json") && !$0.hasSuffix(".md") && !$0.hasPrefix(".")
        }
        #expect(names.count >= 14)
        for name in names {
            let saved = try workspace.modelreg("save Examples/data/\(name) \(name)")
            #expect(saved.status == 0, "\(name): \(saved.errors)")
            let loaded = try workspace.modelreg("load \(name)")
            #expect(
                loaded.output == "\(name):v1 -> \(name)  (the file that was saved, byte for byte)\n",
                "\(loaded.errors)")
            #expect(try workspace.bytes(name) == workspace.bytes("Examples/data/\(name)"), "\(name)")
            #expect(try workspace.modelreg("diff \(name) ./\(name) --exit-code").status == 0)
        }
        let verified = try workspace.modelreg("verify")
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test func savingTheSameWeightsAgainSaysSoAndStoresNothing() throws {
        _ = try workspace.modelreg("save Examples/data/mlp-step-100.pt mlp")
        let again = try workspace.modelreg("save Examples/data/mlp-step-100.pt mlp --json")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(again.output.utf8)) as? [String: Any])
        #expect(report["same_content_as"] as? String == "mlp:v1")
        #expect(report["stored_byte_count"] as? Int == 0)
    }

    @Test func loadNeverOverwritesWithoutForce() throws {
        _ = try workspace.modelreg("save Examples/data/x-file x")
        try workspace.write(Data("precious".utf8), to: "x-file")
        let refused = try workspace.modelreg("load x")
        #expect(refused.status == 73)
        #expect(refused.errors == "modelreg: cannot write \"x-file\": File exists; --force overwrites it\n")
        #expect(try workspace.bytes("x-file") == Data("precious".utf8))
        #expect(try workspace.modelreg("load x --force").status == 0)
        #expect(try workspace.bytes("x-file") == workspace.bytes("Examples/data/x-file"))
    }

    @Test func diffExitsWithOneOnlyWhenAsked() throws {
        _ = try workspace.shell("for s in 000 010; do modelreg save Examples/data/mlp-step-$s.pt mlp; done")
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2").status == 0)
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2 --exit-code").status == 1)
        #expect(try workspace.modelreg("diff mlp:v2 mlp:v2 --exit-code").status == 0)
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2 --stat").output == "4 changed, 0 unchanged\n")
    }

    @Test func filesAreComparedWithoutARegistry() throws {
        let outcome = try workspace.modelreg(
            "diff Examples/data/mlp-step-100.pt Examples/data/mlp-step-100.safetensors")
        #expect(outcome.output == "M order of keys or type of containers changed\n4 unchanged\n")
        #expect(try workspace.names.isEmpty)
    }

    @Test func readingCommandsPrintJSONOnly() throws {
        _ = try workspace.modelreg(
            "save Examples/data/checkpoint.pt run:good --metric loss=nan --set 'tags=[1,\"a\"]'")
        for command in ["ls", "log run", "show run", "diff run run", "alias ls", "verify", "load run"] {
            let outcome = try workspace.modelreg("\(command) --json")
            #expect(outcome.status == 0, "\(command): \(outcome.errors)")
            #expect(outcome.errors.isEmpty, "\(command)")
            #expect(throws: Never.self, "\(command)") {
                try JSONSerialization.jsonObject(with: Data(outcome.output.utf8), options: .fragmentsAllowed)
            }
        }
        let shown = try workspace.shell("modelreg show run --json")
        let show = try #require(
            try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any])
        let version = try #require(show["version"] as? [String: Any])
        #expect((version["metrics"] as? [String: Any])?["loss"] is NSNull)
        #expect(((show["attributes"] as? [String: Any])?["tags"] as? [Any])?.count == 2)
        #expect((show["parameters"] as? [Any])?.count == 55)
    }

    @Test func emptyListsAreJSONToo() throws {
        _ = try workspace.shell("modelreg save Examples/data/x-file x; modelreg rm x:v1")
        #expect(try workspace.modelreg("log x --json").output == "[\n\n]\n")
        #expect(try workspace.modelreg("alias ls --json").output == "[\n\n]\n")
    }

    @Test func attachmentsMetricsAndFactsAreShown() throws {
        try workspace.write(Data("{}".utf8), to: "config.json")
        let saved = try workspace.modelreg(
            "save Examples/data/x-file x -m 'a message' --metric acc=0.5 --set lr=0.1 --set name=adam --attach config.json"
        )
        #expect(saved.status == 0, "\(saved.errors)")
        let shown = try workspace.modelreg("show x").output
        for line in [
            "message   a message", "metric    acc = 0.5", "set       lr = 0.1", "set       name = \"adam\"",
            "attached  config.json, 2 B",
        ] {
            #expect(shown.contains(line + "\n"), "\(line)")
        }
    }

    @Test func rmFreesBytesWithGCOnly() throws {
        _ = try workspace.shell("for s in 000 010 020; do modelreg save Examples/data/mlp-step-$s.pt mlp; done")
        #expect(
            try workspace.modelreg("rm mlp:v2 --dry-run").output.hasPrefix("would delete mlp:v2; gc frees "))
        #expect(try workspace.modelreg("show mlp:v2").status == 0)
        _ = try workspace.modelreg("rm mlp:v2")
        #expect(
            try workspace.modelreg("show mlp:v2").errors
                == "modelreg: no version 2 of \"mlp\"; the latest is 3\n")
        #expect(try workspace.modelreg("gc").output.hasSuffix("1 versions, 4 tensors, 4 chunks\n"))
        #expect(try workspace.modelreg("verify").status == 0)
        #expect(try workspace.modelreg("save Examples/data/mlp-step-010.pt mlp").output.hasPrefix("mlp:v4 "))
    }

    @Test func versionHelpAndCompletionsArePrinted() throws {
        #expect(try workspace.modelreg("--version").output == "0.1.0\n")
        #expect(try workspace.modelreg("--help").output.contains("EXAMPLES"))
        for command in [
            "save", "load", "diff", "apply", "ls", "log", "show", "alias set", "rm", "blame", "bisect",
            "verify", "gc",
        ] {
            let help = try workspace.modelreg("\(command) --help")
            #expect(help.status == 0 && help.output.contains("EXAMPLE"), "\(command)")
        }
        for shell in ["bash", "zsh", "fish"] {
            let script = try workspace.modelreg("--generate-completion-script \(shell)")
            #expect(script.output.contains("modelreg"), "\(shell)")
        }
        #expect(try workspace.shell("modelreg --generate-completion-script bash | bash -n").status == 0)
    }
}
