import Checkpoints
import Foundations
import Tensors

/// What `torch.save` wrote before PyTorch 1.6: pickles one after the other, then the storages.
///
/// The pickles are a magic number, the version, facts about the machine, the checkpoint and the list of storages;
/// each storage is its number of elements and then these.
enum LegacyPyTorch {
    /// The magic number: 0x1950a86a20f9469cfc6c, little-endian.
    static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

    /// The version, which has never changed.
    static let version: Int64 = 1001

    /// The pickle of the magic number in each way that protocols have for it: binary ones, those with a frame, and text.
    private static let beginnings: [[UInt8]] =
        [2, 3].map { [0x80, $0, 0x8A, 10] + magic + [0x2E] }
        + [4, 5].map { [0x80, $0, 0x95, 13, 0, 0, 0, 0, 0, 0, 0, 0x8A, 10] + magic + [0x2E] }
        + [Array("L119547037146038801333356L\n.".utf8)]

    /// Where the pickle of the magic number ends; `nil` where `file` does not begin with it.
    static func endOfMagic(_ file: UnsafeRawBufferPointer) -> Int? {
        beginnings.first { file.starts(with: $0) }?.count
    }
}

extension CheckpointFile {
    /// Reads `file` as what `torch.save` wrote before PyTorch 1.6.
    static func readLegacyPyTorch(_ file: MappedFile) throws -> CheckpointFile {
        try file.withUnsafeBytes { bytes in
            var offset = LegacyPyTorch.endOfMagic(bytes) ?? 0
            func run(_ source: String) throws -> (PickleMachine, PickleValue) {
                let rest = UnsafeRawBufferPointer(
                    rebasing: bytes[offset...].prefix(PickleMachine.maximumByteCount))
                var machine = try PickleMachine(rest, source: source)
                let value = try machine.run()
                offset += machine.consumedByteCount
                return (machine, value)
            }
            guard case .integer(LegacyPyTorch.version) = try run("the pickle of the version").1 else {
                throw LegacyPyTorchError.version
            }
            let (systemMachine, system) = try run("the pickle of the system")
            try checkSystem(systemMachine, system)
            let (machine, value) = try run("the pickle of the checkpoint")
            let (keyMachine, keys) = try run("the pickle of storage keys")
            let ranges = try legacyStorages(keyMachine, keys, machine: machine, bytes, from: offset)
            var reader = TorchReader(machine) { key in
                ranges[key].map { TorchReader.FoundStorage(storage: file.storage(of: $0), range: $0) }
            }
            let checkpoint = try reader.checkpoint(value)
            return CheckpointFile(
                checkpoint: checkpoint, format: .pytorch, file: file, storages: reader.storedRanges,
                pickledNames: [systemMachine, machine, keyMachine].flatMap(\.heap.pickledNames))
        }
    }

    /// Elements and counts are little-endian whatever the machine says that it is.
    private static func checkSystem(_ machine: PickleMachine, _ system: PickleValue) throws {
        var reader = TorchReader(machine) { _ in nil }
        guard case .dictionary(let facts) = try reader.checkpoint(system),
            case .boolean? = facts["little_endian"]
        else { throw LegacyPyTorchError.system }
    }

    /// Where each storage lies in the file: they fill it from `start` to its end, in the order of `keys`.
    private static func legacyStorages(
        _ keyMachine: PickleMachine, _ keys: PickleValue, machine: PickleMachine,
        _ file: UnsafeRawBufferPointer,
        from start: Int
    ) throws -> [String: Range<Int>] {
        var widths: [String: Int] = [:]
        for storage in machine.heap.storages {
            let key = try machine.characters(storage.key)
            let width = storage.dtype.byteWidth ?? 1
            // The file has the number of elements alone, so all must agree on what one is.
            guard widths.updateValue(width, forKey: key) ?? width == width else {
                throw LegacyPyTorchError.storage(key)
            }
        }
        var keyReader = TorchReader(keyMachine) { _ in nil }
        guard case .list(let list) = try keyReader.checkpoint(keys) else { throw LegacyPyTorchError.keys }
        var ranges: [String: Range<Int>] = [:]
        var reader = ByteReader(file, at: start)
        for item in list {
            guard case .string(let key) = item else { throw LegacyPyTorchError.keys }
            guard let width = widths[key] else { throw LegacyPyTorchError.storage(key) }
            guard let claimed = reader.integer(UInt64.self), let elementCount = Int(exactly: claimed),
                case (let byteCount, let overflow) = elementCount.multipliedReportingOverflow(by: width),
                !overflow,
                let range = reader.take(byteCount)
            else { throw LegacyPyTorchError.cutShort(key) }
            guard ranges.updateValue(range, forKey: key) == nil else { throw LegacyPyTorchError.storage(key) }
        }
        guard reader.remainingCount == 0 else {
            throw LegacyPyTorchError.trailingBytes(count: reader.remainingCount)
        }
        return ranges
    }
}

/// A file in PyTorch's legacy format that is damaged.
public enum LegacyPyTorchError: FormatError, Equatable {
    /// A version that is not known.
    case version
    /// No facts about the machine that wrote it.
    case system
    /// No list of storages.
    case keys
    /// A storage that no tensor has, that is there twice, or whose elements have two widths.
    case storage(String)
    /// A storage that the file ends within.
    case cutShort(String)
    /// Bytes after the last storage.
    case trailingBytes(count: Int)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .version: "the legacy PyTorch file has a version that is not known"
        case .system: "the legacy PyTorch file does not say on what machine it was written"
        case .keys: "the legacy PyTorch file has no list of storages"
        case .storage(let key): "the legacy PyTorch file contradicts itself about storage \(quoted(key))"
        case .cutShort(let key): "the file is cut short within storage \(quoted(key))"
        case .trailingBytes(let count): "\(count) bytes after the last storage belong to no tensor"
        }
    }
}
