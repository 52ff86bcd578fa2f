import Foundations
import Glibc
import ModelReg
import NN
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Versions belong to the run that saves them, which ends as the training does.
struct CheckpointerRunTests {
    private let folder: TemporaryFolder
    private let registry: Registry
    private let recorder = Recorder()

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("r.db"), waitSeconds: 0.05, packsInBackground: false)
    }

    private func start(_ name: String = "base") throws -> Run {
        try registry.startRun(model: "m", name: name, hyperparameters: ["lr": 0.01], resumes: true)
    }

    private func checkpointer(
        _ run: Run, every cadence: CheckpointCadence = .manual, retention: RetentionPolicy? = nil,
        stopsOn signals: [Int32] = []
    ) throws -> Checkpointer {
        try Checkpointer(
            registry: registry, model: "m", run: run, every: cadence, retention: retention, stopsOn: signals,
            report: recorder.report)
    }

    @Test func versionsAndMetricsBelongToTheRun() throws {
        let run = try start()
        let example = TrainingExample()
        let checkpointer = try checkpointer(run, every: .steps(2))
        for step in 1...5 {
            example.train(1)
            try checkpointer.saveIfDue(example.state, step: step, metrics: ["loss": 1 / Double(step)])
        }
        try checkpointer.wait()
        #expect(try registry.runInfo(run.id).state == .running)
        try checkpointer.finish()

        let versions = try registry.versions(of: "m")
        #expect(versions.map(\.run) == ["m/base", "m/base"] && versions.map(\.step) == [4, 2])
        #expect(versions.map { $0.metrics["loss"] } == [0.25, 0.5])
        // Also those of steps without a checkpoint.
        #expect(try registry.metric("loss", ofRun: run.id).map(\.value) == (1...5).map { 1 / Double($0) })
        let info = try registry.runInfo(run.id)
        #expect(info.state == .finished && info.versionCount == 2 && info.lastStep == 5)
        #expect(try registry.environment(of: versions[0])?.packages["modelreg"] != nil)
    }

    @Test func aResumedProcessResumesTheRun() throws {
        let first = try start()
        do {
            let checkpointer = try checkpointer(first)
            let example = TrainingExample()
            for step in 1...3 {
                example.train(1)
                try checkpointer.save(example.state, step: step, metrics: ["loss": 3])
            }
            try checkpointer.wait()
            first.log(["loss": 9], step: 4)
        }
        // It went away before it had finished, as when training throws.
        #expect(try registry.runInfo(first.id).state == .failed)
        let again = try start()
        #expect(again.id == first.id)
        let resumed = TrainingExample(seed: 4)
        let checkpointer = try checkpointer(again)
        #expect(try registry.runInfo(again.id).state == .running)
        #expect(try checkpointer.resume(resumed.state)?.progress.step == 3)
        resumed.train(1)
        try checkpointer.save(resumed.state, step: 4, metrics: ["loss": 2])
        try checkpointer.finish()
        #expect(try registry.runInfo(again.id).state == .finished)
        #expect(try registry.runs().count == 1 && registry.versions(inRun: again.id).count == 4)
        #expect(try registry.metric("loss", ofRun: again.id).map(\.value) == [3, 3, 3, 2])
    }

    @Test func twoRunsOfAModelDoNotGetInEachOthersWay() throws {
        let examples = [TrainingExample(seed: 1), TrainingExample(seed: 2)]
        let runs = try [start("one"), start("two")]
        let checkpointers = try runs.map { try checkpointer($0, retention: RetentionPolicy(keepLast: 1)) }
        for step in 1...3 {
            for index in 0..<2 {
                examples[index].train(1)
                try checkpointers[index].save(examples[index].state, step: step)
                try checkpointers[index].wait()
            }
        }
        for checkpointer in checkpointers { try checkpointer.finish(.failed) }
        // The latest of a run that has not finished stays, though the other's is newer.
        #expect(try registry.versions(of: "m").map(\.number) == [6, 5])
        let plan = try registry.pruningPlan(for: "m", RetentionPolicy(keepLast: 0, keepWhole: 1))
        #expect(plan.map(\.action) == [.keep, .keep])
        #expect(
            plan.map { $0.reasons.map(\.description) } == [
                ["latest", "latest of run two"], ["latest of run one"],
            ])
        for index in 0..<2 {
            let other = TrainingExample(seed: 9)
            let again = try checkpointer(start(["one", "two"][index]))
            let resumption = try again.resume(other.state)
            #expect(resumption?.version.run == runs[index].reference)
            other.goesOn(from: try #require(resumption?.progress))
            #expect(try other.contents() == examples[index].contents())
            try again.finish()
        }
        // A third one begins anew.
        #expect(try checkpointer(start("three")).resume(TrainingExample().state) == nil)
        try registry.prune("m", RetentionPolicy(keepLast: 1))
        #expect(try registry.versions(of: "m").map(\.number) == [6])
    }

    @Test func aVersionComesFromTheOneBeforeInItsRun() throws {
        let runs = try [start("one"), start("two")]
        let checkpointers = try runs.map { try checkpointer($0) }
        let state = TrainingState(Sequential(Linear(2, 2)))
        for step in 1...2 {
            for checkpointer in checkpointers {
                try checkpointer.save(state, step: step)
                try checkpointer.wait()
            }
        }
        for checkpointer in checkpointers { try checkpointer.finish() }
        #expect(try registry.version("m:v3").parent == "m:v1" && registry.version("m:v4").parent == "m:v2")
    }

    @Test func aSignalEndsTheRunAsKilled() throws {
        let run = try start()
        // A signal of its own: tests run side by side, and a signal is for all who listen.
        let checkpointer = try checkpointer(run, stopsOn: [SIGWINCH])
        kill(getpid(), SIGWINCH)
        while !checkpointer.shouldStop { usleep(1000) }
        try checkpointer.saveIfDue(TrainingState(Sequential(Linear(2, 2))), step: 1)
        try checkpointer.finish()
        #expect(try registry.runInfo(run.id).state == .killed)
    }

    @Test func aRunSaysHowItEnded() throws {
        let run = try start()
        try checkpointer(run).finish(.failed)
        #expect(try registry.runInfo(run.id).state == .failed)
    }

    /// A failed checkpoint is no reason to lose its metrics.
    @Test func aFailedCheckpointFailsTheRunAndLosesNoMetrics() throws {
        let run = try start()
        let checkpointer = try checkpointer(run)
        let lock = try RegistryLock(registry.path)
        try checkpointer.save(
            TrainingState(Sequential(Linear(2, 2))), step: 1, metrics: ["loss": 0.5, "nan": .nan])
        try checkpointer.wait()
        #expect(throws: CheckpointerError.self) { try checkpointer.finish() }
        #expect(recorder.texts.last?.hasPrefix("run \"m/base\" cannot be written: ") == true)
        try lock.release()
        // Called again, it ends the run.
        try checkpointer.finish(.failed)
        let info = try registry.runInfo(run.id)
        #expect(info.state == .failed && info.metrics["loss"] == 0.5 && info.metrics["nan"]?.isNaN == true)
        #expect(try registry.models().first?.versionCount == 0)
    }

    @Test func aRunThatIsDeletedMeanwhileCostsNoCheckpoint() throws {
        let run = try start()
        let checkpointer = try checkpointer(run)
        let state = TrainingState(Sequential(Linear(2, 2)))
        try checkpointer.save(state, step: 1)
        try checkpointer.wait()
        try registry.deleteRun(run.id)
        for step in 2...3 { try checkpointer.save(state, step: step) }
        try checkpointer.wait()
        #expect(try registry.versions(of: "m").map(\.run) == [nil, nil, nil])
        #expect(recorder.texts.filter { $0.hasPrefix("run \"m/base\" cannot be written: no run ") }.count == 1)
        #expect(throws: RegistryError.self) { try checkpointer.finish() }
    }

    @Test func aFinishedRunOfOneNameIsRefusedAndARunningOneOfAnotherProcessToo() throws {
        let run = try start()
        #expect(throws: RegistryError.runExists("m/base")) { try registry.startRun(model: "m", name: "base") }
        // Process 1 goes on as long as the machine does.
        let other = try registry.startRun(model: "m", name: "other", process: 1)
        #expect(throws: RegistryError.runIsRunning("m/other", process: 1)) {
            try registry.startRun(model: "m", name: "other", resumes: true)
        }
        #expect(run.id != other.id)
    }
}
