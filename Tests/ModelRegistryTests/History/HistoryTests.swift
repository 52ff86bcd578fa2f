import Checkpoints
import Foundations
import ModelRegistry
import Tensors
import Testing

struct HistoryTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    private func save(_ entries: KeyValuePairs<String, Checkpoint>) throws {
        try registry.save(dictionary(entries), as: "m", message: "")
    }

    /// Entries as texts: `v2 changed value 5.0`, the last being the norm.
    private func texts(_ history: ParameterHistory) -> [String] {
        history.entries.map { entry in
            let change =
                switch entry.change {
                case .added: "added"
                case .removed: "removed"
                case .unchanged: "="
                case .changed(let differences): differences.map(\.rawValue).sorted().joined(separator: " ")
                }
            return "v\(entry.version.number) \(change)" + (entry.health?.l2Norm.map { " \($0)" } ?? "")
        }
    }

    @Test func followsATensorThroughItsChanges() throws {
        try save(["other": .integer(1)])
        try save(["w": .tensor(Tensor([Float(3), 4]))])
        try save(["w": .tensor(Tensor([Float(3), 4]))])
        try save(["w": .tensor(Tensor([Float(6), 8]))])
        try save(["w": .tensor(Tensor([Double(6), 8]))])
        try save(["w": .tensor(Tensor([Double(6), 8], shape: [2, 1]))])
        try save(["w": .integer(1)])
        try save(["other": .integer(1)])
        try save(["w": .tensor(Tensor([Float.nan, .infinity, 0, -2]))])
        let history = try #require(try registry.history(of: "m", only: ["w"]).first)
        #expect(
            texts(history) == [
                "v2 added 5.0", "v3 = 5.0", "v4 value 10.0", "v5 dtype 10.0", "v6 shape 10.0", "v7 type",
                "v8 removed", "v9 added 2.0",
            ])
        #expect(history.entries.map(\.normChange) == [nil, 0, 1, 0, 0, nil, nil, nil])
        let last = try #require(history.entries.last?.health)
        #expect(last.nanCount == 1 && last.infinityCount == 1 && last.zeroCount == 1)
        #expect(last.minimum == -2 && last.maximum == 0)
    }

    @Test func theOldestOneShownIsComparedWithTheOneBefore() throws {
        for value: Float in [1, 2, 2] { try save(["w": .tensor(Tensor([value]))]) }
        func shown(_ limit: Int) throws -> [[String]] {
            try registry.history(of: "m", limit: limit).map(texts)
        }
        #expect(try shown(1) == [["v3 = 2.0"]])
        #expect(try shown(2) == [["v2 value 2.0", "v3 = 2.0"]])
        #expect(try shown(.max) == [["v1 added 1.0", "v2 value 2.0", "v3 = 2.0"]])
    }

    @Test func deletedVersionsAreNotInIt() throws {
        for value: Float in [1, 2, 1] { try save(["w": .tensor(Tensor([value]))]) }
        try registry.delete("m:v2")
        #expect(try registry.history(of: "m").map(texts) == [["v1 added 1.0", "v3 = 1.0"]])
    }

    @Test func pathsComeInTheOrderOfTheLatestVersion() throws {
        try save(["gone": .integer(1), "b": .integer(1), "a": .integer(1)])
        try save(["a": .integer(1), "new": .none, "b": .integer(1)])
        #expect(try registry.history(of: "m").map(\.path.text) == ["a", "new", "b", "gone"])
        #expect(throws: PathSelectionError(patterns: ["gon"], suggestion: "gone")) {
            try registry.history(of: "m", only: ["gon"])
        }
        #expect(message { try registry.history(of: "n") } == "no model \"n\" (did you mean \"m\"?)")
    }

    /// Distances as `numpy.linalg.norm(b.astype(float64) - a)` gives them; NaN where an element is none.
    @Test func distancesAreMeasuredInDoublePrecision() throws {
        for value: Float in [1, 1.5, 1.5, .nan, 1] {
            try save([
                "w": .tensor(Tensor([Float](repeating: value, count: 300_000))),
                "half": .tensor(Tensor([value, 2]).to(.bfloat16)), "lr": .number(Double(value)),
                "empty": .tensor(Tensor([Float]())),
            ])
        }
        let histories = try registry.history(of: "m", measuresDistances: true)
        let expected = 0.5 * 300_000.0.squareRoot()
        let distances = histories.map { $0.entries.map { $0.distance.map { $0.isNaN ? -1 : $0 } } }
        for (found, expected) in zip(distances[0], [nil, expected, 0, -1, -1]) {
            // Sums of equal exact squares; only the square root is rounded.
            #expect(found == expected)
        }
        #expect(distances[1] == [nil, 0.5, 0, -1, -1])
        #expect(distances[2] == [nil, nil, nil, nil, nil])
        #expect(distances[3] == [nil, 0, 0, 0, 0])
        #expect(try registry.history(of: "m").allSatisfy { $0.entries.allSatisfy { $0.distance == nil } })
    }

    @Test func distancesOfViewsAndComplexNumbers() throws {
        for value: Float in [0, 3] {
            let base = Tensor([value, 1, 2, 3, 4, 5], shape: [2, 3])
            let pair = try Tensor(bytes: Tensor([value, value]).bytes, dtype: .complex64, shape: [1])
            try save(["t": .tensor(base.transposed(0, 1)), "whole": .tensor(base), "z": .tensor(pair)])
        }
        let histories = try registry.history(of: "m", measuresDistances: true)
        #expect(histories.map { $0.entries[1].distance } == [3, 3, 18.0.squareRoot()])
        // Tied and transposed: the figures stored are those of the whole, and it is not the whole that is asked for.
        #expect(histories.map { $0.entries[1].health?.l2Norm == nil } == [true, false, false])
    }
}
