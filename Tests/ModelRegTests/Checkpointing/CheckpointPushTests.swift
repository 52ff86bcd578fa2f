import Dispatch
import Foundation
import ModelReg
import NN
import Synchronization
import TestSupport
import Testing

struct CheckpointPushTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let remote: String

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry.inMemory()
        remote = "oci:\(folder.file("remote"))"
    }

    /// Trains for some steps, each saved, with a loss for each.
    private func train(_ losses: [Double], _ pushes: CheckpointPushes) throws -> [CheckpointerEvent] {
        let events = Mutex<[CheckpointerEvent]>([])
        let example = TrainingExample()
        let run = try registry.startRun(model: "m", name: "r", resumes: true)
        let checkpointer = try Checkpointer(
            registry: registry, model: "m", run: run, every: [.steps(1), .improvement(of: "loss", mode: .min)],
            pushesTo: pushes, report: { event in events.withLock { $0.append(event) } })
        for (step, loss) in losses.enumerated() {
            example.train(1)
            try checkpointer.save(example.state, step: step + 1, metrics: ["loss": loss])
            try checkpointer.wait()
        }
        try checkpointer.finish()
        return events.withLock { $0 }
    }

    private func problems(_ events: [CheckpointerEvent]) -> [String] {
        events.filter(\.isProblem).map { "\($0)" }
    }

    @Test func bestAndLastAreAtTheRemote() throws {
        let events = try train([3, 2, 4, 5, 1, 6, 7], CheckpointPushes(to: remote))
        #expect(problems(events) == [])
        let team = try RemoteRegistry(remote)
        let versions = try team.versions(of: "m")
        // Pushes run behind the training: one that is overtaken by a better one still goes.
        #expect(versions.map(\.number) == [7, 5, 2, 1])
        #expect(versions.first { $0.aliases == ["best"] }?.number == 5)
        // The run goes along as it ended.
        let other = try Registry.inMemory()
        try other.pull(["m"], from: remote)
        #expect(try other.runInfo("m/r").state == .finished)
        #expect(try other.runInfo("m/r").metrics["loss"] == 7)
        #expect(try other.manifest(of: "m").contents == registry.manifest(of: "m").contents)
    }

    @Test func eachThirdAndTheLastAreAtTheRemote() throws {
        let events = try train([1, 2, 3, 4, 5, 6, 7], CheckpointPushes(to: remote, .every(3)))
        #expect(problems(events) == [])
        #expect(try RemoteRegistry(remote).versions(of: "m").map(\.number) == [7, 6, 3])
    }

    @Test func aRemoteThatIsAwayStopsNothing() throws {
        // A file where the folder of the remote would be.
        try "".write(toFile: folder.file("remote"), atomically: true, encoding: .utf8)
        let events = try train([3, 2, 1], CheckpointPushes(to: remote))
        #expect(try registry.versions(of: "m").count == 3)
        #expect(try registry.runInfo("m/r").state == .finished)
        let failed = events.filter { if case .pushFailed = $0 { true } else { false } }
        #expect(!failed.isEmpty && failed.allSatisfy(\.isProblem))
    }

    @Test func aRemoteThatIsNotKnownStopsNothing() throws {
        let events = try train([1], CheckpointPushes())
        #expect(try registry.versions(of: "m").count == 1)
        #expect(problems(events).contains { $0.contains("origin") })
    }

    @Test func whatFailedIsPushedLater() throws {
        try "".write(toFile: folder.file("remote"), atomically: true, encoding: .utf8)
        let events = Mutex<[CheckpointerEvent]>([])
        let hasFailed = DispatchSemaphore(value: 0)
        let example = TrainingExample()
        let checkpointer = try Checkpointer(
            registry: registry, model: "m", every: .steps(1), pushesTo: CheckpointPushes(to: remote, .every(1))
        ) { event in
            events.withLock { $0.append(event) }
            if case .pushFailed = event { hasFailed.signal() }
        }
        try checkpointer.save(example.state, step: 1)
        try checkpointer.wait()
        hasFailed.wait()
        try FileManager.default.removeItem(atPath: folder.file("remote"))
        example.train(1)
        try checkpointer.save(example.state, step: 2)
        try checkpointer.finish()
        #expect(try RemoteRegistry(remote).versions(of: "m").map(\.number) == [2, 1])
    }

    /// Retention may delete a version before its turn has come.
    @Test func deletedVersionsAreNoFailure() throws {
        let events = Mutex<[CheckpointerEvent]>([])
        let example = TrainingExample()
        let checkpointer = try Checkpointer(
            registry: registry, model: "m", every: .steps(1), retention: RetentionPolicy(keepLast: 1),
            pushesTo: CheckpointPushes(to: remote, .every(1))
        ) { event in events.withLock { $0.append(event) } }
        for step in 1...8 {
            example.train(1)
            try checkpointer.save(example.state, step: step)
        }
        try checkpointer.finish()
        #expect(try RemoteRegistry(remote).versions(of: "m").first?.number == 8)
        #expect(try registry.versions(of: "m").map(\.number) == [8])
    }
}
