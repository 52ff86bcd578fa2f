import ModelRegistry
import OrderedCollections
import Tensors
import Testing

struct MergeWorkTests {
    /// For each leaf of each version, the tensor's chunks and health were read again.
    @Test func aTensorIsReadOnceForNeighbouringVersions() throws {
        func work(changes: Bool) throws -> Int {
            let registry = try Registry.inMemory()
            for version in 0..<10 {
                var state: StateDict = ["step": Tensor([Float(version)])]
                for leaf in 0..<100 {
                    state["layer.\(leaf)"] = Tensor([Float(changes ? version : 0), Float(leaf)])
                }
                try registry.save(state, as: "m", message: "")
            }
            let copy = try Registry.inMemory()
            return try registry.work { try copy.merge(registry) }
        }
        let (same, other) = (try work(changes: false), try work(changes: true))
        #expect(2 * same < other, "\(same) and \(other)")
    }
}
