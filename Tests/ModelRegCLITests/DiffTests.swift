import Foundation
import Foundations
import Testing

/// What `diff` prints, and how it ends.
struct DiffTests {
    private let workspace: Workspace
    static let python = ProcessInfo.processInfo.environment["MODELREG_PYTHON"]

    init() throws {
        workspace = try Workspace()
        let saved = try workspace.shell(
            """
            for s in 050 100; do modelreg save Examples/data/mlp-step-$s.pt mlp -q --metric loss=0.$s; done
            """)
        #expect(saved.status == 0, "\(saved.errors)")
    }

    @Test func theTreeShowsModulesAndBars() throws {
        let outcome = try workspace.modelreg("diff mlp:v1 mlp:v2")
        #expect(
            outcome.output == """
                            REL_L2                        MAX_ABS  COSINE  CHANGED
                hidden      0.0723  ███████▏               0.0226            100 %  2 of 2
                  M weight  0.0704  ██████▉                0.0226   0.998    100 %
                  M bias     0.103  ██████████▏            0.0219   0.995    100 %
                output       0.204  ████████████████████   0.0187            100 %  2 of 2
                  M weight   0.204  ████████████████████   0.0187   0.990    100 %
                  M bias    0.0766  ███████▌              0.00429   0.997    100 %
                M metric loss  0.05 -> 0.1
                4 changed, 0 unchanged

                """)
        #expect(outcome.errors.isEmpty)
    }

    @Test func sortTopAndDepthChooseLines() throws {
        func names(_ arguments: String) throws -> [String] {
            let lines = try workspace.modelreg("diff mlp:v1 mlp:v2 \(arguments)").output.split(separator: "\n")
            return lines.dropFirst().dropLast(2).map { line in
                String(line.prefix { !$0.isNumber }).trimmingCharacters(in: .whitespaces)
            }
        }
        #expect(try names("--sort") == ["output", "M weight", "M bias", "hidden", "M bias", "M weight"])
        #expect(try names("--depth 1") == ["hidden", "output"])
        #expect(try names("--top 2") == ["M output.weight", "M hidden.bias", "…"])
        #expect(try names("--top 9 --only 'hidden.*'") == ["M hidden.bias", "M hidden.weight"])
    }

    @Test func nameStatusReadsNoTensor() throws {
        let damaged = try workspace.shell("sqlite3 modelreg.db 'UPDATE pack SET bytes = zeroblob(byte_count)'")
        #expect(damaged.status == 0, "\(damaged.errors)")
        #expect(
            try workspace.modelreg("diff mlp:v1 mlp:v2 --name-status --only '*.bias'").output == """
                M hidden.bias  float32 [256]  values changed
                M output.bias  float32 [10]  values changed
                2 changed, 0 unchanged

                """)
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2 --stat").status == 0)
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2").status == 65)
    }

    @Test func gatesFailAndNameTheTensors() throws {
        let passed = try workspace.modelreg(
            "diff mlp:v1 mlp:v2 --stat --fail-if 'rel_l2 > 1' --fail-if 'nan > 0'")
        #expect(passed.status == 0 && passed.output == "4 changed, 0 unchanged\n")
        let failed = try workspace.modelreg(
            "diff mlp:v1 mlp:v2 --stat --fail-if 'rel_l2 > 0.1' --fail-if 'changed(\"hidden.*\")'")
        #expect(failed.status == 1)
        #expect(
            failed.output == """
                4 changed, 0 unchanged
                failed: rel_l2 > 0.1
                  hidden.bias  rel_l2 0.103
                  output.weight  rel_l2 0.204
                failed: changed("hidden.*")
                  hidden.weight
                  hidden.bias

                """)
        // A gate that passes does not undo --exit-code.
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2 --stat --exit-code --fail-if 'nan > 0'").status == 1)
    }

    @Test(arguments: [
        ("--fail-if 'rel_l2 >'", "modelreg: \"rel_l2 >\": expected a value at the end\n"),
        (
            "--fail-if 'rel_l2 > > 1'",
            "modelreg: \"rel_l2 > > 1\": expected a value, not \">\", character 10\n"
        ),
        (
            "--fail-if 'changed(3)'",
            "modelreg: changed(…) takes one pattern in quotes, as in changed(\"encoder.*\")\n"
        ),
        ("--rename 'x'", "modelreg: \"x\" is not REGEX=REPLACEMENT\n"),
    ])
    func badConditionsAreWrongUsage(arguments: String, message: String) throws {
        let outcome = try workspace.modelreg("diff mlp:v1 mlp:v2 --stat \(arguments)")
        #expect(outcome.status == 64 && outcome.errors == message)
    }

    @Test(arguments: [
        "--top -1", "--depth 0", "--stat --json", "--markdown --name-status", "--fail-if 'x > 1'",
    ])
    func badOptionsAreWrongUsage(arguments: String) throws {
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2 \(arguments)").status == 64)
    }

    @Test func namesOfOtherFrameworksAreAligned() throws {
        _ = try workspace.modelreg("save Examples/data/checkpoint.pt run -q")
        let outcome = try workspace.modelreg("diff mlp:v1 run --strip-prefix-b model/ --only 'hidden.*' --stat")
        #expect(outcome.output == "2 changed, 0 unchanged\n")
        let renamed = try workspace.modelreg(
            #"diff mlp:v2 run --rename '^(hidden|output)=model/\1' --only 'model/*' --stat"#)
        #expect(renamed.output == "4 unchanged\n")
    }

    @Test func jsonHasTheDocumentedKeys() throws {
        let outcome = try workspace.modelreg("diff mlp:v1 mlp:v2 --json --fail-if 'rel_l2 > 0.2'")
        #expect(outcome.status == 1)
        let root = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(root["schema_version"] as? Int == 2)
        let changes = try #require(root["changes"] as? [[String: Any]])
        let statistics = try #require(changes.first?["statistics"] as? [String: Any])
        #expect(
            Set(statistics.keys) == [
                "compared_shape", "is_whole", "elements", "finite", "changed", "changed_share", "l2", "rel_l2",
                "old_norm", "new_norm", "max_abs", "max_at", "mean", "mean_abs", "cosine", "old_nan", "nan",
                "nan_appeared", "nan_gone", "old_inf", "inf", "inf_appeared", "inf_gone", "ulp_histogram",
            ])
        #expect(statistics["max_at"] as? [Int] == [70, 10])
        let modules = try #require(root["modules"] as? [[String: Any]])
        #expect(modules.map { $0["path"] as? String } == ["", "hidden", "output"])
        let gates = try #require(root["gates"] as? [[String: Any]])
        #expect(
            gates.first?["paths"] as? [String] == ["output.weight"] && gates.first?["holds"] as? Bool == true)
        let facts = try #require(root["facts"] as? [[String: Any]])
        #expect(facts.first?["key"] as? String == "loss" && facts.first?["new"] as? Double == 0.1)
        // The shell of a documentation that names each key.
        let documentation = try String(
            contentsOf: Workspace.repository.appending(path: "docs/json.md"), encoding: .utf8)
        for key in statistics.keys { #expect(documentation.contains("`\(key)`"), "\(key)") }
    }

    @Test func markdownIsATable() throws {
        let output = try workspace.modelreg("diff mlp:v1 mlp:v2 --markdown --top 1 --fail-if 'nan > 0'").output
        #expect(
            output == """
                ### `mlp:v1` → `mlp:v2`

                **4 changed, 0 unchanged**

                ✅ `nan > 0`

                | module | rel. L2 | | max abs | changed |
                |:--|--:|:--|--:|--:|
                | `hidden` | 0.0723 | ███▌ | 0.0226 | 2 of 2 |
                | `output` | 0.204 | ██████████ | 0.0187 | 2 of 2 |

                | | parameter | rel. L2 | max abs | cosine | changed | |
                |:-:|:--|--:|--:|--:|--:|:--|
                | M | `output.weight` | 0.204 | 0.0187 | 0.990 | 100 % |  |

                … 3 more

                | beside the weights | before | now |
                |:--|:--|:--|
                | metric `loss` | `0.05` | `0.1` |

                """)
    }

    @Test func thePageHoldsItsDataAndNothingElse() throws {
        _ = try workspace.modelreg("save Examples/data/mlp-step-000.pt '</script><b>' -q")
        let outcome = try workspace.modelreg("diff mlp:v1 mlp:v2 --stat --html page.html")
        #expect(outcome.status == 0 && outcome.output == "4 changed, 0 unchanged\n")
        let page = try #require(String(data: workspace.bytes("page.html"), encoding: .utf8))
        #expect(page.contains("<title>mlp:v1 → mlp:v2</title>") && page.contains("\"p\":\"output.weight\""))
        #expect(!page.contains("http:") || page.contains("http://www.w3.org/2000/svg"))
        #expect(!page.contains("src=") && !page.contains("@import") && !page.contains("{{"))
        #expect(try workspace.modelreg("diff mlp:v1 mlp:v2 --html no/such/page.html").status == 73)
    }

    @Test func nanIsSeenAndCanBeAGate() throws {
        // NumPy's own format: 1, 2, NaN against 1, 2, 3.
        func array(_ values: [Float]) -> Data {
            var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(values.count),), }"
            header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
            return Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0]) + Data(header.utf8)
                + values.withUnsafeBytes { Data($0) }
        }
        try workspace.write(array([1, 2, 3]), to: "a.npy")
        try workspace.write(array([1, 2, .nan]), to: "b.npy")
        let outcome = try workspace.modelreg("diff a.npy b.npy --fail-if 'nan_appeared > 0'")
        #expect(outcome.status == 1)
        #expect(
            outcome.output == """
                            REL_L2    MAX_ABS  COSINE  CHANGED
                M (itself)       0          0       1     33 %  1 NaN appeared
                1 changed, 0 unchanged
                failed: nan_appeared > 0
                  (itself)  nan_appeared 1

                """)
    }

    @Test(
        .enabled(
            if: DiffTests.python != nil, "set MODELREG_PYTHON to a Python with torch, safetensors and numpy"))
    func statisticsAreThoseOfNumPy() throws {
        let python = try #require(DiffTests.python)
        let script = Workspace.repository.appending(path: "Tests/Interop/diff.py").path
        for seed in 1...2 {
            try FileManager.default.createDirectory(
                at: workspace.folder.appending(path: "\(seed)"), withIntermediateDirectories: true)
            let outcome = try workspace.shell("'\(python)' '\(script)' \"$(which modelreg)\" \(seed) \(seed)")
            #expect(outcome.status == 0, "seed \(seed): \(outcome.errors)")
        }
    }
}
