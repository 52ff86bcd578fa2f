import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct PatchTests {
    private let folder: TemporaryFolder
    /// Where versions are made.
    private let here: Registry
    /// Where patches are applied.
    private let there: Registry
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        here = try Registry.inMemory()
        there = try Registry.inMemory()
        path = folder.file("change.mrpatch")
    }

    /// Weights of about `count` floats, and the same after a small step.
    private func step(_ count: Int) -> (before: Tensor, after: Tensor) {
        var generator = SeededGenerator(seed: 7)
        let weights = (0..<count).map { _ in Float(generator.number(in: -1000...1000)) / 7000 }
        return (Tensor(weights), Tensor(weights.map { $0 * 1.0001 }))
    }

    private func loaded(_ registry: Registry, _ reference: String) throws -> Checkpoint {
        try registry.load(reference, as: Checkpoint.self, verifiesHashes: true)
    }

    /// Any checkpoint becomes any other, bit for bit, with everything that is known of it.
    @Test(arguments: 1...40) func anyVersionCanBeMadeOfAnyOther(seed: Int) throws {
        var random = RandomCheckpoints(seed: UInt64(seed))
        let old = dictionary(["x": random.checkpoint(), "kept": .tensor(step(500).before)])
        let new = dictionary([
            "x": random.checkpoint(), "kept": .tensor(step(500).after), "y": random.checkpoint(),
        ])
        try here.save(old, as: "m", message: "old")
        try here.save(
            new, as: "m",
            options: SaveOptions(
                message: "new\nlines", metrics: ["loss": 0.25, "nan": .nan],
                attributes: ["b": [1, 2], "a": "é"],
                attachments: ["c.json": Array("{}".utf8), "empty": []]))
        try there.save(old, as: "copy", message: "")
        let summary = try here.writePatch(from: "m:v1", to: "m:v2", path: path)
        let result = try there.applyPatch(at: path, as: "received", aliases: ["good"])

        #expect(result.version.contentID == summary.target.contentID)
        #expect(result.version.message == "new\nlines" && result.version.parent == "copy:v1")
        #expect(result.version.reference == "received:v1" && result.version.aliases == ["good"])
        #expect(result.version.metrics["loss"] == 0.25 && result.version.metrics["nan"]?.isNaN == true)
        #expect(try there.details(of: result.version) == here.details(of: summary.target))
        #expect(try there.attachment("c.json", of: result.version) == Array("{}".utf8))
        #expect(try differences(between: new, and: loaded(there, "received")) == [], "seed \(seed)")
        #expect(try there.problems() == [])
        // Health and all other columns are what a save would have noted.
        let columns =
            "content_id, dtype, shape, byte_count, nan_count, infinity_count, zero_count, minimum, maximum, l2_norm"
        func tensors(_ registry: Registry) throws -> Set<[DatabaseValue]> {
            try registry.store.read { db in
                Set(try Row.fetchAll(db, sql: "SELECT \(columns) FROM tensor").map { Array($0.databaseValues) })
            }
        }
        #expect(try tensors(there) == tensors(here))
    }

    /// `apply` lost the step, the metrics that were saved at it, and the environment.
    @Test func theStepItsMetricsAndTheEnvironmentAreKept() throws {
        let environments = [
            RunEnvironment(
                host: "gpu-1", user: "ada", command: ["train", "--lr", "é \""], gitCommit: "3f9a",
                gitBranch: "main",
                isDirty: true, packages: ["z": "1", "a": "2"]),
            RunEnvironment(host: "gpu-2", isDirty: false), RunEnvironment(), nil,
        ]
        try here.save(Checkpoint.integer(0), as: "m", message: "")
        try there.save(Checkpoint.integer(0), as: "m", message: "")
        for (index, environment) in environments.enumerated() {
            var options = SaveOptions(
                metrics: ["loss": 0.5, "acc": .infinity, "nan": .nan], step: [0, 1000, .max, nil][index])
            options.environment = environment
            let saved = try here.save(Checkpoint.integer(Int64(index + 1)), as: "m", options: options).version
            try here.writePatch(from: "m:v1", to: saved.reference, path: path, mayReplace: true)
            let applied = try there.applyPatch(at: path, as: "m").version
            #expect(applied.step == saved.step)
            #expect(applied.metrics.filter { !$0.value.isNaN } == ["loss": 0.5, "acc": .infinity])
            #expect(applied.metrics["nan"]?.isNaN == true)
            #expect(try there.environment(of: applied) == environment)
        }
        #expect(try there.problems() == [])
    }

    @Test func holdsOnlyWhatIsNewAsDifferences() throws {
        let (before, after) = step(300_000)
        let frozen = try noise(3 << 20)
        try here.save(dictionary(["w": .tensor(before), "f": .tensor(frozen)]), as: "m", message: "")
        try there.save(dictionary(["w": .tensor(before), "f": .tensor(frozen)]), as: "m", message: "")
        try here.save(dictionary(["w": .tensor(after), "f": .tensor(frozen)]), as: "m", message: "")
        let summary = try here.writePatch(from: "m:v1", to: "m:v2", path: path)
        #expect(summary.chunkCount == 2 && summary.deltaCount == 2 && summary.newByteCount == 1_200_000)
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        #expect(size == summary.byteCount && summary.byteCount < 700_000)
        let result = try there.applyPatch(at: path, as: "m")
        #expect(result.newByteCount == 1_200_000)
        #expect(try differences(between: loaded(here, "m"), and: loaded(there, "m")) == [])
        // The newest version loads at full speed.
        #expect(try there.fetch(Int.self, "SELECT count(*) FROM chunk WHERE base IS NOT NULL") == 0)
        try there.packNewVersions(of: "m")
        #expect(try there.fetch(Int.self, "SELECT count(*) FROM chunk WHERE base IS NOT NULL") == 2)
        #expect(try there.problems() == [])
    }

    @Test func equalVersionsMakeAPatchWithoutChunks() throws {
        for _ in 0..<2 { try here.save(dictionary(["w": .tensor(step(50).before)]), as: "m", message: "") }
        #expect(try here.writePatch(from: "m:v1", to: "m:v2", path: path).chunkCount == 0)
        #expect(try here.applyPatch(at: path, as: "m").sameContentAs == "m:v2")
        // Without a name, the one that it has where it comes from.
        #expect(try here.applyPatch(at: path).version.reference == "m:v4")
    }

    @Test func packedVersionsCanBePatchedToAndFro() throws {
        let (before, after) = step(300_000)
        try here.save(["w": before], as: "m", message: "")
        try here.save(["w": after], as: "m", message: "")
        try here.packNewVersions(of: "m")
        try there.save(["w": after], as: "m", message: "")
        let summary = try here.writePatch(from: "m:v2", to: "m:v1", path: path)
        #expect(summary.deltaCount == 2)
        #expect(try there.applyPatch(at: path, as: "m", message: "back").version.message == "back")
        #expect(try differences(between: loaded(here, "m:v1"), and: loaded(there, "m:v2")) == [])
    }

    @Test func chunksThatMovedAreNotSentAgain() throws {
        let a = try noise(1 << 20, seed: 1)
        let b = try noise(1 << 20, seed: 2)
        func joined(_ tensors: [Tensor]) throws -> Tensor {
            try Tensor(bytes: tensors.flatMap(\.bytes), dtype: .uint8, shape: [tensors.count << 20])
        }
        let old = dictionary(["x": .tensor(try joined([a, b]))])
        let new = dictionary(["y": .tensor(try joined([b, a, b, a])), "z": .tensor(a)])
        try here.save(old, as: "m", message: "")
        try there.save(old, as: "m", message: "")
        try here.save(new, as: "m", message: "")
        #expect(try here.writePatch(from: "m:v1", to: "m:v2", path: path).chunkCount == 0)
        try there.applyPatch(at: path, as: "m")
        #expect(try differences(between: loaded(here, "m"), and: loaded(there, "m")) == [])
    }

    // MARK: Refusals

    private func refusal(_ registry: Registry, _ file: String? = nil) throws -> String? {
        let before =
            try registry.contentRowCounts() + ["version", "event", "path"].map { try registry.count($0) }
        defer {
            let after =
                try? registry.contentRowCounts() + ["version", "event", "path"].map { try registry.count($0) }
            #expect(before == after, "a refusal changed the registry")
        }
        do {
            try registry.applyPatch(at: file ?? path, as: "m")
            return nil
        } catch let error as PatchError {
            return "\(error)".replacing(file ?? path, with: "P")
        }
    }

    private func makePatch(_ count: Int = 500) throws {
        let (before, after) = step(count)
        let old = dictionary(["w": .tensor(before), "t": .tensor(step(4).before), "epoch": .integer(1)])
        let new = dictionary([
            "w": .tensor(after), "t": .tensor(step(4).before), "half": .tensor(after[0..<3]),
            "epoch": .integer(2),
        ])
        try here.save(old, as: "m", message: "")
        try there.save(old, as: "m", message: "")
        var options = SaveOptions(
            metrics: ["loss": 1], attributes: ["a": 1], attachments: ["f": [1]])
        options.environment = RunEnvironment(host: "h", isDirty: false, packages: ["p": "1"])
        try here.save(new, as: "m", options: options)
        try here.writePatch(from: "m:v1", to: "m:v2", path: path)
    }

    private func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
        return folder.file(name)
    }

    /// The bytes with the hash at their end made right again, as a forger would.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        let body = Array(bytes.dropLast(ContentID.byteCount))
        return body + ContentID(hashing: body).bytes
    }

    @Test func withoutTheBaseNothingIsDone() throws {
        try makePatch()
        let empty = try Registry.inMemory()
        let base = try here.version("m:v1").contentID
        let expected =
            "the patch changes m:v1, \(base), and no version here has that content; save or apply that one first"
        #expect(try refusal(empty) == expected)
        try empty.save(dictionary(["w": .tensor(step(500).before)]), as: "m", message: "")
        #expect(try refusal(empty) == expected)
        // Deleted, it is no base any more.
        try there.delete("m:v1")
        #expect(try refusal(there) == expected)
    }

    @Test func everyFlippedBitIsNoticed() throws {
        try makePatch()
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(index % 8)
            let message = try refusal(there, write(damaged, to: "d"))
            switch index {
            case 0..<8: #expect(message == "\"P\" is not a patch")
            case 8..<12: #expect(message?.hasSuffix("from a newer modelreg; please upgrade") == true)
            default:
                #expect(
                    message == "\"P\": the patch is damaged: it does not match its hash; nothing was changed")
            }
        }
    }

    @Test func everyTruncationIsNoticed() throws {
        try makePatch()
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for count in bytes.indices {
            #expect(try refusal(there, write(Array(bytes[..<count]), to: "d")) != nil)
        }
        #expect(try refusal(there, write(bytes + [0], to: "d")) != nil)
    }

    /// A forger who seals what he made: no byte makes a version that is not what its content id says.
    @Test func noForgedByteMakesAWrongVersion() throws {
        try makePatch()
        let target = try here.version("m:v2").contentID
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        var refused = 0
        for index in 12..<bytes.count - 32 {
            for change: UInt8 in [0x01, 0x80, 0xFF] {
                var forged = bytes
                forged[index] ^= change
                let file = try write(sealed(forged), to: "d")
                do {
                    let version = try there.applyPatch(at: file, as: "m").version
                    // What was changed is not part of the content: a message, perhaps, or a role.
                    #expect(version.contentID == target, "byte \(index)")
                    #expect(try Manifest(of: loaded(there, version.reference)).contentID == target)
                    try there.delete(version.reference)
                } catch is PatchError {
                    refused += 1
                }
            }
        }
        #expect(refused > 2 * (bytes.count - 44))
        #expect(try there.problems() == [])
    }

    /// The header, decompressed and changed: what a checksum of the compressed stream would hide from the test above.
    @Test func noForgedHeaderMakesAWrongVersion() throws {
        try makePatch()
        let target = try here.version("m:v2").contentID
        let parts = try PatchParts(path)
        var refused = 0
        for index in parts.header.indices {
            for change: UInt8 in [0x01, 0x7F, 0x80, 0xFF] {
                var header = parts.header
                header[index] ^= change
                let file = try write(sealed(parts.with(header: header)), to: "d")
                do {
                    let version = try there.applyPatch(at: file, as: "m").version
                    #expect(version.contentID == target, "byte \(index)")
                    #expect(try Manifest(of: loaded(there, version.reference)).contentID == target)
                    try there.delete(version.reference)
                } catch is PatchError {
                    refused += 1
                }
            }
        }
        #expect(refused > 2 * parts.header.count)
        for count in stride(from: 0, to: parts.header.count, by: 3) {
            let file = try write(sealed(parts.with(header: Array(parts.header[..<count]))), to: "d")
            #expect(try refusal(there, file) != nil)
        }
        #expect(try there.problems() == [])
    }

    /// The type or shape of a tensor that the patch does not carry, but names by its content id.
    @Test func aTensorOfTheBaseKeepsItsTypeAndShape() throws {
        try makePatch()
        let parts = try PatchParts(path)
        let name = Array("float32".utf8)
        let places = parts.header.indices.filter { parts.header[$0...].starts(with: name) }
        #expect(places.count >= 2)
        for place in places {
            for change in ["float64", "complex64"] {
                var header = parts.header
                header.replaceSubrange(
                    (place - 1)..<(place + name.count), with: [UInt8(change.utf8.count)] + Array(change.utf8))
                #expect(try refusal(there, write(sealed(parts.with(header: header)), to: "d")) != nil)
            }
            // Four elements along one axis become 2.
            guard let axes = parts.header[place...].firstIndex(of: 1), parts.header[axes + 1] == 4 else {
                continue
            }
            var header = parts.header
            header[axes + 1] = 2
            #expect(try refusal(there, write(sealed(parts.with(header: header)), to: "d")) != nil)
        }
    }

    @Test func whatItCannotReadIsNamed() throws {
        try makePatch()
        let parts = try PatchParts(path)
        func refusal(_ offset: Int, _ bytes: [UInt8]) throws -> String? {
            var records = parts.records
            records.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            let message = try self.refusal(there, write(sealed(parts.with(records: records)), to: "d"))
            return message?.replacing("\"P\": the patch is damaged: ", with: "").replacing(
                "; nothing was changed", with: "")
        }
        // checksum, codec, base, length, bytes
        #expect(parts.records[4] == 2, "the first record is a difference of floats")
        #expect(try refusal(0, [0]) == "a chunk that does not match its hash")
        #expect(
            try refusal(5, [UInt8](repeating: 9, count: 32))
                == "a difference from a chunk that the version it changes does not have")
        var future = Array(parts.records)
        future.removeSubrange(5..<37)
        future[4] = 200
        #expect(
            try self.refusal(there, write(sealed(parts.with(records: future)), to: "d"))
                == "\"P\": the patch is damaged: chunk has codec 200, a codec from the future: read it with a newer modelreg; nothing was changed"
        )
        var newer = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        newer[8] = 2
        #expect(
            try self.refusal(there, write(sealed(newer), to: "d"))
                == "\"P\" is a patch of format 2, from a newer modelreg; please upgrade")
        #expect(try self.refusal(there, write([], to: "d")) == "\"P\" is not a patch")
        #expect(throws: FileError.self) { try there.applyPatch(at: folder.file("missing"), as: "m") }
    }

    /// Sizes that no file of this length can hold are refused before memory is taken for them.
    @Test func impossibleSizesAreRefused() throws {
        try makePatch()
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for offset in [12, 20] {
            for size: UInt64 in [.max, 1 << 62, 1 << 40, 1 << 31, 0] {
                var forged = bytes
                forged.replaceSubrange(
                    offset..<offset + 8, with: withUnsafeBytes(of: size.littleEndian) { Array($0) })
                #expect(try refusal(there, write(sealed(forged), to: "d")) != nil)
            }
        }
        let parts = try PatchParts(path)
        // The number of metrics follows two origins and the message.
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
        for index in parts.header.indices {
            var header = parts.header
            header.replaceSubrange(index...index, with: huge)
            #expect(try refusal(there, write(sealed(parts.with(header: header)), to: "d")) != nil)
        }
    }

    @Test func aDamagedBaseIsSaidSo() throws {
        try makePatch()
        try there.tamper("UPDATE chunk SET checksum = checksum + 1")
        let message = try #require(try refusal(there))
        #expect(message.hasPrefix("m:v1, which the patch changes, cannot be read: "))
    }

    @Test func aFileThatIsThereIsKept() throws {
        try makePatch()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(throws: FileError(path: path, operation: .write, code: EEXIST)) {
            try here.writePatch(from: "m:v2", to: "m:v1", path: path)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        try here.writePatch(from: "m:v2", to: "m:v1", path: path, mayReplace: true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) != bytes)
        #expect(throws: RegistryError.self) {
            try here.writePatch(from: "m:v1", to: "m:v9", path: folder.file("n"))
        }
        #expect(try folder.contents == ["change.mrpatch"])
    }

    @Test func namesAreCheckedFirst() throws {
        try makePatch()
        #expect(throws: RegistryError.badModelName("a b")) { try there.applyPatch(at: path, as: "a b") }
        #expect(throws: RegistryError.reservedAlias("latest")) {
            try there.applyPatch(at: path, as: "m", aliases: ["latest"])
        }
    }
}
