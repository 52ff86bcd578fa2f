import Checkpoints
import Foundation
import ModelRegistry
import OrderedCollections
import Remotes
import Tensors
import TestSupport
import Testing

struct RemoteUpkeepTests {
    private let folder: TemporaryFolder
    private let here: Registry
    private let remote: String

    init() throws {
        folder = try TemporaryFolder()
        here = try Registry.inMemory()
        remote = "oci:\(folder.file("remote"))"
        for step in 0..<3 {
            try here.save(
                dictionary(["w": .tensor(Tensor((0..<3000).map { Float($0 * (step + 1)) }))]), as: "m",
                options: SaveOptions(aliases: step == 1 ? ["best"] : []))
        }
        try here.push(["m"], all: true, to: remote)
    }

    /// The blobs that begin with some bytes.
    private func blobs(_ start: [UInt8]) throws -> [URL] {
        let path = folder.file("remote/m/blobs/sha256")
        return try FileManager.default.contentsOfDirectory(atPath: path).map {
            URL(fileURLWithPath: "\(path)/\($0)")
        }
        .filter { try Array(Data(contentsOf: $0).prefix(start.count)) == start }
    }

    private static let packStart: [UInt8] = [0x89, 0x4D, 0x52, 0x4B]
    private static let treeStart: [UInt8] = [0x89, 0x4D, 0x52, 0x54]

    @Test func whatIsWholeIsSaidToBe() throws {
        for isFull in [false, true] {
            let report = try here.verifyRemote("m", at: remote, isFull: isFull)
            #expect(report.versionCount == 3 && report.problems.isEmpty && report.blobCount == 9)
        }
        #expect(throws: RemoteError.self) { try here.verifyRemote("other", at: remote) }
    }

    @Test func aMissingPackIsFound() throws {
        try FileManager.default.removeItem(at: try #require(try blobs(RemoteUpkeepTests.packStart).first))
        let report = try here.verifyRemote("m", at: remote)
        #expect(report.problems.count == 1)
        #expect(report.problems[0].problem.hasSuffix("is missing"))
    }

    @Test func aDamagedPackIsFoundWhenItIsRead() throws {
        let pack = try #require(try blobs(RemoteUpkeepTests.packStart).first)
        var bytes = try Data(contentsOf: pack)
        bytes[40] ^= 1
        try bytes.write(to: pack)
        #expect(try here.verifyRemote("m", at: remote).problems.isEmpty)
        #expect(try here.verifyRemote("m", at: remote, isFull: true).problems.count == 1)
    }

    @Test func aDamagedTreeIsFound() throws {
        let tree = try #require(try blobs(RemoteUpkeepTests.treeStart).first)
        var bytes = try Data(contentsOf: tree)
        bytes[30] ^= 1
        try bytes.write(to: tree)
        #expect(try here.verifyRemote("m", at: remote).problems.count == 1)
    }

    @Test func aVersionIsDeletedAlone() throws {
        #expect(throws: RegistryError.self) { try here.deleteRemote("m:v2", at: remote) }
        #expect(try here.deleteRemote("m:v1", at: remote, dryRun: true).version == "m:v1")
        #expect(try here.verifyRemote("m", at: remote).versionCount == 3)
        #expect(try here.deleteRemote("m:v1", at: remote).aliases.isEmpty)
        #expect(try here.deleteRemote("m:best", at: remote, force: true).aliases == ["best"])
        let store = LayoutBlobStore(folder: folder.file("remote/m"))
        let tags = try store.tags()
        #expect(tags.count == 2 && tags.contains("v3"))
        let other = try Registry.inMemory()
        #expect(try other.pull(["m"], all: true, from: remote).added.map(\.ours) == ["m:v3"])
        // What is here stays, and can be pushed again.
        #expect(try here.push(["m"], all: true, to: remote).pushed.map(\.theirs) == ["m:v1", "m:v2"])
    }

    @Test func contentIsCheckedBeforeItIsDeleted() throws {
        let id = try here.version("m:v3").contentID.hex
        #expect(throws: RegistryError.self) { try here.deleteRemote("m:v1@sha256:\(id.prefix(8))", at: remote) }
        #expect(try here.deleteRemote("m:v3@sha256:\(id.prefix(8))", at: remote).version == "m:v3")
    }
}
