import CKernels
import Foundation
import TestSupport
import Testing

/// A Python from `MODELREG_PYTHON`; no packages are needed.
private let python = ProcessInfo.processInfo.environment["MODELREG_PYTHON"]

/// Hashes by Python's hashlib, compared with ours.
struct SHA256InteropTests {
    @Test(.enabled(if: python != nil, "set MODELREG_PYTHON to a Python"))
    func aMillionHashesAreThoseOfHashlib() throws {
        let messageCount = 1_000_000
        let seed = ProcessInfo.processInfo.environment["MODELREG_SEED"].flatMap { UInt64($0) } ?? 1
        let folder = try TemporaryFolder()
        try generate(in: folder.path, messageCount: messageCount, seed: seed)
        let bytes = try contents(folder.file("bytes"))
        let expected = try contents(folder.file("digests"))
        let messages = try contents(folder.file("messages")).withUnsafeBytes { numbers in
            stride(from: 0, to: numbers.count, by: 8).map { position in
                let offset = Int(numbers.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                return offset..<offset
                    + Int(numbers.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self))
            }
        }
        try #require(messages.count == messageCount && expected.count == 32 * messageCount)

        var generator = SeededGenerator(seed: seed)
        var wrong: [String] = []
        bytes.withUnsafeBytes { bytes in
            func message(_ index: Int) -> UnsafeRawBufferPointer {
                UnsafeRawBufferPointer(rebasing: bytes[messages[index]])
            }
            func compare(_ digest: [UInt8], with index: Int, _ what: @autoclosure () -> String) {
                if !digest.elementsEqual(expected[32 * index..<32 * index + 32]) {
                    wrong.append("message \(index), of \(messages[index].count) bytes: \(what())")
                }
            }
            for index in messages.indices {
                for form in SHA256Form.allCases {
                    let splits = splits(of: messages[index].count, &generator)
                    compare(
                        form.hash(message(index), splitAt: splits), with: index, "\(form), split at \(splits)")
                }
            }
            for index in stride(from: 0, to: messages.count, by: 2) {
                let (first, second) = (message(index), message(index + 1))
                var firstDigest = [UInt8](repeating: 0, count: 32)
                var secondDigest = firstDigest
                mr_sha256_pair(
                    first.baseAddress, first.count, second.baseAddress, second.count, &firstDigest,
                    &secondDigest)
                compare(firstDigest, with: index, "first of a pair")
                compare(secondDigest, with: index + 1, "second of a pair")
            }
        }
        #expect(wrong.isEmpty, "seed \(seed), \(wrong.count) wrong: \(wrong.prefix(5))")
    }

    /// Where none to three pieces end, that are followed by another.
    private func splits(of count: Int, _ generator: inout SeededGenerator) -> [Int] {
        (0..<generator.number(in: 0...3)).map { _ in generator.number(in: 0...count) }.sorted()
    }

    private func contents(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func generate(in folder: String, messageCount: Int, seed: UInt64) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Interop/sha256.py").standardized.path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(python))
        process.arguments = [script, folder, "\(messageCount)", "\(seed)"]
        let output = Pipe()
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(text)")
    }
}
