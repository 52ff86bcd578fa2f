import Checkpoints
import Foundation
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import Testing

struct BlameTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    /// Where each leaf last changed, as texts: `path v3`.
    private func lines(_ reference: String = "m", _ patterns: [String] = []) throws -> [String] {
        try registry.blame(reference, only: patterns).lines.map { "\($0.path.text) v\($0.changedIn.number)" }
    }

    private func save(_ entries: KeyValuePairs<String, Checkpoint>, _ message: String = "") throws {
        try registry.save(dictionary(entries), as: "m", message: message)
    }

    private func tensor(_ value: Float) -> Checkpoint { .tensor(Tensor([value])) }

    @Test func namesTheVersionThatEachLeafLastChangedIn() throws {
        try save(["a": tensor(1), "b": tensor(1), "epoch": .integer(1)])
        try save(["a": tensor(1), "b": tensor(2), "epoch": .integer(2)])
        try save(["a": tensor(1), "b": tensor(2), "epoch": .integer(3)])
        #expect(try lines() == ["a v1", "b v2", "epoch v3"])
        #expect(try lines("m:v2") == ["a v1", "b v2", "epoch v2"])
        #expect(try lines("m", ["b"]) == ["b v2"])
    }

    @Test func whatChangedBackChangedThen() throws {
        for value: Float in [1, 2, 1, 1] { try save(["a": tensor(value)]) }
        #expect(try lines() == ["a v3"])
    }

    @Test func whatWasAwayCameBackThen() throws {
        try save(["a": tensor(1), "b": tensor(5)])
        try save(["b": tensor(5)])
        try save(["a": tensor(1), "b": tensor(5)])
        #expect(try lines() == ["a v3", "b v1"])
    }

    @Test func deletedVersionsArePassedOver() throws {
        for value: Float in [1, 2, 1] { try save(["a": tensor(value)]) }
        try registry.delete("m:v2")
        #expect(try lines() == ["a v1"])
        try registry.delete("m:v1")
        #expect(try lines() == ["a v3"])
    }

    @Test func otherModelsAndLaterVersionsDoNotCount() throws {
        try save(["a": tensor(1)])
        try registry.save(dictionary(["a": tensor(2)]), as: "other", message: "")
        try save(["a": tensor(1)])
        try save(["a": tensor(3)])
        #expect(try lines("m:v2") == ["a v1"])
    }

    @Test func anotherOrderInMemoryOrAnotherTieIsNoChange() throws {
        let square = Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3])
        try save(["a": .tensor(square), "b": .tensor(square.copied())])
        try save(["a": .tensor(square.transposed(0, 1).copied().transposed(0, 1)), "b": .tensor(square)])
        try save(["a": .tensor(square), "b": .tensor(square)])
        #expect(try lines() == ["a v1", "b v1"])
    }

    @Test func anotherTypeShapeOrKindIsAChange() throws {
        let zeros = Tensor([Float(0), 0])
        try save(["a": .tensor(zeros), "b": .tensor(zeros), "c": .integer(1)])
        try save(["a": .tensor(zeros.to(.float64)), "b": .tensor(zeros.reshaped(to: [1, 2])), "c": .number(1)])
        #expect(try lines() == ["a v2", "b v2", "c v2"])
    }

    @Test func groupsSayMessageAndMetrics() throws {
        try registry.save(
            dictionary(["a": tensor(1), "b": tensor(1)]), as: "m",
            options: SaveOptions(message: "first", metrics: ["loss": 0.5]))
        try save(["a": tensor(1), "b": tensor(2), "c": tensor(2)], "second")
        let groups = try registry.blame("m").groups
        #expect(groups.map(\.version.message) == ["second", "first"])
        #expect(groups.map { $0.lines.map(\.path.text) } == [["b", "c"], ["a"]])
        #expect(groups[1].version.metrics == ["loss": 0.5])
    }

    @Test func unknownPathsAndVersionsAreNamed() throws {
        try save(["weight": tensor(1)])
        #expect(throws: PathSelectionError(patterns: ["weihgt"], suggestion: "weight")) {
            try registry.blame("m", only: ["weihgt"])
        }
        #expect(message { try registry.blame("m:v7") } == "no version 7 of \"m\"; the latest is 1")
    }

    /// What the manifests of all versions say, walked through one by one.
    @Test(arguments: 1...8) func isWhatWalkingBackFinds(seed: Int) throws {
        var history = try RandomHistory(seed: UInt64(seed))
        try history.save(24, deleting: [3, 9, 10])
        let versions = try history.registry.versions(of: "m")
        for (index, version) in versions.enumerated() {
            let manifest = try history.registry.manifest(of: version.reference)
            let blame = try history.registry.blame(version.reference)
            #expect(blame.lines.count == manifest.leaves.count)
            for (line, leaf) in zip(blame.lines, manifest.leaves) {
                let found = try versions[index...].prefix { earlier in
                    try history.registry.manifest(of: earlier.reference).leaves.contains {
                        $0.path.text.utf8.elementsEqual(leaf.path.text.utf8)
                            && $0.content.untied == leaf.content.untied
                    }
                }
                #expect(
                    line.changedIn.number == found.last?.number,
                    "seed \(seed), v\(version.number), \(leaf.path.text)")
            }
        }
    }

    @Test func tenThousandVersionsAreQuick() throws {
        let structure = "{\"dict\":[[\"a\",\"tensor\"],[\"b\",\"tensor\"],[\"c\",\"tensor\"]]}"
        try save(["a": tensor(1), "b": tensor(2), "c": tensor(3)])
        #expect(try registry.fetch(String.self, "SELECT json FROM structure") == structure)
        // As many versions with the same rows, except that one tensor changes in the middle.
        try registry.tamper(
            """
            WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
            INSERT INTO version (model, number, content_id, structure, kind, tensor_count, byte_count, created_at)
            SELECT model, i, iif(i < 5000, content_id, zeroblob(32)), structure, kind, 3, 12, created_at
            FROM version, n WHERE number = 1
            """)
        try registry.tamper(
            """
            INSERT INTO parameter (version, ordinal, path, tensor)
            SELECT version.id, parameter.ordinal, parameter.path,
                   iif(version.number >= 5000 AND parameter.ordinal = 1, 3, parameter.tensor)
            FROM version JOIN parameter ON parameter.version = 1 WHERE version.number > 1
            """)
        // The content ids of versions are made up: give the one that is asked for its own.
        let expected = try registry.manifest(of: "m:v1").replacing(1, by: 2)
        try registry.tamper(
            "UPDATE version SET content_id = ? WHERE number = 10000", [Data(expected.contentID.bytes)])
        #expect(try lines() == ["a v1", "b v5000", "c v1"])
    }
}

extension Manifest {
    /// The manifest with the content of one leaf at the place of another.
    fileprivate func replacing(_ index: Int, by source: Int) -> Manifest {
        var leaves = leaves
        leaves[index] = Leaf(path: leaves[index].path, content: leaves[source].content)
        return Manifest(structure: structure, leaves: leaves)
    }
}

extension Manifest.Content {
    /// The content, whatever it is tied to.
    fileprivate var untied: Manifest.Content {
        guard case .tensor(let tensor) = self else { return self }
        return .tensor(
            Manifest.TensorContent(id: tensor.id, dtype: tensor.dtype, shape: tensor.shape, tie: nil))
    }
}
