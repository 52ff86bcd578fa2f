import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import Testing

/// The views that stock SQLite answers from.
struct ViewTests {
    /// A change as a text: `path: value,tie`.
    private func texts(_ diff: CheckpointDiff) -> [String] {
        diff.changes.flatMap { change in
            switch change.kind {
            case .added: ["\(change.path.text): added"]
            case .removed: ["\(change.path.text): removed"]
            // The view does not know names that belong together.
            case .renamed(let from): ["\(from.text): removed", "\(change.path.text): added"]
            case .changed(let differences):
                [
                    "\(change.path.text): "
                        + CheckpointDiff.Difference.allCases.filter(differences.contains).map(\.rawValue)
                        .joined(separator: ",")
                ]
            }
        }.sorted()
    }

    @Test(arguments: 1...12) func parameterChangeIsWhatDiffSays(seed: Int) throws {
        var history = try RandomHistory(seed: UInt64(seed))
        try history.save(24, deleting: [2, 7, 8])
        let versions = Array(try history.registry.versions(of: "m").reversed())
        for (old, new) in zip(versions, versions.dropFirst()) {
            let expected = texts(try history.registry.manifestDiff(from: old.reference, to: new.reference))
            let rows = try history.registry.store.read { db in
                try Row.fetchAll(
                    db, sql: "SELECT * FROM parameter_change WHERE model = 'm' AND number = ?",
                    arguments: [new.number])
            }
            let found = rows.map { row in
                let differences: String = row["differences"]
                return "\(row["path"] as String): " + (differences.isEmpty ? row["change"] : differences)
            }.sorted()
            #expect(found == expected, "seed \(seed), v\(new.number)")
            #expect(rows.allSatisfy { $0["previous_number"] == old.number })
        }
        let first = try history.registry.store.read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM parameter_change WHERE model = 'm' AND previous_number IS NULL")
        }
        let leaves = try history.registry.manifest(of: versions[0].reference).leaves
        #expect(first.count == leaves.count)
        #expect(first.allSatisfy { $0["change"] == "added" && $0["number"] == versions[0].number })
    }

    /// The newest change of each path that is there is what `blame` says.
    @Test(arguments: 1...4) func theLastChangeIsTheBlame(seed: Int) throws {
        var history = try RandomHistory(seed: UInt64(seed))
        try history.save(16)
        // Ties are no part of what blame looks at, and names that spell the same have no blame of their own.
        let found = try history.registry.store.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT path, max(number) AS number FROM parameter_change
                    WHERE model = 'm' AND differences <> 'tie' AND path <> '0' GROUP BY path HAVING change <> 'removed'
                    ORDER BY path
                    """
            ).map { "\($0["path"] as String) v\($0["number"] as Int)" }
        }
        let blame = try history.registry.blame("m").lines.filter { $0.path.text != "0" }
            .map { "\($0.path.text) v\($0.changedIn.number)" }
        #expect(Set(found) == Set(blame) && found.count == blame.count)
    }

    @Test func figuresAreThoseOfTheLeaf() throws {
        let registry = try Registry.inMemory()
        let base = Tensor([Float(3), 4, .nan, 0], shape: [2, 2])
        try registry.save(
            dictionary([
                "whole": .tensor(base), "part": .tensor(base[0]), "lone": .tensor(Tensor([Float(1), 2, 2])),
                "epoch": .integer(3),
            ]), as: "m", message: "")
        let rows = try registry.store.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT path, kind, value, dtype, shape, l2_norm, nan_count, storage FROM parameter_state")
        }
        let texts = rows.map { row in row.databaseValues.map { "\($0)" }.joined(separator: " ") }
        #expect(
            texts == [
                "\"whole\" \"tensor\" NULL \"float32\" \"[2,2]\" 5.0 1 0",
                "\"part\" \"tensor\" NULL \"float32\" \"[2]\" NULL NULL 0",
                "\"lone\" \"tensor\" NULL \"float32\" \"[3]\" 3.0 0 NULL",
                "\"epoch\" \"integer\" 3 NULL NULL NULL NULL NULL",
            ])
    }

    /// Looking at a path, a version or a model never walks through all of `parameter`.
    @Test func filteredQueriesUseIndices() throws {
        let registry = try Registry.inMemory()
        for view in ["parameter_state", "parameter_change"] {
            for condition in [
                "model = 'm' AND path = 'w'", "model = 'm' AND number = 3", "model = 'm'", "path = 'w'",
            ] {
                let plan = try registry.store.read { db in
                    try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN SELECT * FROM \(view) WHERE \(condition)")
                        .map { $0["detail"] as String }
                }
                let scans = plan.filter {
                    $0.hasPrefix("SCAN") && !$0.contains("subquery") && !$0.hasSuffix(view)
                }
                #expect(scans == [], "\(view) \(condition)")
            }
        }
    }

    @Test func summariesCountWhatIsAlive() throws {
        let registry = try Registry.inMemory()
        let shared = Tensor([Float](repeating: 1, count: 1000))
        for value: Float in [1, 2, 3] {
            try registry.save(
                dictionary(["s": .tensor(shared), "w": .tensor(Tensor([value]))]), as: "m",
                options: SaveOptions(message: "m\(value)", aliases: ["now"], metrics: ["loss": Double(value)]))
        }
        try registry.save(dictionary(["s": .tensor(shared)]), as: "n", message: "")
        try registry.delete("m:v2")
        func rows(_ sql: String) throws -> [String] {
            try registry.store.read { db in
                try Row.fetchAll(db, sql: sql).map { row in
                    row.databaseValues.map { "\($0)" }.joined(separator: " ")
                }
            }
        }
        #expect(
            try rows(
                "SELECT reference, message, previous_number, parent, aliases, metrics FROM version_summary ORDER BY 1"
            )
                == [
                    "\"m:v1\" \"m1.0\" NULL NULL NULL \"loss=1.0\"",
                    "\"m:v3\" \"m3.0\" 1 \"m:v2\" \"now\" \"loss=3.0\"", "\"n:v1\" \"\" NULL NULL NULL NULL",
                ])
        #expect(
            try rows(
                "SELECT name, version_count, latest_number, byte_count, distinct_byte_count FROM model_summary")
                == ["\"m\" 2 3 8008 4008", "\"n\" 1 1 4000 4000"])
        #expect(
            try rows(
                "SELECT shape, model_count, version_count, leaf_count FROM tensor_use ORDER BY leaf_count DESC, 1"
            )
            .first == "\"[1000]\" 2 3 3")
    }

    /// Metrics of a version that was saved at a step were missing, and so was the step.
    @Test func aSummaryHasTheStepAndItsMetrics() throws {
        let registry = try Registry.inMemory()
        let run = try registry.startRun(model: "m", name: "first")
        for step in [10, 20] {
            let options = SaveOptions(
                metrics: ["loss": 1 / Double(step), "acc": .nan], run: run.id, step: step)
            try registry.save(Checkpoint.integer(Int64(step)), as: "m", options: options)
        }
        try run.finish()
        let rows = try registry.store.read { db in
            try Row.fetchAll(db, sql: "SELECT run, step, metrics FROM version_summary ORDER BY number")
                .map { row in row.databaseValues.map { "\($0)" }.joined(separator: " ") }
        }
        #expect(
            rows == [
                "\"m/first\" 10 \"acc=nan loss=0.1\"", "\"m/first\" 20 \"acc=nan loss=0.05\"",
            ])
    }

    /// A view's comment tells what its rows are, and every column has one.
    @Test func everyViewAndColumnHasAComment() throws {
        let registry = try Registry.inMemory()
        let views = try registry.store.read { db in
            try Row.fetchAll(db, sql: "SELECT name, sql FROM sqlite_master WHERE type = 'view'")
        }
        #expect(views.count == 5)
        for view in views {
            let lines = (view["sql"] as String).split(separator: "\n")
                .map { $0.trimmingCharacters(in: .whitespaces) }
            #expect(lines[1].hasPrefix("-- "))
            let columns = try registry.store.read { try $0.columns(in: view["name"]) }.map(\.name)
            for column in columns {
                let index = try #require(
                    lines.lastIndex { line in
                        ["AS \(column),", "AS \(column) "].contains { line.contains($0) }
                            || line.hasSuffix("AS \(column)")
                    }, "\(column)")
                #expect(
                    lines[index].contains("-- ") || lines[index + 1].hasPrefix("-- "),
                    "\(view["name"] as String).\(column)")
            }
        }
    }
}
