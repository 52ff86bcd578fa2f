import ChunkStore
import Foundations
import GRDB
import ModelReg
import OrderedCollections
import Synchronization
import TestSupport
import Testing

/// Differences between versions, files, and one of each.
@Suite struct ModelDiffTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    private func state(_ tensors: OrderedDictionary<String, Tensor>) -> Checkpoint {
        var dictionary = CheckpointDictionary()
        for (name, tensor) in tensors { dictionary[name] = .tensor(tensor) }
        return .dictionary(dictionary)
    }

    private func random(_ shape: [Int], seed: UInt64) -> Tensor { RandomGenerator(seed: seed).normal(shape) }

    /// What `TensorDifference` says of all elements at once, and what a diff of all kinds of sources says.
    private func expectStatistics(
        _ old: Tensor, _ new: Tensor, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try #require(
            old.withUnsafeBytes { oldBytes in
                new.withUnsafeBytes { TensorDifference(from: oldBytes, old.dtype, to: $0, new.dtype) }
            })
        try registry.save(state(["w": old]), as: "m", message: "")
        try registry.save(state(["w": new]), as: "m", message: "")
        let versions = try [
            WeightSource(version: "m~1", of: registry), WeightSource(version: "m", of: registry),
        ]
        let values = try [WeightSource(state(["w": old])), WeightSource(state(["w": new]))]
        for (a, b) in [
            (versions[0], versions[1]), (values[0], values[1]), (versions[0], values[1]),
            (values[0], versions[1]),
        ] {
            let diff = try ModelDiff(from: a, to: b)
            let found = try #require(diff.changes.first?.statistics, sourceLocation: sourceLocation)
            #expect(Summary(found) == Summary(expected), sourceLocation: sourceLocation)
            func isNear(_ a: Double?, _ b: Double?) -> Bool {
                guard let a, let b else { return a == nil && b == nil }
                return a == b || abs(a - b) <= 1e-13 * max(abs(a), abs(b))
            }
            #expect(isNear(found.l2Norm, expected.l2Norm), sourceLocation: sourceLocation)
            #expect(isNear(found.oldL2Norm, expected.oldL2Norm), sourceLocation: sourceLocation)
            #expect(isNear(found.newL2Norm, expected.newL2Norm), sourceLocation: sourceLocation)
            #expect(isNear(found.cosineSimilarity, expected.cosineSimilarity), sourceLocation: sourceLocation)
            #expect(isNear(found.meanAbsolute, expected.meanAbsolute), sourceLocation: sourceLocation)
        }
    }

    /// What is exact, however the tensor is cut.
    private struct Summary: Equatable {
        let counts: [Int]
        let maximum: Double
        let position: Int?
        let histogram: [Int]

        init(_ difference: TensorDifference) {
            counts = [
                difference.elementCount, difference.finiteCount, difference.changedCount,
                difference.oldNaNCount,
                difference.newNaNCount, difference.appearedNaNCount, difference.goneNaNCount,
                difference.oldInfinityCount, difference.newInfinityCount,
            ]
            maximum = difference.maximumAbsolute
            position = difference.maximumPosition
            histogram = difference.ulpHistogram
        }
    }

    @Test func tensorsOfManyChunksAreComparedChunkByChunk() throws {
        // Two and a half chunks, all of which differ.
        let old = random([655_360], seed: 1)
        try expectStatistics(old, old + random([655_360], seed: 2) * 0.01)
    }

    @Test func equalChunksAreNotReadAndStillCount() throws {
        let old = random([655_360], seed: 1)
        var values = old.scalars(as: Float.self)
        (values[5], values[600_000]) = (.nan, .infinity)
        var changed = values
        changed[300_000] += 1
        try expectStatistics(Tensor(values), Tensor(changed))
        // Nearly all of the old norm is in the chunk that changed.
        values[300_000] = 1e15
        try expectStatistics(Tensor(values), Tensor(changed))
    }

    @Test func oneSideMayBeADeltaOfTheOther() throws {
        let old = random([600_000], seed: 3)
        let new = old + random([600_000], seed: 4) * 1e-4
        try registry.save(state(["w": old]), as: "m", message: "")
        try registry.save(state(["w": new]), as: "m", message: "")
        let before = try registry.diff("m:v1", "m:v2")
        #expect(try registry.pack(["m"]).deltaCount > 0)
        for (a, b) in [("m:v1", "m:v2"), ("m:v2", "m:v1")] {
            let after = try registry.diff(a, b)
            #expect(after.changes[0].statistics?.l2Norm == before.changes[0].statistics?.l2Norm)
        }
    }

    @Test func typesAreComparedWhateverTheirWidth() throws {
        let old = random([700_000], seed: 5)
        try expectStatistics(old, old.to(.bfloat16))
        try expectStatistics(old.to(.float16), old.to(.float64))
    }

    @Test func transposedTensorsAreComparedInOrder() throws {
        let old = random([300, 200], seed: 6)
        try expectStatistics(old.t.copied().t, (old * 1.5).t.copied().t)
        try expectStatistics(old, (old * 1.5).t.copied().t)
    }

    @Test func tiedTensorsAreComparedUnderEachName() throws {
        let (old, new) = (random([100], seed: 7), random([100], seed: 8))
        try registry.save(state(["a": old, "b": old]), as: "m", message: "")
        try registry.save(state(["a": new, "b": new]), as: "m", message: "")
        let diff = try registry.diff("m~1", "m")
        #expect(diff.changes.count == 2 && diff.changes.allSatisfy { $0.statistics?.elementCount == 100 })
        #expect(diff.changes.allSatisfy { $0.differences == [.value] && $0.tie == nil })
    }

    @Test func whereShapesDifferTheCommonPartIsCompared() throws {
        let old = random([4000, 100], seed: 9)
        let grown = Tensor.concatenate([old, random([50, 100], seed: 10)])
        let longer = try ModelDiff(from: WeightSource(state(["w": old])), to: WeightSource(state(["w": grown])))
        let comparison = try #require(longer.changes[0].comparison)
        #expect(longer.changes[0].differences == [.shape] && !comparison.isWhole)
        #expect(comparison.shape == [4000, 100] && comparison.difference.changedCount == 0)
        #expect(comparison.difference.elementCount == 400_000 && comparison.difference.relativeL2 == 0)

        let wide = random([4000, 120], seed: 11)
        for (a, b) in [(old, wide), (wide, old), (old.t.copied().t, wide)] {
            let diff = try ModelDiff(from: WeightSource(state(["w": a])), to: WeightSource(state(["w": b])))
            let found = try #require(diff.changes[0].comparison)
            #expect(found.shape == [4000, 100])
            let (left, right) = (a.narrowed(1, to: 0..<100), b.narrowed(1, to: 0..<100))
            let expected = try #require(
                left.withUnsafeBytes { left in
                    right.withUnsafeBytes { TensorDifference(from: left, .float32, to: $0, .float32) }
                })
            #expect(Summary(found.difference) == Summary(expected))
        }
    }

    @Test func shapesWithoutACommonPartAreNotCompared() throws {
        func comparison(_ old: [Int], _ new: [Int]) throws -> TensorComparison? {
            let diff = try ModelDiff(
                from: WeightSource(
                    state(["w": Tensor([Float](repeating: 1, count: old.reduce(1, *)), shape: old)])),
                to: WeightSource(
                    state(["w": Tensor([Float](repeating: 2, count: new.reduce(1, *)), shape: new)])))
            return try #require(diff.changes.first).comparison
        }
        #expect(try comparison([4, 3], [12])?.isWhole == true)
        #expect(try comparison([4, 3], [4, 3, 1, 1])?.difference.l2Norm == Double(12).squareRoot())
        #expect(try comparison([4], [5, 5]) == nil)
        #expect(try comparison([0], [5]) == nil)
        #expect(try comparison([], [1])?.difference.maximumAbsolute == 1)
    }

    @Test func factsBesideTheWeightsAreCompared() throws {
        let weights = state(["w": random([3], seed: 1)])
        try registry.save(
            weights, as: "m", options: SaveOptions(metrics: ["loss": 2, "old": 1], attributes: ["lr": 0.1]))
        try registry.save(
            weights, as: "m", options: SaveOptions(metrics: ["loss": 1], attributes: ["lr": 0.1, "x": 1]))
        let diff = try registry.diff("m~1", "m")
        #expect(diff.isEmpty)
        #expect(
            diff.facts.map { "\($0.source) \($0.key) \($0.old ?? "-") \($0.new ?? "-")" } == [
                "metric loss 2.0 1.0", "metric old 1.0 -", "attribute x - 1",
            ])
        // A file has no metrics: nothing is said of them.
        let file = try ModelDiff(from: WeightSource(version: "m", of: registry), to: WeightSource(weights))
        #expect(file.facts.isEmpty)
    }

    @Test func unchangedTensorsCountInTheirModules() throws {
        let (frozen, old, new) = (random([50], seed: 1), random([50], seed: 2), random([50], seed: 3))
        let (before, after) = (state(["m.a": frozen, "m.b": old]), state(["m.a": frozen, "m.b": new]))
        try registry.save(before, as: "m", message: "")
        try registry.save(after, as: "m", message: "")
        let all = Tensor.concatenate([frozen, old]).scalars(as: Float.self).map(Double.init)
        let norm = all.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for diff in [
            try registry.diff("m~1", "m"), try ModelDiff(from: WeightSource(before), to: WeightSource(after)),
        ] {
            let total = diff.modules.total
            let distance = try #require(diff.changes[0].statistics).l2Norm
            #expect(abs(total.relativeL2 / (distance / norm) - 1) < 1e-12)
            #expect(total.leafCount == 2 && total.changeCount == 1 && total.elementCount == 100)
        }
    }

    @Test func idsAloneReadNothing() throws {
        try registry.save(state(["w": random([30], seed: 1)]), as: "m", message: "")
        try registry.save(state(["w": random([30], seed: 2)]), as: "m", message: "")
        try registry.store.withWriter { try $0.execute(sql: "UPDATE pack SET bytes = zeroblob(byte_count)") }
        let diff = try registry.diff("m~1", "m", options: DiffOptions(comparesValues: false))
        #expect(diff.changes.count == 1 && diff.changes[0].comparison == nil)
        #expect { try registry.diff("m~1", "m") } throws: { "\($0)".contains("w") }
    }

    @Test func changesArriveOneByOneAndCanBeCancelled() async throws {
        func tensors(seed: Int) -> OrderedDictionary<String, Tensor> {
            OrderedDictionary(
                uniqueKeysWithValues: (0..<20).map { ("t\($0)", random([1000], seed: UInt64(seed + $0))) })
        }
        let (old, new) = (tensors(seed: 0), tensors(seed: 100))
        try registry.save(state(old), as: "m", message: "")
        try registry.save(state(new), as: "m", message: "")
        var paths: Set<String> = []
        for try await change in registry.weightChanges(from: "m~1", to: "m") {
            #expect(change.statistics?.elementCount == 1000)
            paths.insert(change.path.text)
        }
        #expect(paths.count == 20)
        let seen = Atomic(0)
        #expect(throws: CancellationError.self) {
            _ = try registry.diff("m~1", "m", isCancelled: { seen.add(1, ordering: .relaxed).newValue > 5 })
        }
        await #expect(throws: RegistryError.self) {
            for try await _ in registry.weightChanges(from: "m", to: "nothing") {}
        }
        // The registry is free again.
        #expect(try registry.manifestDiff(from: "m", to: "m").isEmpty)
    }
}
