import ModelRegistry
import OrderedCollections
import Tensors
import Testing

/// How much the history of parameters looks at.
struct HistoryWorkTests {
    private func registry(leafCount: Int, versionCount: Int = 4) throws -> Registry {
        let registry = try Registry.inMemory()
        for version in 0..<versionCount {
            var state: StateDict = [:]
            // One leaf changes in each version.
            for leaf in 0..<leafCount {
                state["layer.\(leaf)"] = Tensor([Float(leaf == version ? 1 : 0), Float(leaf)])
            }
            try registry.save(state, as: "m", message: "")
        }
        return registry
    }

    /// Each path was searched for in each version, and each found leaf joined with its tensor: most of the work was to find
    /// again what the version before has.
    @Test func aLeafThatStaysCostsLittle() throws {
        let registry = try registry(leafCount: 200, versionCount: 20)
        let all = try registry.work { _ = try registry.history(of: "m") }
        let rows = try registry.work {
            _ = try registry.fetch(
                Int.self,
                "SELECT sum(ordinal + path + ifnull(tensor, 0)) FROM version JOIN parameter ON parameter.version = version.id"
            )
        }
        #expect(all < 4 * rows, "\(all) for rows of \(rows)")
    }

    @Test func oneParameterIsSearchedForAndNotAll() throws {
        let registry = try registry(leafCount: 400)
        let one = try registry.work { _ = try registry.history(of: "m", only: ["layer.7"]) }
        let all = try registry.work { _ = try registry.history(of: "m") }
        #expect(10 * one < all, "\(one) of \(all)")
    }
}
