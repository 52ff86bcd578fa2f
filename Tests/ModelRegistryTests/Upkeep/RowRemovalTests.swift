import ChunkStore
import Foundations
import ModelRegistry
import OrderedCollections
import Tensors
import Testing

struct RowRemovalTests {
    private static let leafCount = 50

    /// Three versions without a tensor in common, of which the first two are deleted.
    private func registry() throws -> Registry {
        let registry = try Registry.inMemory()
        for version in 0..<3 {
            var state: StateDict = [:]
            for leaf in 0..<RowRemovalTests.leafCount {
                state["layer.\(leaf)"] = Tensor([Float(version), Float(leaf)])
            }
            try registry.save(state, as: "m", message: "")
        }
        try registry.delete(["m:v1", "m:v2"])
        return registry
    }

    private struct Killed: Error {}

    /// All rows went in one transaction, which kept others out for as long as they are many.
    @Test func aTransactionRemovesABoundedNumberOfRows() throws {
        let registry = try registry()
        var last = try registry.fetch(Int.self, "SELECT total_changes()")
        var changes: [Int] = []
        let report = try GarbageCollection(registry, rowCountAtOnce: 10).run {
            let now = try registry.fetch(Int.self, "SELECT total_changes()")
            changes.append(now - last)
            last = now
        }
        #expect(report.versionCount == 2 && report.tensorCount == 100 && report.chunkCount == 100)
        #expect(changes.reduce(0, +) >= 400)
        #expect(changes.allSatisfy { $0 <= 11 }, "\(changes)")
        #expect(try registry.problems() == [])
    }

    /// Wherever a collection ends, no deleted version is half there, and the next one removes the rest.
    @Test func aCollectionMayEndAfterAnyTransaction() throws {
        let whole = try registry()
        var pauseCount = 0
        _ = try GarbageCollection(whole, rowCountAtOnce: 30).run { pauseCount += 1 }
        #expect(pauseCount > 12)
        for last in 1...pauseCount {
            let registry = try registry()
            var pauses = 0
            #expect(throws: Killed.self, "\(last)") {
                _ = try GarbageCollection(registry, rowCountAtOnce: 30).run {
                    pauses += 1
                    if pauses == last { throw Killed() }
                }
            }
            #expect(try registry.problems() == [], "\(last)")
            let loaded: StateDict = try registry.load("m", verifiesHashes: true)
            #expect(loaded["layer.7"]?.scalars(as: Float.self) == [2, 7])
            #expect(try registry.deletedVersions(of: "m").isEmpty, "\(last)")
            #expect(
                message { try registry.restore("m:v1") }
                    == #"no deleted version 1 of "m": gc has removed it, or it never was"#)
            try registry.collectGarbage()
            #expect(try registry.contentRowCounts() == whole.contentRowCounts(), "\(last)")
            #expect(
                try registry.count("version") == 1 && registry.count("parameter") == RowRemovalTests.leafCount)
        }
    }

    @Test func aCollectionIsLinearInWhatIsThere() throws {
        func work(leafCount: Int) throws -> Int {
            let registry = try Registry.inMemory()
            for version in 0..<3 {
                var state: StateDict = [:]
                for leaf in 0..<leafCount { state["layer.\(leaf)"] = Tensor([Float(version), Float(leaf)]) }
                try registry.save(state, as: "m", message: "")
            }
            try registry.delete("m:v2")
            return try registry.work { _ = try GarbageCollection(registry, rowCountAtOnce: 100).run {} }
        }
        let (half, whole) = (try work(leafCount: 400), try work(leafCount: 800))
        #expect(Double(whole) < 2.5 * Double(half), "\(half) and \(whole)")
    }
}
