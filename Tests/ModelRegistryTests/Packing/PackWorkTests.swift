import ModelRegistry
import OrderedCollections
import Tensors
import Testing

/// How much packing looks at.
struct PackWorkTests {
    /// Half of the tensors change, and were all the same before, as moments of an optimiser that begin as zeros. Each place
    /// asked all places whether they need the chunk.
    private func work(leafCount: Int) throws -> Int {
        let registry = try Registry.inMemory()
        var state: StateDict = [:]
        for leaf in 0..<leafCount { state["moment.\(leaf)"] = Tensor([Float](repeating: 0, count: 64)) }
        try registry.save(state, as: "m", message: "")
        for leaf in 0..<leafCount / 2 {
            state["moment.\(leaf)"] = Tensor((0..<64).map { Float(leaf) + Float($0) / 64 })
        }
        try registry.save(state, as: "m", message: "")
        return try registry.work { _ = try registry.pack() }
    }

    @Test func packingIsLinearInTheParametersThatChanged() throws {
        let (half, whole) = (try work(leafCount: 150), try work(leafCount: 300))
        #expect(Double(whole) < 2.5 * Double(half), "\(half) and \(whole)")
    }
}
