import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Remotes
import Synchronization
import Tensors
import TestSupport
import Testing

struct PushPullTests {
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

    private func loaded(_ registry: Registry, _ reference: String) throws -> Checkpoint {
        try registry.load(reference, as: Checkpoint.self, verifiesHashes: true)
    }

    private func weights(_ step: Int, count: Int = 3000) -> Tensor {
        var generator = SeededGenerator(seed: 7)
        return Tensor(
            (0..<count).map { _ in Float(generator.number(in: -1000...1000)) / 7000 * (1 + Float(step) * 1e-4) }
        )
    }

    private func save(_ step: Int, to registry: Registry, _ options: SaveOptions = SaveOptions()) throws {
        let fixed = Tensor((0..<5000).map(Float.init))
        try registry.save(
            dictionary(["w": .tensor(weights(step)), "fixed": .tensor(fixed), "step": .integer(Int64(step))]),
            as: "m", options: options)
    }

    // MARK: What travels

    /// Any checkpoint comes back bit for bit, with everything that is known of it.
    @Test(arguments: 1...40) func anyVersionTravels(seed: Int) throws {
        var random = RandomCheckpoints(seed: UInt64(seed))
        let old = dictionary(["x": random.checkpoint(), "kept": .tensor(weights(0))])
        let new = dictionary(["x": random.checkpoint(), "kept": .tensor(weights(1)), "y": random.checkpoint()])
        try here.save(old, as: "m", message: "old")
        var options = SaveOptions(
            message: "new\nlines", aliases: ["best"], metrics: ["loss": 0.25, "nan": .nan, "up": .infinity],
            attributes: ["b": [1, 2], "a": "é"],
            attachments: ["c.json": Array("{}".utf8), "empty": [], "copy": Array("{}".utf8)],
            step: 7)
        options.environment = RunEnvironment(
            host: "h", command: ["a", "b"], isDirty: false, packages: ["p": "1"])
        try here.save(new, as: "m", options: options)
        try here.packNewVersions(of: "m")
        let pushed = try here.push(["m"], all: true, to: remote)
        #expect(pushed.pushed.map(\.theirs) == ["m:v1", "m:v2"])
        #expect(pushed.aliases == ["m:best"])

        let pulled = try there.pull(["m"], all: true, from: remote)
        #expect(pulled.added.map(\.ours) == ["m:v1", "m:v2"])
        #expect(pulled.aliases == ["m:best"])
        for (reference, checkpoint) in [("m:v1", old), ("m:best", new)] {
            let (ours, theirs) = (try here.version(reference), try there.version(reference))
            #expect(ours.contentID == theirs.contentID && ours.createdAt == theirs.createdAt)
            #expect(ours.message == theirs.message && ours.step == theirs.step && ours.parent == theirs.parent)
            #expect(try here.details(of: ours) == there.details(of: theirs))
            #expect(try here.environment(of: ours) == there.environment(of: theirs))
            #expect(try differences(between: checkpoint, and: loaded(there, reference)) == [], "seed \(seed)")
        }
        #expect(try there.version("m").metrics["up"] == .infinity)
        #expect(try there.attachment("copy", of: there.version("m")) == Array("{}".utf8))
        #expect(try there.problems() == [])
        #expect(try there.verify().problems == [])
        // Health and all other columns are what a save would have noted.
        let columns =
            "content_id, dtype, shape, byte_count, nan_count, infinity_count, zero_count, minimum, maximum, l2_norm"
        func tensors(_ registry: Registry) throws -> Set<[DatabaseValue]> {
            try registry.store.read { db in
                Set(try Row.fetchAll(db, sql: "SELECT \(columns) FROM tensor").map { Array($0.databaseValues) })
            }
        }
        #expect(try tensors(there) == tensors(here))
        // Again, nothing travels.
        #expect(try here.push(["m"], all: true, to: remote).sameCount == 2)
        #expect(try there.pull(["m"], all: true, from: remote).same.count == 2)
    }

    @Test func onlyNewChunksTravel() throws {
        try save(0, to: here)
        let first = try here.push(["m"], to: remote)
        #expect(first.chunkCount == 2)
        try save(1, to: here)
        let rehearsed = try here.push(["m"], to: remote, options: PushOptions(dryRun: true))
        let second = try here.push(["m"], to: remote)
        #expect(second.chunkCount == 1 && rehearsed.chunkCount == 1)
        try there.pull(["m:v1"], from: remote)
        let pulled = try there.pull(["m:v2"], from: remote)
        #expect(pulled.chunkCount == 1)
        #expect(try differences(between: loaded(here, "m"), and: loaded(there, "m")) == [])
    }

    @Test func historyTravelsAsDifferences() throws {
        for step in 0..<6 { try save(step, to: here) }
        try here.pack(["m"])
        let whole = try here.push(["m:v6"], to: remote).sentByteCount
        let history = try here.push(["m"], all: true, to: remote)
        #expect(history.pushed.count == 5)
        #expect(history.sentByteCount < 5 * whole / 2)
        try there.pull(["m"], all: true, from: remote)
        for number in 1...6 {
            #expect(
                try differences(between: loaded(here, "m:v\(number)"), and: loaded(there, "m:v\(number)")) == []
            )
        }
        #expect(try there.verify().problems == [])
        // A single old version brings what it is a difference from.
        let other = try Registry.inMemory()
        try other.pull(["m:v2"], from: remote)
        #expect(try differences(between: loaded(here, "m:v2"), and: loaded(other, "m:v2")) == [])
        #expect(try other.verify().problems == [])
        try other.collectGarbage()
        #expect(try differences(between: loaded(here, "m:v2"), and: loaded(other, "m:v2")) == [])
    }

    // MARK: Numbers and aliases

    @Test func twoVersionsOfOneNumberBothStay() throws {
        try save(0, to: here)
        try save(1, to: there)
        try here.push(["m"], to: remote)
        let pushed = try there.push(["m"], to: remote)
        #expect(pushed.pushed.map(\.theirs) == ["m:v2"])
        #expect(throws: RemoteError.self) {
            var other = SaveOptions()
            other.message = "third"
            let third = try Registry.inMemory()
            try save(2, to: third, other)
            try third.push(["m"], to: remote, options: PushOptions(requiresNumber: true))
        }
        let both = try Registry.inMemory()
        #expect(try both.pull(["m"], all: true, from: remote).added.count == 2)
        #expect(try differences(between: loaded(here, "m"), and: loaded(both, "m:v1")) == [])
        #expect(try differences(between: loaded(there, "m"), and: loaded(both, "m:v2")) == [])
        #expect(try both.details(of: both.version("m:v2")).attributes["original_version"]?.json == "1")
        // Where it comes from, it is the same version.
        #expect(try there.pull(["m:v2"], from: remote).same.map(\.ours) == ["m:v1"])
    }

    /// Two pushes take one number at once, at a remote that compares tags: the first to write `v1` has it, whichever
    /// identity is smaller, and whether it is seen in the list or only as the tag is written.
    @Test(arguments: ["v1", "list"], 1...6) func theFirstToWriteANumberHasIt(moment: String, seed: Int) throws {
        let (here, there) = (here, there)
        try save(seed, to: here)
        try save(seed + 10, to: there)
        let opening: @Sendable (RepositoryAddress) throws -> any BlobStore = {
            ComparingStore(try BlobStores.open($0), isLate: true)
        }
        let rival: @Sendable () throws -> Void = { [remote] in
            let report = try there.push(["m"], to: remote, opening: opening)
            #expect(report.pushed.map(\.theirs) == ["m:v1"])
        }
        let identity = try RemoteTag.identity(
            here.version("m").contentID, createdAt: Timestamp.text(here.version("m").createdAt))
        let tag = moment == "v1" ? "v1" : "v1-\(identity)"
        let ours = try here.push(
            ["m"], to: remote,
            opening: { ComparingStore(try BlobStores.open($0), before: [tag: rival]) })
        #expect(ours.pushed.map(\.theirs) == ["m:v2"])
        let both = try Registry.inMemory()
        #expect(try both.pull(["m"], all: true, from: remote).added.count == 2)
        #expect(try differences(between: loaded(there, "m"), and: loaded(both, "m:v1")) == [])
        #expect(try differences(between: loaded(here, "m"), and: loaded(both, "m:v2")) == [])
        let store = try BlobStores.open(RepositoryAddress(RemoteAddress(remote), model: "m"))
        #expect(try store.tags().filter { !$0.contains("-") } == ["v1", "v2"])
        #expect(try store.tags().count == 4)
    }

    /// Somebody moves an alias after a push has looked at it: theirs stays, and the push says so.
    @Test func anAliasThatMovesMeanwhileStays() throws {
        let (here, there) = (here, there)
        try save(0, to: here, SaveOptions(aliases: ["best"]))
        try save(1, to: there, SaveOptions(aliases: ["best"]))
        let rival: @Sendable () throws -> Void = { [remote] in try there.push(["m"], to: remote) }
        #expect(throws: RemoteError.changedMeanwhile(remote + "/m", tag: "best")) {
            try here.push(
                ["m"], to: remote, opening: { ComparingStore(try BlobStores.open($0), before: ["best": rival]) }
            )
        }
        // Now it is seen.
        #expect(try here.push(["m"], to: remote).conflicts.map(\.alias) == ["m:best"])
        let both = try Registry.inMemory()
        try both.pull(["m:best"], from: remote)
        #expect(try differences(between: loaded(there, "m"), and: loaded(both, "m:best")) == [])
    }

    @Test func anAliasThatSomebodyElseMovedStays() throws {
        try save(0, to: here, SaveOptions(aliases: ["best"]))
        try here.push(["m"], to: remote)
        try there.pull(["m:best"], from: remote)
        try save(1, to: there, SaveOptions(aliases: ["best"]))
        // It was as last seen: it may move.
        #expect(try there.push(["m"], to: remote).aliases == ["m:best"])
        try save(2, to: here, SaveOptions(aliases: ["best"]))
        let refused = try here.push(["m"], to: remote)
        #expect(refused.aliases.isEmpty)
        #expect(refused.conflicts.map(\.theirs) == ["m:v2"] && refused.conflicts.map(\.ours) == ["m:v2"])
        let forced = try here.push(["m"], to: remote, options: PushOptions(forcesAliases: true))
        #expect(forced.aliases == ["m:best"])
        // There it is as last set from there: it follows.
        #expect(try there.pull(["m:best"], from: remote).aliases == ["m:best"])
        #expect(try there.version("m:best").number == 3)
    }

    @Test func whatIsNotThereIsNamed() throws {
        try save(0, to: here, SaveOptions(aliases: ["best"]))
        #expect(
            message { try here.push(["m"]) }?.hasSuffix(
                "no remote is called \"origin\"; see: modelreg remote ls") == true)
        #expect(message { try there.pull(["m"], from: remote) }?.hasSuffix("has no versions") == true)
        try here.push(["m"], to: remote)
        #expect(
            message { try there.pull(["m:v9"], from: remote) }?.hasSuffix("has no v9; the latest is v1") == true
        )
        #expect(
            message { try there.pull(["m:bets"], from: remote) }?.contains("did you mean \"best\"?") == true)
        #expect(throws: RegistryError.self) { try here.push(["x"], to: remote) }
        #expect(try there.models().isEmpty)
    }

    // MARK: Faults

    /// A push that fails at any request leaves a remote that anyone can read, and the next one goes on.
    @Test(arguments: [false, true]) func aPushMayFailAtAnyRequest(comparesTags: Bool) throws {
        for step in 0..<3 { try save(step, to: here, SaveOptions(aliases: step == 2 ? ["best"] : [])) }
        try here.pack(["m"])
        var failures = 0
        while true {
            let address = "oci:\(folder.file("push-\(failures)"))"
            let budget = failures
            let report = try? here.push(
                ["m"], all: true, to: address,
                opening: { address in
                    let store = try BlobStores.open(address)
                    return FailingStore(comparesTags ? ComparingStore(store) : store, failingAfter: budget)
                })
            let other = try Registry.inMemory()
            if let catalog = try? other.pull(["m"], all: true, from: address) {
                #expect(catalog.added.count <= 3)
                for added in catalog.added {
                    #expect(
                        try differences(between: loaded(here, added.theirs), and: loaded(other, added.ours))
                            == [])
                }
            }
            #expect(try other.verify().problems == [])
            #expect(try here.push(["m"], all: true, to: address).conflicts == [])
            #expect(try Registry.inMemory().pull(["m"], all: true, from: address).added.count == 3)
            if report != nil { break }
            failures += 1
        }
        #expect(failures > 20)
    }

    /// A pull that fails at any request leaves whole versions only, and the next one goes on.
    @Test func aPullMayFailAtAnyRequest() throws {
        for step in 0..<3 { try save(step, to: here) }
        try here.pack(["m"])
        try here.push(["m"], all: true, to: remote)
        var failures = 0
        while true {
            let other = try Registry.inMemory()
            let budget = failures
            let report = try? other.pull(
                ["m"], all: true, from: remote,
                opening: { FailingStore(try BlobStores.open($0), failingAfter: budget) })
            #expect(try other.verify().problems == [])
            try other.pull(["m"], all: true, from: remote)
            for number in 1...3 {
                #expect(
                    try differences(between: loaded(here, "m:v\(number)"), and: loaded(other, "m:v\(number)"))
                        == [])
            }
            if report != nil { break }
            failures += 1
        }
        #expect(failures > 10)
    }

    /// No flipped byte of any blob makes another version.
    @Test func noDamagedBlobComesIn() throws {
        try save(0, to: here, SaveOptions(metrics: ["loss": 1], attachments: ["a": [1, 2, 3]]))
        try here.push(["m"], to: remote)
        let blobs = folder.file("remote/m/blobs/sha256")
        for name in try FileManager.default.contentsOfDirectory(atPath: blobs) {
            let url = URL(fileURLWithPath: "\(blobs)/\(name)")
            let bytes = try Data(contentsOf: url)
            for offset in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
                var damaged = bytes
                damaged[offset] ^= 0x10
                try damaged.write(to: url)
                let other = try Registry.inMemory()
                do {
                    try other.pull(["m"], from: remote)
                    // The table at the end of a pack is for repair alone.
                    #expect(try differences(between: loaded(here, "m"), and: loaded(other, "m")) == [])
                } catch is RemoteError {
                    #expect(try other.versionCount() == 0)
                }
            }
            try bytes.write(to: url)
        }
    }

    /// A blob that the remote has lost since it was pushed is sent again.
    @Test func whatTheRemoteLostIsSentAgain() throws {
        try save(0, to: here)
        try here.push(["m"], to: remote)
        let blobs = folder.file("remote/m/blobs/sha256")
        for name in try FileManager.default.contentsOfDirectory(atPath: blobs) {
            let path = "\(blobs)/\(name)"
            let start = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(4)
            if Array(start) == [0x89, 0x4D, 0x52, 0x4B] { try FileManager.default.removeItem(atPath: path) }
        }
        #expect(throws: RemoteError.self) { try there.pull(["m"], from: remote) }
        #expect(try there.versionCount() == 0)
        try save(1, to: here)
        let pushed = try here.push(["m"], to: remote)
        // The new one, and then both, when the manifest was refused.
        #expect(pushed.chunkCount == 3)
        #expect(try there.pull(["m:v2"], from: remote).added.count == 1)
        #expect(try differences(between: loaded(here, "m"), and: loaded(there, "m:v2")) == [])
    }
}

extension Registry {
    fileprivate func versionCount() throws -> Int { try models().reduce(0) { $0 + $1.versionCount } }
}
