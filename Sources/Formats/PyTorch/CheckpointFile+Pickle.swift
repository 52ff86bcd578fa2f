import Checkpoints
public import Foundations

extension PickleMachine {
    /// Whether `file` begins like a pickle and ends like one.
    ///
    /// Protocols 0 and 1 have no mark: they begin with one of a few operations, and nothing else that is known does.
    static func isPickle(_ file: UnsafeRawBufferPointer) -> Bool {
        guard file.count > 2, file.last == UInt8(ascii: ".") else { return false }
        if file[0] == 0x80 { return (2...5).contains(file[1]) }
        switch (file[0], file[1]) {
        case (UInt8(ascii: "("), UInt8(ascii: "d")), (UInt8(ascii: "("), UInt8(ascii: "l")):
            return file[2] == UInt8(ascii: "p")
        case (UInt8(ascii: "}"), UInt8(ascii: "q")), (UInt8(ascii: "]"), UInt8(ascii: "q")): return true
        case (UInt8(ascii: "c"), _):
            var reader = ByteReader(file, at: 1)
            return reader.line().map { 1...64 ~= $0.count } ?? false
        default: return false
        }
    }
}

extension CheckpointFile {
    /// Reads `file` as one pickle, of any protocol: what `pickle.dump` writes.
    static func readPickle(_ file: MappedFile) throws -> CheckpointFile {
        try file.withUnsafeBytes { bytes in
            var machine = try PickleMachine(bytes, source: "the pickle")
            let value = try machine.run()
            try machine.end()
            var reader = TorchReader(machine, place: TorchReader.PicklePlace(file: file, offset: 0)) { _ in nil
            }
            let checkpoint = try reader.checkpoint(value)
            return CheckpointFile(
                checkpoint: checkpoint, format: .pickle, file: file, storages: reader.storedRanges,
                pickledNames: machine.heap.pickledNames)
        }
    }
}

/// A pickle that cannot be written.
public enum PickleFileError: Error, Equatable, CategorisedError, CustomStringConvertible {
    /// Anything but the file that was saved.
    case unwritable

    /// One line, lower case, with what to do.
    public var description: String {
        "a bare pickle is written for a whole version that came from one only; save it as a PyTorch file"
    }

    /// A checkpoint that the format asked for cannot hold.
    public var category: ErrorCategory { .usage }
}
