import Checkpoints
import Foundations
import FuzzSupport
import OrderedCollections
import Tensors

@testable import ModelRegistry

/// A registry with the version that patches build on, and what is in a patch of it.
final class Fixture {
    nonisolated(unsafe) static let shared = Fixture()

    private(set) var registry: Registry
    let header: PatchHeader
    /// The bytes after the header.
    let records: [UInt8]

    private init() {
        do {
            registry = try Fixture.made()
            let other = try Registry.inMemory()
            try other.save(Fixture.checkpoint(0), as: "m", message: "old")
            try other.save(
                Fixture.checkpoint(1), as: "m",
                options: SaveOptions(
                    message: "new", metrics: ["loss": 0.25], attributes: ["lr": 0.1],
                    attachments: ["c.json": Array("{}".utf8)], step: 7))
            let path = FuzzFile.inFolder("made.mrpatch", [])
            try other.writePatch(from: "m:v1", to: "m:v2", path: path, mayReplace: true)
            header = try PatchFile(path: path).header
            records = try MappedFile(path: path).withUnsafeBytes { bytes in
                let stored = Int(bytes.loadUnaligned(fromByteOffset: 20, as: UInt64.self))
                return Array(bytes[(PatchFile.prefixByteCount + stored)..<(bytes.count - ContentID.byteCount)])
            }
        } catch {
            fail("\(error)")
        }
    }

    /// Forgets what was applied.
    func reset() {
        do { registry = try Fixture.made() } catch { fail("\(error)") }
    }

    private static func made() throws -> Registry {
        let registry = try Registry.inMemory()
        try registry.save(checkpoint(0), as: "m", message: "old")
        return registry
    }

    /// Tensors that are equal in both, changed, tied, views, and plain values.
    private static func checkpoint(_ step: Int) throws -> Checkpoint {
        let weights = Tensor((0..<600).map { Float($0 % 37) / 7 + Float(step) * 1e-5 })
        let kept = Tensor((0..<64).map(Int64.init))
        var dictionary = CheckpointDictionary()
        dictionary["weights"] = .tensor(weights, role: .parameter)
        dictionary["tied"] = .tensor(weights, role: .parameter)
        dictionary["kept"] = .tensor(kept, role: .buffer)
        dictionary["part"] = .tensor(kept[8..<40])
        dictionary["rows"] = .tensor(weights.reshaped(to: [20, 30])[2..<4])
        dictionary["epoch"] = .integer(Int64(step))
        dictionary["names"] = .list([.string("a"), .boolean(true), .none, .number(0.5)])
        return .dictionary(dictionary)
    }

    /// A patch with this header and these records, whose hash fits.
    static func file(header: [UInt8], records: [UInt8]) -> [UInt8] {
        let stored = Zlib.compressed(header)
        var writer = FieldWriter()
        writer.raw(PatchFile.magic)
        writer.word(PatchFile.formatVersion)
        writer.word(UInt64(header.count))
        writer.word(UInt64(stored.count))
        writer.raw(stored)
        writer.raw(records)
        writer.id(ContentID(hashing: writer.bytes))
        return writer.bytes
    }
}
