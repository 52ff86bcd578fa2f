import Checkpoints
import ModelRegistry
import Tensors
import Testing

struct RegistryDeleteTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    @Test func aDeletedVersionIsGoneAndItsNumberIsNeverUsedAgain() throws {
        for _ in 1...3 { try registry.save(Checkpoint.none, as: "m", message: "") }
        try registry.delete("m:v3")
        #expect(message { try registry.version("m:v3") } == #"no version 3 of "m"; the latest is 2"#)
        #expect(try registry.version("m").number == 2)
        #expect(try registry.save(Checkpoint.none, as: "m", message: "").version.number == 4)
    }

    @Test func aModelWithoutVersionsSaysSo() throws {
        try registry.save(Checkpoint.none, as: "m", message: "")
        try registry.delete("m")
        #expect(
            message { try registry.load("m", as: Checkpoint.self) }
                == #""m" has no versions: none was saved, or all are deleted"#)
        #expect(try registry.versions(of: "m").isEmpty)
        #expect(try registry.save(Checkpoint.none, as: "m", message: "").version.number == 2)
        #expect(try registry.version("m").parent == nil)
    }

    @Test func anAliasedVersionNeedsForce() throws {
        try registry.save(Checkpoint.none, as: "m", options: SaveOptions(aliases: ["best", "prod"]))
        #expect(
            message { try registry.delete("m:best") }
                == #"m:v1 is named by "best", "prod"; remove the alias first, or use --force"#)
        #expect(message { try registry.delete("m", dryRun: true) } != nil)
        #expect(try registry.delete("m", force: true).aliases == ["best", "prod"])
        #expect(try registry.aliases().isEmpty)
    }

    @Test func severalGoAndComeBackTogetherOrNotAtAll() throws {
        for _ in 1...4 { try registry.save(Checkpoint.none, as: "m", message: "") }
        try registry.setAlias("best", to: "m:v2")
        #expect(throws: RegistryError.self) { try registry.delete(["m:v1", "m:v2", "m:v3"]) }
        #expect(throws: RegistryError.self) { try registry.delete(["m:v1", "m:v9"]) }
        #expect(try registry.versions(of: "m").count == 4)
        // What "m~1" names does not change while "m" goes.
        #expect(try registry.delete(["m", "m~1", "m:latest"]).map(\.version.number) == [4, 3])
        #expect(throws: RegistryError.self) { try registry.restore(["m:v4", "m:v2"]) }
        #expect(throws: RegistryError.self) { try registry.restore(["m:v3", "best"]) }
        #expect(try registry.versions(of: "m").map(\.number) == [2, 1])
        #expect(try registry.restore(["m:v3", "m:v4"]).map(\.version.number) == [3, 4])
        #expect(try registry.versions(of: "m").map(\.number) == [4, 3, 2, 1])
    }

    @Test func freedBytesAreThoseOfNoOtherVersion() throws {
        let shared = try noise(5000, seed: 1)
        try registry.save(["a": shared, "b": try noise(3000, seed: 2)], as: "m", message: "")
        try registry.save(["a": shared, "c": try noise(2000, seed: 3)], as: "m", message: "")
        // Random bytes are stored as they are, with a few bytes to say so.
        let first = try registry.delete("m:v1", dryRun: true).freedByteCount
        #expect((3000..<3100).contains(first))
        #expect(try registry.version("m:v1").number == 1)
        #expect(try registry.delete("m:v1").freedByteCount == first)
        let rest = try registry.delete("m:v2").freedByteCount
        #expect((7000..<7200).contains(rest))
    }

    @Test func freedBytesOfAVersionThatSharesChunksOfAnotherTensor() throws {
        let first = try noise(3 << 20)
        let second = first.copied()
        second.storage.withUnsafeMutableBytes { $0[0] ^= 1 }
        try registry.save(first, as: "m", message: "")
        try registry.save(second, as: "m", message: "")
        #expect((1 << 20..<1 << 20 + 200).contains(try registry.delete("m:v2", dryRun: true).freedByteCount))
    }

    @Test func deletingASameVersionFreesNothing() throws {
        for _ in 1...2 { try registry.save(Tensor([Float(1)]), as: "m", message: "") }
        #expect(try registry.delete("m:v1").freedByteCount == 0)
        #expect(try registry.load("m", as: Tensor.self).scalars(as: Float.self) == [1])
        #expect(try registry.problems() == [])
    }
}
