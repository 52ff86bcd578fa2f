import Checkpoints
import Dispatch
import Foundation
import ModelReg
import Tensors
import TestSupport
import Testing

struct RegistryAsyncTests {
    private let folder: TemporaryFolder
    private let registry: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("models.db"), packsInBackground: false)
    }

    /// Eighty tensors of 1 MiB.
    private func weights() -> StateDict {
        var state = StateDict()
        for index in 0..<80 {
            state["t\(index)"] = Tensor((0..<1 << 18).map { Float($0 &* (index + 7) % 10_007) })
        }
        return state
    }

    @Test func longCallsAreAwaited() async throws {
        let saved = try await registry.save(weights(), as: "m")
        #expect(saved.version.number == 1)
        let loaded: StateDict = try await registry.load("m")
        #expect(loaded.count == 80)
        #expect(try await registry.verify().problems == [])
        try await registry.save(weights(), as: "m")
        #expect(try await registry.diff("m:v1", "m:v2").changes.isEmpty)
        let other = try Registry(path: folder.file("other.db"), packsInBackground: false)
        #expect(try await other.merge(registry).added.count == 2)
    }

    @Test func upkeepIsAwaited() async throws {
        var state = weights()
        try await registry.save(state, as: "m")
        var changed = (0..<1 << 18).map { Float($0 &* 7 % 10_007) }
        changed[1000] += 1
        state["t0"] = Tensor(changed)
        try await registry.save(state, as: "m")
        #expect(try await registry.pack().deltaCount == 1)

        let (file, patch, archive) = (folder.file("a.safetensors"), folder.file("a.patch"), folder.file("a.db"))
        try await registry.exportFile("m", to: file)
        try await registry.archive(to: archive)
        #expect(try Registry(path: archive, isReadOnly: true).versions(of: "m").count == 2)
        try await registry.writePatch(from: "m:v1", to: "m:v2", path: patch)
        let other = try Registry(path: folder.file("other.db"), packsInBackground: false)
        try await other.save(try ModelSource.read(file).checkpoint, as: "m")
        let applied = try await registry.applyPatch(at: patch, as: "again").version
        #expect(applied.contentID == (try registry.version("m").contentID))

        #expect(try await registry.prune("m", RetentionPolicy(keepLast: 1)).count == 2)
        try registry.delete("again")
        #expect(try await registry.collectGarbage().versionCount == 2)
        #expect(try await registry.verify().problems == [])
    }

    /// Cancels the task of a call when it has made its first progress, which then ends.
    private func expectCancelled(_ body: @escaping @Sendable (@escaping ProgressHandler) async throws -> Void)
        async
    {
        let (begun, continuation) = AsyncStream<Void>.makeStream()
        let isCancelled = DispatchSemaphore(value: 0)
        let task = Task {
            try await body { _, _ in
                continuation.yield()
                isCancelled.wait()
                isCancelled.signal()
            }
        }
        var events = begun.makeAsyncIterator()
        await events.next()
        task.cancel()
        isCancelled.signal()
        let result = await task.result
        #expect(throws: CancellationError.self) { try result.get() }
    }

    @Test func cancelledCallsLeaveTheRegistryWhole() async throws {
        let registry = registry
        let state = weights()
        let path = folder.file("file.safetensors")
        try CheckpointFile.write(state.checkpoint, to: path, as: .safetensors)
        await expectCancelled { progress in
            let source = try ModelSource.read(path)
            try await registry.save(source.checkpoint, as: "m", progress: progress)
        }
        #expect(try registry.models().isEmpty)
        #expect(try await registry.verify().problems == [])
        try registry.save(state, as: "m", message: "")
        await expectCancelled { progress in
            let _: StateDict = try await registry.load("m", progress: progress)
        }
        await expectCancelled { progress in _ = try await registry.verify(progress: progress) }
        #expect(try registry.version("m").number == 1)
    }
}
