import Foundations
import OrderedCollections
import Tensors

extension CheckpointFile {
    /// Most bytes that compressed entries of a PyTorch file may inflate to, together. PyTorch compresses none.
    static let maximumInflatedByteCount = 32 << 20

    /// Highest `version` of the archive that is known; PyTorch writes 3.
    static let maximumTorchVersion = 10

    /// Reads `zip`, all of `file`, as what `torch.save` writes since PyTorch 1.6.
    static func readPyTorch(_ zip: ZipArchive, _ file: MappedFile) throws -> CheckpointFile {
        let archive = try TorchArchive(zip, file: file)
        let pickle = try archive.storage("data.pkl", inflatingAtMost: maximumInflatedByteCount)
        guard let pickle else { throw TorchArchiveError.noPickle }
        return try pickle.storage.withUnsafeBytes { pickleBytes in
            var machine = try PickleMachine(pickleBytes, source: "data.pkl")
            let value = try machine.run()
            try machine.end()
            var remaining = maximumInflatedByteCount
            let place = pickle.range.map { TorchReader.PicklePlace(file: file, offset: $0.lowerBound) }
            var reader = TorchReader(machine, place: place, isBigEndian: archive.isBigEndian) { key in
                let found = try archive.storage("data/\(key)", inflatingAtMost: remaining)
                if let found, found.range == nil { remaining -= found.storage.byteCount }
                return found
            }
            let checkpoint = try reader.checkpoint(value)
            return CheckpointFile(
                checkpoint: checkpoint, format: .pytorch, file: file, storages: reader.storedRanges,
                pickledNames: machine.heap.pickledNames)
        }
    }
}

/// The records of a PyTorch file: entries of a zip archive in one folder, whose name does not matter.
private struct TorchArchive {
    private let zip: ZipArchive
    private let file: MappedFile
    private let folder: String

    /// Whether elements have the other byte order.
    private(set) var isBigEndian = false

    init(_ zip: ZipArchive, file: MappedFile) throws {
        self.zip = zip
        self.file = file
        // By bytes: there is an entry for each storage, and characters are slow to count.
        let pickles = zip.entries.keys.filter { name in
            name.utf8.suffix(9).elementsEqual("/data.pkl".utf8)
                && name.utf8.count(where: { $0 == UInt8(ascii: "/") }) == 1
        }
        guard let pickle = pickles.first else { throw TorchArchive.unsupported(zip) }
        guard pickles.count == 1 else { throw TorchArchiveError.severalPickles(Array(pickles)) }
        folder = String(pickle.dropLast("data.pkl".count))
        if let order = try text("byteorder") {
            guard order == "little" || order == "big" else { throw TorchArchiveError.byteOrder(order) }
            isBigEndian = order == "big"
        }
        if let version = try text("version") {
            let trimmed = version.hasSuffix("\n") ? String(version.dropLast()) : version
            guard let number = Int(trimmed), 1...CheckpointFile.maximumTorchVersion ~= number else {
                throw TorchArchiveError.version(trimmed)
            }
        }
    }

    /// The bytes of `record`, or `nil` where there is none.
    func storage(_ record: String, inflatingAtMost limit: Int) throws -> TorchReader.FoundStorage? {
        guard let entry = zip.entries["\(folder)\(record)"] else { return nil }
        switch try zip.checked(entry, inflatingAtMost: limit) {
        case .stored(let range): return TorchReader.FoundStorage(storage: file.storage(of: range), range: range)
        case .inflated(let storage): return TorchReader.FoundStorage(storage: storage, range: nil)
        }
    }

    /// A record of a few characters.
    private func text(_ record: String) throws -> String? {
        let limit = 64
        guard let found = try storage(record, inflatingAtMost: limit) else { return nil }
        return found.storage.withUnsafeBytes { bytes in
            String(decoding: bytes.prefix(limit), as: UTF8.self)
        }
    }

    /// What an archive without `data.pkl` seems to be.
    private static func unsupported(_ zip: ZipArchive) -> any Error {
        let names = zip.entries.keys
        if names.contains("config.json"), names.contains(where: { $0.hasSuffix(".weights.h5") }) {
            return UnsupportedFormat.foreign(.keras)
        }
        return TorchArchiveError.noPickle
    }
}

/// A zip archive that is no PyTorch file that can be read.
public enum TorchArchiveError: FormatError, Equatable {
    /// No pickle in the archive.
    case noPickle
    /// More than one.
    case severalPickles([String])
    /// A byte order that is not known.
    case byteOrder(String)
    /// A version that is not known.
    case version(String)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .noPickle: "a zip archive, but not a PyTorch file: it has no data.pkl"
        case .severalPickles(let names):
            "the archive has several data.pkl: \(names.prefix(5).map(quoted).joined(separator: ", "))"
        case .byteOrder(let order):
            "tensors are stored in byte order \(quoted(order)), which is not known"
        case .version(let version): "PyTorch file of version \(quoted(version)), which is not known"
        }
    }
}
