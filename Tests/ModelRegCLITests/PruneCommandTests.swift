import Foundation
import Foundations
import Testing

@Suite struct PruneCommandTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private func save(_ accuracies: [String]) throws {
        for (index, accuracy) in accuracies.enumerated() {
            let file = ["mlp-step-000.pt", "mlp-step-010.pt", "mlp-step-020.pt", "mlp-step-050.pt"][index % 4]
            let saved = try workspace.modelreg(
                "save Examples/data/\(file) mlp --metric accuracy=\(accuracy) --no-pack")
            #expect(saved.status == 0, "\(saved.errors)")
        }
    }

    @Test func aDryRunShowsWhatStaysAndWhy() throws {
        try save(["0.5", "0.9", "nan", "0.7"])
        _ = try workspace.modelreg("alias set mlp:v1 first")
        let rules = "prune mlp --keep-last 1 --keep-best 2:accuracy:max"
        let shown = try workspace.modelreg("\(rules) --dry-run")
        #expect(
            shown.output.replacing(/frees \d+ bytes/, with: "frees SIZE") == """
                VERSION  ACTION  WHY                                METRICS
                mlp:v4   keep    latest, last 1, no. 2 by accuracy  accuracy=0.7
                mlp:v3   delete                                     accuracy=nan
                mlp:v2   keep    best by accuracy                   accuracy=0.9
                mlp:v1   keep    alias first                        accuracy=0.5
                would delete 1 version, thin 0 versions; gc frees SIZE

                """)
        #expect(try workspace.modelreg("log mlp --json | grep -c reference").output == "4\n")
        let before = try size()
        let promise = try #require(shown.output.firstMatch(of: /gc frees (\d+) bytes/)?.1)
        let done = try workspace.modelreg(rules)
        #expect(done.output.contains("deleted 1 version, thinned 0 versions; gc frees \(promise) bytes"))
        _ = try workspace.modelreg("gc")
        #expect(try before - size() == Int(promise))
        #expect(try workspace.modelreg("log mlp --json | grep -c reference").output == "3\n")
    }

    private func size() throws -> Int { try workspace.bytes("modelreg.db").count }

    @Test func removingSaysTheExactBytes() throws {
        try save(["1", "2", "3", "4"])
        let before = try size()
        let removed = try workspace.modelreg("rm mlp:v1 mlp:v2 --json")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(removed.output.utf8)) as? [[String: Any]])
        let promise = report.compactMap { $0["freed_byte_count"] as? Int }.reduce(0, +)
        _ = try workspace.modelreg("gc")
        #expect(try before - size() == promise && promise > 0)
    }

    /// Also where others are differences from what goes, and are encoded anew by `gc`.
    @Test(arguments: [
        "rm digits:v2 digits:v4 digits:v4", "rm digits:v6 digits:v5 --force",
        "rm mlp:v4 mlp:v1 digits:v1 --force",
        "prune digits --keep-last 2 --keep-best 1:accuracy:max", "prune --all --keep-last 1 --thin",
        "prune digits --keep-every 4 --keep-whole 1", "prune --all --keep-every 3",
    ])
    func theBytesThatAreSaidAreThoseThatGo(_ command: String) throws {
        #expect(try workspace.shell("Digits --epochs 6").status == 0)
        for step in ["000", "010", "020", "050"] {
            _ = try workspace.modelreg("save Examples/data/mlp-step-\(step).pt mlp")
        }
        let deltas = try workspace.shell(
            "sqlite3 modelreg.db 'SELECT count(*) FROM chunk WHERE base IS NOT NULL'")
        #expect(try #require(Int(deltas.output.trimmingCharacters(in: .newlines))) > 4)
        #expect(try workspace.modelreg("gc").status == 0)
        func said(_ command: String) throws -> Int {
            let outcome = try workspace.modelreg(command)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output.matches(of: /gc frees (\d+) bytes/).compactMap { Int($0.1) }.reduce(0, +)
        }
        // Some garbage is there already, and not promised again.
        let garbage = try said("rm digits:v3")
        let before = try size()
        let announced = try said("\(command) --dry-run")
        #expect(try size() == before)
        #expect(try said(command) == announced)
        #expect(try workspace.modelreg("gc").status == 0)
        #expect(try before - size() == announced && announced > garbage && garbage > 0)
        #expect(try workspace.modelreg("verify").status == 0)
    }

    @Test func thinningSaysWhatIsGone() throws {
        for _ in 0..<2 { _ = try workspace.modelreg("save Examples/data/checkpoint.pt run") }
        let thinned = try workspace.modelreg("prune run --keep-last 1 --thin --json")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(thinned.output.utf8)) as? [String: Any])
        let versions = try #require(report["versions"] as? [[String: Any]])
        #expect(versions.map { $0["action"] as? String } == ["keep", "thin"])
        #expect((versions[1]["dropped_paths"] as? [String])?.count == 12)
        let load = try workspace.modelreg("load run:v1 -o x.pt")
        #expect(
            load.status == 66 && load.errors.hasPrefix("modelreg: run:v1 was thinned and has no \"optimizer/"))
        #expect(try workspace.modelreg("load run:v1 --only model -o x.pt").status == 0)
        #expect(try workspace.modelreg("load run:v2 -o y.pt").status == 0)
        #expect(try workspace.modelreg("show run:v1").output.contains("12 tensors dropped"))
        #expect(try workspace.modelreg("verify").output.hasSuffix("; 1 of the versions thinned\n"))
        #expect(try workspace.modelreg("diff run:v1 run:v2 --exit-code").status == 0)
    }

    @Test(arguments: [
        ("prune mlp", "say what stays: --keep-last, --keep-best, --keep-every, --keep-younger or --keep-whole"),
        ("prune --keep-last 1", "name models, or use --all"),
        ("prune mlp --all --keep-last 1", "name models, or use --all"),
        ("prune mlp --keep-last=-1", "--keep-last takes a count, not -1"),
        ("prune mlp --keep-every 0", "--keep-every takes 1 or more, not 0"),
        ("prune mlp --keep-best accuracy", "--keep-best"), ("prune mlp --keep-younger 7x", "--keep-younger"),
        ("prune mlp --keep-whole 1 --thin", "--thin needs a rule"),
    ])
    func wrongRulesAreUsageErrors(_ command: String, _ message: String) throws {
        try save(["1"])
        let outcome = try workspace.modelreg(command)
        #expect(outcome.status == 64 && outcome.errors.contains(message), "\(outcome.errors)")
        #expect(try workspace.modelreg("log mlp --json | grep -c reference").output == "1\n")
    }

    @Test func allModelsArePruned() throws {
        for _ in 0..<2 {
            for model in ["a", "b"] { _ = try workspace.modelreg("save Examples/data/x-file \(model)") }
        }
        let pruned = try workspace.modelreg("prune --all --keep-last 1")
        #expect(pruned.output.contains("deleted 2 versions, thinned 0 versions"))
    }

    @Test func theYoungStay() throws {
        try save(["1", "2"])
        #expect(try workspace.modelreg("prune mlp --keep-younger 1h").output.contains("deleted 0 versions"))
        #expect(try workspace.modelreg("prune mlp --keep-younger 0s").output.contains("deleted 1 version"))
    }
}
