import Foundation
import Glibc
import ModelReg
import NN
import OrderedCollections
import Synchronization
import Tensors
import TestSupport
import Testing

/// Saves that fail: training goes on unless asked, and what was saved before is as it was.
struct CheckpointerFaultTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let state = TrainingState(Sequential(Linear(3, 3)))
    private let recorder = Recorder()

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("r.db"), waitSeconds: 0.05, packsInBackground: false)
    }

    private var busy: String {
        "\"\(registry.path)\" is in use by another process; waited 0.05 s (--wait waits longer)"
    }

    @Test func aLockedRegistryIsTriedAgainAndReported() throws {
        let checkpointer = try Checkpointer.forTests(registry, recorder)
        try checkpointer.save(state, step: 1)
        try checkpointer.wait()
        let lock = try RegistryLock(registry.path)
        try checkpointer.save(state, step: 2)
        try checkpointer.wait()
        #expect(
            recorder.texts == [
                "saved step 1 as m:v1", "checkpoint of step 2 is tried again: \(busy)",
                "checkpoint of step 2 is tried again: \(busy)",
                "checkpoint of step 2 could not be saved: \(busy); earlier versions are as they were",
            ])
        try lock.release()
        // The next one is another try, and makes up for it.
        try checkpointer.save(state, step: 3)
        try checkpointer.finish()
        #expect(recorder.texts.last == "saved step 3 as m:v2")
        #expect(try registry.verify().problems == [])
    }

    @Test func theNextCallThrowsWhereAsked() throws {
        let checkpointer = try Checkpointer.forTests(registry, every: .steps(100), onError: .throw, recorder)
        let lock = try RegistryLock(registry.path)
        try checkpointer.save(state, step: 1)
        #expect(throws: CheckpointerError.self) { try checkpointer.wait() }
        try checkpointer.save(state, step: 2)
        while !recorder.texts.contains(where: { $0.hasPrefix("checkpoint of step 2 could not") }) {
            usleep(1000)
        }
        // Also a call that saves nothing; and once.
        #expect(throws: CheckpointerError.self) { try checkpointer.saveIfDue(state, step: 3) }
        try lock.release()
        #expect(try !checkpointer.saveIfDue(state, step: 4))
        try checkpointer.save(state, step: 5)
        try checkpointer.finish()
        #expect(try registry.versions(of: "m").map(\.message) == ["step 5"])
    }

    @Test func finishThrowsWhereTheNewestCheckpointIsNotSaved() throws {
        let checkpointer = try Checkpointer.forTests(registry, recorder)
        try checkpointer.save(state, step: 1)
        try checkpointer.wait()
        let lock = try RegistryLock(registry.path)
        try checkpointer.save(state, step: 2)
        do {
            try checkpointer.finish()
            Issue.record("finished as if all were saved")
        } catch let error as CheckpointerError {
            #expect(
                error.description
                    == "checkpoint of step 2 could not be saved: \(busy); earlier versions are as they were")
        }
        try lock.release()
        #expect(try registry.versions(of: "m").map(\.message) == ["step 1"])
    }

    /// A failed checkpoint was not the best one that there is: the next that is as good is saved.
    @Test func aFailedCheckpointIsNotTheBest() throws {
        let checkpointer = try Checkpointer.forTests(
            registry, every: .improvement(of: "accuracy", mode: .max), recorder)
        let lock = try RegistryLock(registry.path)
        #expect(try checkpointer.saveIfDue(state, step: 1, metrics: ["accuracy": 0.9]))
        try checkpointer.wait()
        try lock.release()
        #expect(try checkpointer.saveIfDue(state, step: 2, metrics: ["accuracy": 0.8]))
        try checkpointer.finish()
        #expect(try registry.version("m:best").metrics["accuracy"] == 0.8)
    }

    @Test func aCallWaitsWhereTwoAreOnTheirWay() throws {
        let patient = try Registry(path: registry.path, waitSeconds: 30, packsInBackground: false)
        let checkpointer = try Checkpointer.forTests(patient, recorder)
        let lock = try RegistryLock(registry.path)
        try checkpointer.save(state, step: 1)
        try checkpointer.save(state, step: 2)
        let isReleased = Mutex(false)
        let releasing = try ReleasingThread {
            usleep(300_000)
            isReleased.withLock { $0 = true }
            try? lock.release()
        }
        // The two before did not wait for the lock.
        #expect(isReleased.withLock { !$0 })
        try checkpointer.save(state, step: 3)
        #expect(isReleased.withLock { $0 })
        releasing.join()
        try checkpointer.finish()
        #expect(try registry.versions(of: "m").map(\.message) == ["step 3", "step 2", "step 1"])
    }

    @Test func aVersionThatWasDeletedMeanwhileIsNoParent() throws {
        _ = try Checkpointer.forTests(registry, recorder)
        try registry.save(
            TrainingState(Sequential(Linear(3, 3))).checkpoint(at: .init(step: 1)), as: "m", message: "")
        try registry.save(["w": Tensor([Float(1)])] as StateDict, as: "m", message: "something else")
        let checkpointer = try Checkpointer.forTests(registry, recorder)
        #expect(try checkpointer.resume(state)?.version.number == 1)
        try registry.delete("m:v1")
        try checkpointer.save(state, step: 2)
        try checkpointer.finish()
        #expect(try registry.version("m").parent == "m:v2")
    }

    @Test func aNameThatIsNoneIsRefusedAtOnce() throws {
        #expect(throws: RegistryError.badModelName("no name")) {
            try Checkpointer(registry: registry, model: "no name", report: { _ in })
        }
    }

    // Permission bits mean nothing to root.
    @Test(.enabled(if: getuid() != 0, "root may write everything"))
    func aReadOnlyRegistryIsRefusedAtOnce() throws {
        try registry.save(Tensor([Float(1)]), as: "m", message: "")
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: registry.path)
        let readOnly = try Registry(path: registry.path)
        #expect(throws: RegistryError.readOnly(path: registry.path)) {
            try Checkpointer(registry: readOnly, model: "m", report: { _ in })
        }
    }

    @Test func upkeepThatFailsIsReportedAndTheCheckpointIsSaved() throws {
        // Retention wants to write; a trigger stands in for what may go wrong then.
        try DatabaseChange.run(
            registry.path,
            "CREATE TRIGGER no_deletion BEFORE UPDATE OF deleted_at ON version BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
        let checkpointer = try Checkpointer.forTests(
            registry, retention: RetentionPolicy(keepLast: 1), recorder)
        for step in 1...2 { try checkpointer.save(state, step: step) }
        try checkpointer.finish()
        #expect(try registry.versions(of: "m").count == 2)
        #expect(
            recorder.texts.contains { $0.hasPrefix("upkeep of the registry failed and is tried again later: ") }
        )
    }

    /// Numbers say what is newer, not times; and nothing gets older by a clock that was set back.
    @Test func aClockThatJumpsChangesNothing() throws {
        let examples = TrainingExample()
        let policy = RetentionPolicy(keepYoungerThan: 3600)
        for (step, time) in [(1, "2999-01-01T00:00:00.000Z"), (2, "1970-01-01T00:00:00.000Z")] {
            let checkpointer = try Checkpointer.forTests(registry, retention: policy, recorder)
            examples.train(1)
            try checkpointer.save(examples.state, step: step)
            try checkpointer.finish()
            try DatabaseChange.run(
                registry.path, "UPDATE version SET created_at = '\(time)' WHERE number = \(step)")
        }
        let resumed = TrainingExample(seed: 3)
        let checkpointer = try Checkpointer.forTests(registry, every: .minutes(5), retention: policy, recorder)
        #expect(try checkpointer.resume(resumed.state)?.version.number == 2)
        resumed.goesOn(from: .init(step: 2))
        #expect(try resumed.contents() == examples.contents())
        // Minutes are counted by a clock that nobody sets.
        #expect(try !checkpointer.saveIfDue(resumed.state, step: 3))
        try checkpointer.save(resumed.state, step: 4)
        try checkpointer.finish()
        #expect(try registry.versions(of: "m").map(\.number) == [3, 2, 1])
        #expect(try registry.version("m").parent == "m:v2")
        #expect(!recorder.texts.contains { $0.contains("upkeep") })
    }

    @Test func aSignalAsksToStopAndIsSavedOnce() throws {
        let checkpointer = try Checkpointer(
            registry: registry, model: "m", every: .steps(1000), stopsOn: [SIGUSR2], report: recorder.report)
        #expect(try !checkpointer.saveIfDue(state, step: 1))
        #expect(!checkpointer.shouldStop && checkpointer.exitStatus == 0)
        kill(getpid(), SIGUSR2)
        while !checkpointer.shouldStop { usleep(1000) }
        #expect(try checkpointer.saveIfDue(state, step: 2))
        #expect(try !checkpointer.saveIfDue(state, step: 2))
        #expect(checkpointer.exitStatus == 128 + SIGUSR2)
        try checkpointer.finish()
        #expect(try registry.versions(of: "m").map(\.message) == ["step 2"])
        #expect(recorder.texts.contains("signal 12: saving a last checkpoint"))
    }
}

/// A thread for what has to happen while another one waits.
final class ReleasingThread: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)

    init(_ body: @escaping () throws -> Void) throws {
        nonisolated(unsafe) let body = body
        DispatchQueue.global().async { [done] in
            try? body()
            done.signal()
        }
    }

    func join() { done.wait() }
}
