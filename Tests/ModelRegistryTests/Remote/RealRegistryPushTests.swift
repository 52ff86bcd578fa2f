import Checkpoints
import Foundation
import ModelRegistry
import OrderedCollections
import Remotes
import Tensors
import TestSupport
import Testing

/// Against the registry at `MODELREG_TEST_REMOTE`, which `scripts/test-remote` starts.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["MODELREG_TEST_REMOTE"] != nil
            && ProcessInfo.processInfo.environment["MODELREG_TEST_DENIED"] == nil))
struct RealRegistryPushTests {
    private let remote = ProcessInfo.processInfo.environment["MODELREG_TEST_REMOTE"] ?? ""
    private let model = "Push-\(UUID().uuidString)"

    private func save(_ step: Int, to registry: Registry) throws {
        var random = RandomCheckpoints(seed: UInt64(step))
        let large = Tensor((0..<600_000).map { Float($0 % 1013) * (step == 0 ? 1 : 1.0001) })
        try registry.save(
            dictionary(["x": random.checkpoint(), "large": .tensor(large)]), as: model,
            options: SaveOptions(
                aliases: ["best"], metrics: ["loss": Double(step)], attachments: ["a.txt": [1, 2]]))
    }

    @Test func versionsTravel() throws {
        let here = try Registry.inMemory()
        try save(0, to: here)
        try save(1, to: here)
        try here.pack([model])
        #expect(try here.push([model], all: true, to: remote).pushed.count == 2)
        #expect(try here.push([model], all: true, to: remote).sameCount == 2)
        let there = try Registry.inMemory()
        let pulled = try there.pull([model], all: true, from: remote)
        #expect(pulled.added.count == 2 && pulled.aliases == ["\(model):best"])
        for number in 1...2 {
            let reference = "\(model):v\(number)"
            #expect(
                try differences(
                    between: here.load(reference, as: Checkpoint.self, verifiesHashes: true),
                    and: there.load(reference, as: Checkpoint.self, verifiesHashes: true)) == [])
        }
        #expect(try there.verify().problems == [])
        let name = RepositoryName.of(model: model)
        let view = try RemoteView("\(remote)/\(name):best") { manifest in
            manifest.leaves.map { $0.path.text == "large" }
        }
        #expect(
            try view.registry.load(view.reference, path: "large", rows: 0..<10).bytes
                == here.load("\(model):best", path: "large", rows: 0..<10).bytes)
    }

    /// Two versions that both are `v1`, pushed at once: none is lost, and both have numbers.
    @Test(arguments: 1...5) func twoPushersLoseNothing(round: Int) async throws {
        let name = "\(model)-\(round)"
        let registries = try (0..<2).map { _ in try Registry.inMemory() }
        for (index, registry) in registries.enumerated() {
            try registry.save(
                dictionary(["w": .tensor(Tensor([Float(index), Float(round)]))]), as: name, message: "")
        }
        let remote = remote
        try await withThrowingTaskGroup(of: Void.self) { group in
            for registry in registries { group.addTask { _ = try registry.push([name], to: remote) } }
            try await group.waitForAll()
        }
        let both = try Registry.inMemory()
        #expect(try both.pull([name], all: true, from: remote).added.count == 2)
        let ids = try Set(both.versions(of: name).map(\.contentID))
        #expect(try ids == Set(registries.map { try $0.version(name).contentID }))
    }
}
