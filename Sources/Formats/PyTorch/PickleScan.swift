import Checkpoints
public import Foundations
import OrderedCollections
import Tensors

extension PickledName {
    /// The classes and functions that loading `file` with Python would look up, whatever the file is.
    ///
    /// For files that are no checkpoints: a pickle is followed as far as it goes, damaged or not, and so are several
    /// behind each other, those in a zip or tar archive, and arrays of objects. Nothing is run.
    public static func scan(_ file: MappedFile) -> [PickledName] {
        file.withUnsafeBytes { PickleScan.names(in: $0) }
    }
}

/// Looks for names in bytes that may be a pickle, or hold some.
enum PickleScan {
    /// Archives within archives that are looked into.
    private static let maximumDepth = 2

    /// Names of files, by their ends, that hold pickles.
    private static let endings = [
        "pkl", "pickle", "pt", "pth", "bin", "ckpt", "npy", "npz", "zip", "joblib", "pdparams", "metadata",
        "distcp",
    ]

    static func names(in bytes: UnsafeRawBufferPointer, depth: Int = 0) -> [PickledName] {
        guard depth <= maximumDepth else { return [] }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return names(inZip: bytes, depth: depth) }
        if bytes.starts(with: NumPyHeader.magic) { return names(inArray: bytes) }
        if bytes.count > 512, bytes[257..<262].elementsEqual("ustar".utf8) {
            return TarArchive(bytes).members.filter { mayHoldPickles($0.name) }.flatMap { member in
                names(in: UnsafeRawBufferPointer(rebasing: bytes[member.range]), depth: depth + 1)
            }
        }
        return names(inPickle: bytes)
    }

    private static func mayHoldPickles(_ name: String) -> Bool {
        let ending = name.utf8.split(separator: UInt8(ascii: ".")).last ?? []
        return endings.contains { $0.utf8.elementsEqual(ending) }
    }

    private static func names(inZip bytes: UnsafeRawBufferPointer, depth: Int) -> [PickledName] {
        guard let archive = try? ZipArchive(bytes) else { return [] }
        var remaining = CheckpointFile.maximumInflatedByteCount
        var found: [PickledName] = []
        for entry in archive.entries.values where mayHoldPickles(entry.name) {
            switch try? archive.checked(entry, inflatingAtMost: remaining) {
            case .stored(let range):
                found += names(in: UnsafeRawBufferPointer(rebasing: bytes[range]), depth: depth + 1)
            case .inflated(let storage):
                remaining -= storage.byteCount
                found += storage.withUnsafeBytes { names(in: $0, depth: depth + 1) }
            case nil: break
            }
        }
        return found
    }

    /// An array of objects is a header, and a pickle behind it.
    private static func names(inArray bytes: UnsafeRawBufferPointer) -> [PickledName] {
        var reader = ByteReader(bytes, at: NumPyHeader.magic.count)
        guard let version = reader.integer(UInt8.self), reader.integer(UInt8.self) != nil,
            let count = version == 1
                ? reader.integer(UInt16.self).map(Int.init) : reader.integer(UInt32.self).map(Int.init),
            reader.take(count) != nil
        else { return [] }
        return names(inPickle: UnsafeRawBufferPointer(rebasing: bytes[reader.position...]))
    }

    private static func names(inPickle bytes: UnsafeRawBufferPointer) -> [PickledName] {
        let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(PickleMachine.maximumByteCount))
        guard var machine = try? PickleMachine(part, source: "the pickle") else { return [] }
        var isWhole = false
        do {
            repeat {
                _ = try machine.run()
                isWhole = true
            } while machine.consumedByteCount < part.count && part[machine.consumedByteCount] == 0x80
        } catch {
            // What stands before the fault would have been run.
        }
        let names = machine.heap.pickledNames
        // A text may begin as pickles without a mark do: then it must be one to its end, or call something.
        let isPickle = part.first == 0x80 || isWhole || names.contains { $0.isCalled && $0.risk == .dangerous }
        return isPickle ? names : []
    }
}
