import Foundation
import Foundations
import Testing

/// `blame`, `log NAME PATH`, `bisect`, `diff -o` and `apply`, on checkpoints that PyTorch wrote.
@Suite struct HistoryCommandTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// `net:v1` to `net:v5`; then v4 once more, which changes all back.
    private func saveHistory() throws {
        let saved = try workspace.shell(
            """
            for s in 000 010 020 050 100 050; do
              modelreg save Examples/data/mlp-step-$s.pt net -m "step $s" --metric step=$s --set run=7 || exit 1
            done
            """)
        #expect(saved.status == 0, "\(saved.errors)")
    }

    private func json(_ command: String) throws -> [String: Any] {
        let outcome = try workspace.modelreg("\(command) --json")
        #expect(outcome.status == 0, "\(command): \(outcome.errors)")
        return try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }

    @Test func blameGroupsByVersion() throws {
        try saveHistory()
        let outcome = try workspace.modelreg("blame net:v4 '*.bias'")
        #expect(
            outcome.output.replacing(/\d{4}-\d\d-\d\d \d\d:\d\d/, with: "TIME") == """
                net:v4  TIME  step=50  step 050
                  hidden.bias  float32 [256]
                  output.bias  float32 [10]

                """)
        let blame = try json("blame net")
        #expect(blame["schema_version"] as? Int == 1)
        let parameters = try #require(blame["parameters"] as? [[String: Any]])
        #expect(parameters.allSatisfy { $0["changed_in"] as? String == "net:v6" } && parameters.count == 4)
        #expect(
            parameters[0]["path"] as? String == "hidden.weight" && parameters[0]["kind"] as? String == "tensor")
        #expect(try workspace.modelreg("blame net nothing").status == 66)
        #expect(try workspace.modelreg("blame net:v9").status == 66)
    }

    @Test func logOfAPathHasAPlotAndATable() throws {
        try saveHistory()
        let outcome = try workspace.modelreg("log net output.bias --exact")
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines[0] == "output.bias  float32 [10]" && lines[2].hasSuffix(" norm by version"))
        let plot = lines[3...6]
        #expect(plot.allSatisfy { $0.contains("│") || $0.contains("┤") })
        #expect(plot.contains { $0.contains { "\u{2801}"..."\u{28FF}" ~= $0 } })
        #expect(lines[8].split(separator: " ") == ["1", "2", "3", "4", "5", "6"])
        #expect(
            lines[10].split(separator: " ").starts(with: ["VERSION", "SAVED", "CHANGE", "NORM", "BY", "MOVED"]))
        #expect(lines.count == 18 && lines[11].hasPrefix("v6 ") && lines[16].hasPrefix("v1 "))
        // Nothing but text where it is no terminal.
        #expect(!outcome.output.contains("\u{1B}"))

        let history = try json("log net output.bias --exact")
        let parameter = try #require((history["parameters"] as? [[String: Any]])?.first)
        let entries = try #require(parameter["history"] as? [[String: Any]])
        #expect(entries.map { $0["change"] as? String } == ["added"] + Array(repeating: "changed", count: 5))
        #expect((entries[1]["distance"] as? Double ?? 0) > 0 && entries[0]["distance"] == nil)
        // v5 and v6 are v4 and back: as far one way as the other.
        #expect(entries[4]["distance"] as? Double == entries[5]["distance"] as? Double)
        #expect(try workspace.modelreg("log net '*' -n 2").output.split(separator: "\n").count == 5)
        #expect(try workspace.modelreg("log net --exact").status == 64)
        #expect(try workspace.modelreg("log net nothing").status == 66)
    }

    @Test func bisectJudgesByAnExpression() throws {
        try saveHistory()
        let outcome = try workspace.modelreg("bisect net --bad v5 --expr 'step >= 20'")
        #expect(outcome.output.hasPrefix("net:v3 is the first version for which step >= 20\n"))
        #expect(outcome.output.contains("metric    step = 20.0 (was 10.0)\nchanges   4 changed"))
        #expect(outcome.errors.contains("net:v1  good") && outcome.errors.contains("net:v5  bad"))
        let found = try json(
            "bisect net --quiet --good v1 --bad net:v5 --linear --expr 'run == 7 and step > 5'")
        #expect((found["first_bad"] as? [String: Any])?["reference"] as? String == "net:v2")
        #expect(
            (found["tests"] as? [[String: String]])?.map { $0["reference"] } == ["net:v1", "net:v5", "net:v2"])
        for arguments in [
            "bisect net --expr 'step > '", "bisect net --expr 'step > 1000'", "bisect net",
            "bisect net --expr 1 -- true",
            "bisect net --good v5 --bad v2 --expr 1", "bisect net --expr 'rm(\"x\")'",
            "bisect net --expr 'nan(1)'",
        ] {
            let refused = try workspace.modelreg(arguments)
            #expect(refused.status == 64 && refused.output.isEmpty, "\(arguments): \(refused.errors)")
        }
        #expect(try workspace.modelreg("bisect nat --expr 1").status == 66)
        #expect(try workspace.modelreg("bisect net --good v77 --expr 1").status == 66)
    }

    @Test func bisectRunsACommandOnTheWeights() throws {
        try saveHistory()
        // Good is what is smaller than step 50's file in bytes order; the file is the one that was saved.
        try workspace.write(
            Data(
                """
                #!/bin/bash
                echo "looking at $MODELREG_VERSION"
                test "$1" = "$MODELREG_FILE" || exit 99
                for s in 050 100; do cmp -s "$1" Examples/data/mlp-step-$s.pt && exit 3; done
                for s in 000 010 020; do cmp -s "$1" Examples/data/mlp-step-$s.pt && exit 0; done
                exit 99
                """.utf8), to: "judge")
        let outcome = try workspace.modelreg("bisect net -- bash judge {}")
        #expect(outcome.status == 0 && outcome.output.hasPrefix("net:v4 is the first bad version\n"))
        #expect(outcome.errors.contains("looking at net:v1\nnet:v1  good"))
        #expect(!outcome.output.contains("looking"))
        let skipped = try workspace.modelreg(
            "bisect net -- sh -c 'case $MODELREG_VERSION in net:v[34]) exit 125;; esac; exec bash judge \"$MODELREG_FILE\"'"
        )
        #expect(skipped.status == 1)
        #expect(
            skipped.output
                == "the first bad version is one of net:v3, net:v4, net:v5: the others could not be tested\n")
        for (command, message) in [
            ("no-such-program {}", "cannot run \"no-such-program\": No such file or directory"),
            ("sh -c 'exit 127'", "\"sh\" cannot be run, or cannot run something: it ended with 127"),
            ("sh -c 'kill -9 $$'", "\"sh\" was ended by signal 9; nothing was found"),
        ] {
            let refused = try workspace.modelreg("bisect net -- \(command)")
            #expect(
                refused.status == 64 && refused.errors.hasSuffix("modelreg: \(message)\n"), "\(refused.errors)")
        }
        #expect(
            try workspace.modelreg(
                "bisect net --as npz -- python3 -c 'import sys; sys.exit(not sys.argv[1].endswith(\".npz\"))' {}"
            ).errors.contains("net:v1  good"))
        #expect(try workspace.names == ["judge", "modelreg.db"])
    }

    @Test func patchesMakeTheSameFileElsewhere() throws {
        try saveHistory()
        let written = try workspace.modelreg("diff net:v4 net:v5 -o change.mrpatch")
        #expect(written.output.hasPrefix("net:v4 to net:v5 -> change.mrpatch  4 chunks, 31.8 kB, stored in "))
        #expect(try workspace.modelreg("diff net:v4 net:v5 -o change.mrpatch").status == 73)
        let report = try json("diff net:v4 net:v5 -o change.mrpatch --force")
        #expect(report["chunk_count"] as? Int == 4 && report["path"] as? String == "change.mrpatch")

        let other = "--registry other.db"
        #expect(try workspace.modelreg("apply change.mrpatch x \(other)").status == 66)
        #expect(try !workspace.names.contains("other.db"))
        _ = try workspace.modelreg("save Examples/data/mlp-step-020.pt x \(other)")
        let before = try workspace.bytes("other.db")
        let refused = try workspace.modelreg("apply change.mrpatch x \(other)")
        #expect(refused.status == 66)
        #expect(refused.errors.hasPrefix("modelreg: the patch changes net:v4, sha256:"))
        #expect(try workspace.bytes("other.db") == before)

        _ = try workspace.modelreg("save Examples/data/mlp-step-050.pt x \(other)")
        let applied = try workspace.modelreg("apply change.mrpatch y:best --alias prod -m 'by mail' \(other)")
        #expect(applied.status == 0, "\(applied.errors)")
        #expect(applied.output.hasPrefix("y:v1  81ac48587ce4, 31.8 kB new, stored in "))
        #expect(applied.output.hasSuffix("(best, prod)\n"))
        let shown = try workspace.modelreg("show y:best \(other)").output
        for line in ["parent    x:v2", "message   by mail", "metric    step = 100.0", "set       run = 7"] {
            #expect(shown.contains(line + "\n"), "\(line)")
        }
        #expect(try workspace.modelreg("load y -o out.pt \(other)").output.contains("byte for byte"))
        #expect(try workspace.bytes("out.pt") == workspace.bytes("Examples/data/mlp-step-100.pt"))
        #expect(try workspace.modelreg("verify \(other)").status == 0)

        var damaged = try workspace.bytes("change.mrpatch")
        damaged[damaged.count / 2] ^= 1
        try workspace.write(damaged, to: "damaged.mrpatch")
        let damage = try workspace.modelreg("apply damaged.mrpatch y \(other)")
        #expect(damage.status == 65)
        #expect(
            damage.errors
                == "modelreg: \"damaged.mrpatch\": the patch is damaged: it does not match its hash; nothing was changed\n"
        )
        #expect(try workspace.modelreg("apply Examples/data/x-file y \(other)").status == 65)
        #expect(try workspace.modelreg("apply missing y \(other)").status == 66)
        #expect(try workspace.modelreg("diff Examples/data/x-file net -o n.mrpatch").status == 64)
        #expect(try workspace.modelreg("diff net:v9 net -o n.mrpatch").status == 66)
    }
}
