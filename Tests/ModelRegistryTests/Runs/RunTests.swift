import Checkpoints
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct RunTests {
    private let folder: TemporaryFolder
    private let registry: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("models.db"), waitSeconds: 0.2)
    }

    @Test func aRunKeepsSettingsMetricsAndVersions() throws {
        let run = try registry.startRun(
            model: "mlp", name: "base",
            hyperparameters: ["lr": 1e-3, "optimizer": "adamw", "betas": [0.9, 0.999]])
        #expect(run.reference == "mlp/base")
        for step in 0..<10 { run.log(["loss": 1 / Double(step + 1), "lr": 0.1], step: step) }
        let saved = try registry.save(
            Checkpoint.none, as: "mlp", options: SaveOptions(metrics: ["accuracy": 0.5], run: run.id, step: 9)
        ).version
        #expect(saved.run == "mlp/base" && saved.step == 9)
        try run.finish()

        let info = try registry.runInfo("base")
        #expect(info.state == .finished && info.endedAt != nil && info.versionCount == 1 && info.lastStep == 9)
        #expect(
            info.attributes.mapValues(\.json) == [
                "lr": "0.001", "optimizer": "\"adamw\"", "betas": "[0.9,0.999]",
            ])
        #expect(info.metrics == ["loss": 0.1, "lr": 0.1, "accuracy": 0.5])
        #expect(info.wallSeconds > 0 && info.wallSeconds < 60)
        let points = try registry.metric("loss", ofRun: run.id)
        #expect(points.map(\.step) == Array(0..<10) && points[4].value == 0.2)
        #expect(points.allSatisfy { $0.seconds != nil })
        #expect(try registry.versions(inRun: run.id).map(\.reference) == ["mlp:v1"])
        #expect(try registry.runs(of: "mlp").map(\.name) == ["base"])
    }

    @Test func theSecondRunOfANameIsRefusedUnlessItResumes() throws {
        let first = try registry.startRun(model: "mlp", name: "base", hyperparameters: ["lr": 1, "seed": 3])
        first.log(["loss": 1], step: 0)
        first.log(["loss": 2], step: 1)
        try first.finish(.failed)
        #expect(
            message { try registry.startRun(model: "mlp", name: "base") }
                == #"there is a run "mlp/base" already; resume it (--resume), or choose another name"#)
        // Another model's, and no model's, are others.
        _ = try registry.startRun(model: "cnn", name: "base")
        _ = try registry.startRun(name: "base")

        let second = try registry.startRun(
            model: "mlp", name: "base", hyperparameters: ["lr": 2], resumes: true)
        #expect(second.id == first.id)
        #expect(try registry.runInfo(second.id).state == .running)
        second.log(["loss": 5], step: 1)
        try second.finish()
        let info = try registry.runInfo(second.id)
        #expect(info.attributes.mapValues(\.json) == ["lr": "2", "seed": "3"])
        #expect(try registry.metric("loss", ofRun: second.id).map(\.value) == [1, 5])
        #expect(info.state == .finished)
    }

    @Test func generatedNamesDiffer() throws {
        let names = try (0..<20).map { _ in try registry.startRun(model: "mlp").name }
        #expect(Set(names).count == 20)
        #expect(names.allSatisfy { $0.wholeMatch(of: /\d{8}-\d{6}-[0-9a-f]{4}/) != nil })
    }

    @Test func aNameAloneFindsARunWhereOnlyOneModelHasIt() throws {
        _ = try registry.startRun(model: "team/mlp", name: "a")
        _ = try registry.startRun(model: "cnn", name: "both")
        _ = try registry.startRun(model: "team/mlp", name: "both")
        #expect(try registry.runInfo("a").reference == "team/mlp/a")
        #expect(try registry.runInfo("team/mlp/both").reference == "team/mlp/both")
        #expect(try registry.runInfo("both", model: "cnn").reference == "cnn/both")
        #expect(
            message { try registry.runInfo("both") }
                == #"several models have a run "both": cnn/both, team/mlp/both"#)
        #expect(message { try registry.runInfo("bots") } == #"no run "bots" (did you mean "both"?)"#)
        #expect(
            message { try registry.startRun(name: "a/b") }?.hasPrefix(#""a/b" is not a run's name"#) == true)
    }

    @Test func valuesThatAreNoNumbersAreKept() throws {
        let run = try registry.startRun(name: "r")
        run.log(["loss": .nan], step: 1)
        run.log(["loss": .infinity], step: 2)
        run.log(["loss": -.infinity], step: 3)
        try run.flush()
        let values = try registry.metric("loss", ofRun: run.id).map(\.value)
        #expect(values.count == 3 && values[0].isNaN && values[1] == .infinity && values[2] == -.infinity)
        #expect(try registry.fetch(Int.self, "SELECT count(*) FROM run_metric WHERE value IS NULL") == 1)
    }

    @Test func whatIsLoggedReachesTheFileByItself() throws {
        let run = try registry.startRun(name: "r")
        run.log(["loss": 1], step: 1)
        let other = try Registry(path: folder.file("models.db"))
        let deadline = Date().addingTimeInterval(10)
        while try other.metric("loss", ofRun: run.id).isEmpty, Date() < deadline { usleep(20_000) }
        #expect(try other.metric("loss", ofRun: run.id).map(\.value) == [1])
    }

    @Test func aLockedRegistryLosesNoMetricsAndStopsNobody() throws {
        let run = try registry.startRun(name: "r")
        let lock = try DatabaseQueue(path: folder.file("models.db"))
        try lock.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN EXCLUSIVE")
            for step in 0..<100 { run.log(["loss": 1], step: step) }
            #expect(message { try run.flush() }?.contains("is in use by another process") == true)
            #expect(run.error != nil)
            try db.execute(sql: "ROLLBACK")
        }
        try run.finish()
        #expect(run.error == nil)
        #expect(try registry.metric("loss", ofRun: run.id).count == 100)
    }

    @Test func aRunWhoseProcessDiedWasKilled() throws {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/bin/sleep")
        child.arguments = ["60"]
        try child.run()
        let run = try registry.startRun(name: "r", process: child.processIdentifier)
        #expect(try registry.runInfo(run.id).state == .running)
        #expect(
            message { try registry.startRun(name: "r", resumes: true) }
                == "run \"r\" is still going on, in process \(child.processIdentifier)")
        kill(child.processIdentifier, SIGKILL)
        child.waitUntilExit()
        #expect(try registry.runInfo(run.id).state == .killed)
        // A later process with the same number is another one.
        try registry.tamper("UPDATE run SET process = replace(process, ' \(child.processIdentifier) ', ' 1 ')")
        #expect(try registry.runInfo(run.id).state == .killed)
        // Nobody can see the processes of another container.
        try registry.tamper("UPDATE run SET process = 'pid:[1] 1 1'")
        #expect(try registry.runInfo(run.id).state == .running)
        // The machine was started again.
        try registry.tamper("UPDATE run SET boot = 'another'")
        #expect(try registry.runInfo(run.id).state == .killed)
        #expect(try registry.startRun(name: "r", resumes: true).id == run.id)
    }

    @Test func wallTimeDoesNotFollowTheCalendar() throws {
        let run = try registry.startRun(name: "r")
        // Had the calendar's clock been set back a year, the beginning would lie in the future.
        try registry.tamper("UPDATE run SET started_at = '2999-01-01T00:00:00.000Z'")
        try run.finish(.failed)
        let seconds = try registry.runInfo(run.id).wallSeconds
        #expect(seconds > 0 && seconds < 30)
        // The time between two sessions does not count.
        let again = try registry.startRun(name: "r", resumes: true)
        #expect(try #require(again.wallSeconds) < seconds + 30)
        #expect(try #require(again.wallSeconds) >= seconds)
    }

    @Test func notesAndAttachmentsBelongToRuns() throws {
        let run = try registry.startRun(name: "r")
        try run.note("first")
        try run.note("second")
        try run.attach(Array("a: 1".utf8), named: "config.yaml")
        try run.attach(Array("a: 2".utf8), named: "config.yaml")
        #expect(try registry.notes(ofRun: run.id).map(\.text) == ["first", "second"])
        try registry.collectGarbage()
        #expect(try registry.count("attachment_content") == 1)
        #expect(try registry.count("run_attachment") == 1)
        try registry.save(Checkpoint.none, as: "m", message: "")
        try registry.addNote("looks good", to: "m")
        #expect(try registry.notes(of: registry.version("m")).map(\.text) == ["looks good"])
        try registry.deleteRun(run.id)
        #expect(try registry.notes(ofRun: run.id).isEmpty)
        #expect(message { try run.note("too late") } == #"no run "r""#)
        #expect(try registry.runs().isEmpty)
    }

    @Test func versionsStayWhenTheirRunGoes() throws {
        let run = try registry.startRun(model: "m", name: "r")
        try registry.save(Checkpoint.none, as: "m", options: SaveOptions(run: run.id))
        try registry.deleteRun(run.id)
        #expect(try registry.version("m").run == nil)
        #expect(
            message { try registry.save(Checkpoint.none, as: "m", options: SaveOptions(run: run.id)) } != nil)
        #expect(try registry.verify().problems.isEmpty)
    }

    @Test func theEnvironmentIsKeptOnce() throws {
        let environment = RunEnvironment(
            host: "box", user: "ann", command: ["train", "--lr", "1"], gitCommit: "abc", gitBranch: "main",
            isDirty: true, packages: ["torch": "2.5.1"])
        let run = try registry.startRun(name: "r", environment: environment)
        var options = SaveOptions(run: run.id)
        options.environment = environment
        for _ in 0..<3 { try registry.save(Checkpoint.none, as: "m", options: options) }
        #expect(try registry.environment(ofRun: run.id) == environment)
        #expect(try registry.environment(of: registry.version("m")) == environment)
        #expect(try registry.count("environment") == 1)
    }

    /// SQLite ends a text at a NUL, and what is read back must be what the content id says.
    @Test func anEnvironmentWithANULVerifies() throws {
        var options = SaveOptions(message: "of a\0forger")
        options.environment = RunEnvironment(
            host: "a\0b", user: "\0", command: ["c\0d"], gitCommit: "\0\0", gitBranch: "e\0",
            packages: ["p\0q": "\0"])
        try registry.save(dictionary(["w": .tensor(Tensor([1 as Float]))]), as: "m", options: options)
        let environment = try #require(try registry.environment(of: registry.version("m")))
        #expect(environment.host == "a\u{FFFD}b")
        #expect(environment.command == ["c\u{FFFD}d"])
        #expect(environment.packages == ["p\u{FFFD}q": "\u{FFFD}"])
        #expect(try registry.version("m").message == "of a\u{FFFD}forger")
        #expect(try registry.verify().problems == [])
    }

    @Test func aNegativeStepIsRefused() throws {
        #expect(
            message { try registry.save(Checkpoint.none, as: "m", options: SaveOptions(step: -1)) }
                == "step -1 is negative")
    }

    @Test func thousandsOfValuesArrive() throws {
        let run = try registry.startRun(name: "r")
        let metrics = Dictionary(uniqueKeysWithValues: (0..<10).map { ("metric\($0)", 0.5) })
        for step in 0..<10_000 { run.log(metrics, step: step) }
        try run.finish()
        #expect(try registry.fetch(Int.self, "SELECT count(*) FROM run_metric") == 100_000)
        #expect(try registry.runInfo(run.id).lastStep == 9999)
    }
}
