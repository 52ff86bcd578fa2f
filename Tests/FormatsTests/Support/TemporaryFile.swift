import Formats
import Foundation

/// Reads `bytes` as a file of their own, which is gone from its directory afterwards (the mapping keeps it).
func read(_ bytes: [UInt8]) throws -> CheckpointFile {
    let path = temporaryPath()
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    defer { remove(path) }
    return try CheckpointFile.read(path: path)
}

/// A path at which there is no file yet.
func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.path + "/modelreg-\(UUID().uuidString)"
}

/// Removes the file at `path`, where there is one.
func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

/// What reading `bytes` fails with, as a person sees it; `nil` where it does not fail.
func message(reading bytes: [UInt8]) -> String? {
    do {
        _ = try read(bytes)
        return nil
    } catch {
        return "\(error)"
    }
}

/// Bytes written as hexadecimal digits, spaces allowed.
func hex(_ digits: String) -> [UInt8] {
    let digits = digits.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).map { offset in
        let start = digits.index(digits.startIndex, offsetBy: offset)
        return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16) ?? 0
    }
}

/// `value` as little-endian bytes.
func bytes<Integer: FixedWidthInteger>(of value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}
