import Checkpoints
import Formats
import Glibc
import OrderedCollections
import Tensors

/// Reads files that a fuzzer makes up, as `modelreg save` would.
public enum FuzzFile {
    /// Reads `bytes` as a checkpoint file.
    ///
    /// - Returns: 0, or -1 where they do not begin with `magic`, so that the fuzzer forgets them.
    public static func read(_ bytes: [UInt8], magic: [UInt8] = []) -> CInt {
        guard bytes.starts(with: magic) else { return -1 }
        let path = "\(folder)/input"
        write(bytes, to: path)
        do {
            let file = try CheckpointFile.read(path: path)
            visit(file.checkpoint)
            if [.pytorch, .pickle].contains(file.format) { try writeAnew(file.checkpoint) }
        } catch {
            // Making the message is a part of refusing, and it is one line.
            precondition(!"\(error)".contains("\n"), "\(error)")
        }
        return 0
    }

    /// Writes a checkpoint as PyTorch would and reads it again.
    private static func writeAnew(_ checkpoint: Checkpoint) throws {
        _ = try Structure(json: checkpoint.disassembled().structure.json)
        _ = try? StateDict(checkpoint: checkpoint)
        let path = "\(folder)/anew"
        do {
            try CheckpointFile.write(checkpoint, to: path, as: .pytorch, mayReplace: true)
        } catch {
            // An object without a part, or a type that PyTorch has not.
            return
        }
        _ = try CheckpointFile.read(path: path).checkpoint.disassembled()
    }

    /// A folder in memory, with safetensors files of one byte-sized tensor each, called as the file is: `a`, `b`.
    private static let folder: String = {
        var template = Array("/dev/shm/modelreg-fuzz-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let folder else { preconditionFailure("mkdtemp: \(errno)") }
        for name in ["a", "b"] {
            let json = Array("{\"\(name)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}".utf8)
            let header = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
            write(header + json + [7], to: "\(folder)/\(name)")
        }
        return folder
    }()

    /// The path of a file in memory that holds `bytes`.
    public static func inFolder(_ name: String, _ bytes: [UInt8]) -> String {
        let path = "\(folder)/\(name)"
        write(bytes, to: path)
        return path
    }

    /// Reads `bytes` as the index of a model in several files.
    public static func readIndex(_ bytes: [UInt8]) {
        let path = "\(folder)/index.json"
        write(bytes, to: path)
        do {
            visit(try ShardedSafetensors.read(indexPath: path).checkpoint)
        } catch {
            precondition(!"\(error)".contains("\n"), "\(error)")
        }
    }

    private static func write(_ bytes: [UInt8], to path: String) {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_TRUNC, 0o600)
        precondition(descriptor >= 0, "open: \(errno)")
        defer { close(descriptor) }
        let count = pwrite(descriptor, bytes, bytes.count, 0)
        precondition(count == bytes.count, "pwrite: \(errno)")
    }

    /// Reads every element of what was accepted.
    private static func visit(_ checkpoint: Checkpoint) {
        switch checkpoint {
        case .tensor(let tensor, _):
            // An expanded tensor is as large as it says.
            if tensor.byteCount <= 1 << 20 { sink = tensor.withUnsafeBytes { $0.reduce(0, ^) } }
        case .list(let elements), .tuple(let elements):
            for element in elements { visit(element) }
        case .dictionary(let dictionary):
            for element in dictionary.entries.values { visit(element) }
        case .object(let object):
            for part in object.parts { visit(part.value) }
        case .string, .integer, .number, .boolean, .none, .bytes, .bigInteger, .name, .reference: break
        }
    }

    nonisolated(unsafe) private static var sink: UInt8 = 0

    /// What a fuzzer hands over.
    public static func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
        Array(UnsafeBufferPointer(start: start, count: count))
    }
}

/// A zip archive of stored entries without checksums, which a fuzzer would not get right.
public func zipArchive(_ entries: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    func word<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, bytes) in entries {
        let fields =
            [20, 0] + [UInt8](repeating: 0, count: 12) + word(UInt32(bytes.count)) + word(UInt32(bytes.count))
            + word(UInt16(name.utf8.count)) + [0, 0]
        directory +=
            [0x50, 0x4B, 1, 2, 20, 0] + fields + [UInt8](repeating: 0, count: 10) + word(UInt32(file.count))
        directory += name.utf8
        file += [0x50, 0x4B, 3, 4] + fields + name.utf8 + bytes
    }
    let count = word(UInt16(entries.count))
    return file + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + word(UInt32(directory.count))
        + word(UInt32(file.count)) + [0, 0]
}
