import Checkpoints
import Foundation
import ModelRegistry
import OrderedCollections
import Remotes
import Tensors
import TestSupport
import Testing

struct RemoteRunTests {
    private let folder: TemporaryFolder
    private let here: Registry
    private let there: Registry
    private let remote: String

    init() throws {
        folder = try TemporaryFolder()
        here = try Registry.inMemory()
        there = try Registry.inMemory()
        remote = "oci:\(folder.file("remote"))"
    }

    /// A run with everything that one can have, and a version that it saved.
    private func train(_ name: String, in registry: Registry, parent: String? = nil) throws -> Run {
        let run = try registry.startRun(
            model: "m", name: name, hyperparameters: ["lr": 0.125, "tags": ["a", "b"], "note": "é\n"],
            parent: parent)
        for step in 0..<50 { run.log(["loss": 1 / Double(step + 1), "nan": .nan], step: step) }
        run.log(["up": .infinity], step: 7)
        try run.note("it goes\nwell")
        try run.attach(Array("log".utf8), named: "train.log")
        try run.flush()
        try registry.save(
            dictionary(["w": .tensor(Tensor([1, 2, 3]))]), as: "m",
            options: SaveOptions(message: name, run: run.id, step: 49))
        return run
    }

    private func expectEqual(_ name: String) throws {
        let (ours, theirs) = (try here.runInfo(name), try there.runInfo(name))
        #expect(ours.name == theirs.name && ours.model == theirs.model && ours.state == theirs.state)
        #expect(ours.startedAt == theirs.startedAt && ours.endedAt == theirs.endedAt)
        #expect(ours.wallSeconds == theirs.wallSeconds && ours.parent == theirs.parent)
        #expect(ours.attributes == theirs.attributes && ours.lastStep == theirs.lastStep)
        let names = try here.metricNames(ofRun: ours.id)
        #expect(try there.metricNames(ofRun: theirs.id) == names)
        for metric in names {
            func bits(_ registry: Registry, _ id: RunID) throws -> [[UInt64?]] {
                try registry.metric(metric, ofRun: id).map {
                    [UInt64($0.step), $0.value.isNaN ? nil : $0.value.bitPattern, $0.seconds?.bitPattern]
                }
            }
            #expect(try bits(here, ours.id) == bits(there, theirs.id))
        }
        #expect(try here.notes(ofRun: ours.id) == there.notes(ofRun: theirs.id))
        #expect(try here.environment(ofRun: ours.id) == there.environment(ofRun: theirs.id))
        #expect(try here.attachments(ofRun: ours.id) == there.attachments(ofRun: theirs.id))
    }

    @Test func aRunTravelsWithItsVersionAndItsParents() throws {
        let first = try train("first", in: here)
        try first.finish()
        let second = try train("second", in: here, parent: "first")
        try second.finish()
        #expect(try Set(here.push(["m"], to: remote).runs) == ["m/first", "m/second"])
        let report = try there.pull(["m"], from: remote)
        #expect(report.runs == ["m/first", "m/second"])
        try expectEqual("m/first")
        try expectEqual("m/second")
        #expect(try there.version("m").run == "m/second")
        #expect(try there.version("m").step == 49)
        #expect(try there.verify().problems == [])
        // Again, nothing travels.
        #expect(try here.push(["m"], to: remote).runs == [])
        #expect(try there.pull(["m"], from: remote).runs == [])
    }

    @Test func aRunGoesOnAfterItWasPushed() throws {
        let run = try train("long", in: here)
        try here.push(["m"], to: remote)
        try there.pull(["m"], from: remote)
        #expect(try there.runInfo("m/long").lastStep == 49)
        run.log(["loss": 0.001], step: 99)
        try run.note("done")
        try run.finish()
        // The version is there; its run is not as it was.
        #expect(try here.push(["m"], to: remote).runs == ["m/long"])
        try there.pull(["m"], from: remote)
        try expectEqual("m/long")
        #expect(try there.runInfo("m/long").lastStep == 99)
        #expect(try there.runs(of: "m").count == 1)
    }

    @Test func anOlderRecordIsNoReasonToForget() throws {
        let run = try train("long", in: here)
        try here.push(["m"], to: remote)
        try there.pull(["m"], from: remote)
        run.log(["loss": 0.001], step: 99)
        try run.finish()
        try here.push(["m"], to: remote)
        // Who has the beginning only does not take the end away.
        #expect(try there.push(["m"], to: remote).runs == [])
        let third = try Registry.inMemory()
        try third.pull(["m"], from: remote)
        #expect(try third.runInfo("m/long").lastStep == 99)
    }

    @Test func withAllVersionsAllRunsTravel() throws {
        try train("one", in: here).finish()
        let silent = try here.startRun(model: "m", name: "silent")
        silent.log(["loss": 3], step: 1)
        try silent.finish()
        #expect(try here.push(["m"], to: remote).runs == ["m/one"])
        #expect(try here.push(["m"], all: true, to: remote).runs == ["m/silent"])
        // One that saved nothing comes in with all of the model, and not with a version.
        try there.pull(["m"], from: remote)
        #expect(try there.runs(of: "m").map(\.name) == ["one"])
        try there.pull(["m"], all: true, from: remote)
        #expect(try Set(there.runs(of: "m").map(\.name)) == ["one", "silent"])
        try expectEqual("m/silent")
    }

    @Test func aRunOfNoModelTravels() throws {
        let run = try here.startRun(name: "free")
        run.log(["loss": 3], step: 1)
        try run.finish()
        try here.save(
            dictionary(["w": .tensor(Tensor([1]))]), as: "m", options: SaveOptions(run: run.id))
        try here.push(["m"], to: remote)
        try there.pull(["m"], from: remote)
        #expect(try there.version("m").run == "free")
        try expectEqual("free")
    }

    /// Two machines that gave a run the same name keep both.
    @Test func runsOfOneNameAreTwo() throws {
        try train("same", in: here).finish()
        try train("same", in: there).finish()
        try here.push(["m"], to: remote)
        try there.push(["m"], to: remote)
        let third = try Registry.inMemory()
        try third.pull(["m"], all: true, from: remote)
        #expect(try Set(third.runs(of: "m").map(\.name)) == ["same", "same-2"])
        #expect(try Set(third.versions(of: "m").map(\.run)) == ["m/same", "m/same-2"])
    }

    @Test func manyValuesTakeSeveralLayers() throws {
        let run = try here.startRun(model: "m", name: "many")
        let count = RunMetrics.maximumPointCount + 1000
        for step in 0..<count { run.log(["loss": Double(step)], step: step) }
        try run.finish()
        try here.save(dictionary(["w": .tensor(Tensor([1]))]), as: "m", options: SaveOptions(run: run.id))
        try here.push(["m"], to: remote)
        try there.pull(["m"], from: remote)
        let points = try there.metric("loss", ofRun: there.runInfo("m/many").id)
        #expect(points.count == count && points.last?.value == Double(count - 1))
    }

    // MARK: Hostile records

    /// Replaces the config of a run's manifest, with everything that depends on it.
    private func change(_ body: (inout RunFacts) -> Void) throws {
        let store = LayoutBlobStore(folder: folder.file("remote/m"))
        let tag = try #require(try store.tags().first { $0.hasPrefix("run.") })
        let stored = try #require(try store.manifest(.tag(tag)))
        var manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: "")
        let id = try #require(manifest.config.id)
        var facts: RunFacts = try RemoteJSON.decoded(
            store.bytes(of: id, byteCount: manifest.config.size), from: "")
        body(&facts)
        manifest.config = try store.send(RemoteJSON.encoded(facts), MediaType.runFacts)
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: tag)
    }

    @Test(arguments: 0..<9) func impossibleRecordsAreRefused(number: Int) throws {
        try train("run", in: here).finish()
        try here.push(["m"], to: remote)
        try change { facts in
            switch number {
            case 0: facts.state = "flying"
            case 1: facts.wallSeconds = .infinity
            case 2: facts.wallSeconds = -1
            case 3: facts.origin.name = "other"
            case 4: facts.settings.append(RunFacts.Setting(key: "lr", json: "1"))
            case 5: facts.settings[0].json = "{"
            case 6: facts.heardAt = "never"
            case 7: facts.notes[0].at = "never"
            default: facts.attachments[0].size += 1
            }
        }
        #expect(throws: RemoteError.self) { try there.pull(["m"], from: remote) }
        #expect(try there.runs() == [])
        #expect((try? there.versions(of: "m")) ?? [] == [])
    }

    @Test func aRunThatIsItsOwnAncestorEnds() throws {
        try train("run", in: here).finish()
        try here.push(["m"], to: remote)
        try change { $0.parent = $0.origin }
        try there.pull(["m"], from: remote)
        #expect(try there.runInfo("m/run").parent == nil)
        #expect(try there.version("m").run == "m/run")
    }

    @Test func aLostRecordIsNoObstacle() throws {
        try train("run", in: here).finish()
        try here.push(["m"], to: remote)
        let store = LayoutBlobStore(folder: folder.file("remote/m"))
        let tag = try #require(try store.tags().first { $0.hasPrefix("run.") })
        try store.remove(manifest: try #require(try store.manifest(.tag(tag))).digest)
        try there.pull(["m"], from: remote)
        #expect(try there.version("m").run == nil)
        #expect(try there.runs() == [])
    }
}
