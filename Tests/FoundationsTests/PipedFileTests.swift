import Foundation
import Foundations
import Testing

@Suite struct PipedFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "modelreg-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    @Test func pipesAreCopiedWhole() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "pipe").path
        #expect(mkfifo(path, 0o600) == 0)
        #expect(PipedFile.isPipe(path))
        // More than a pipe holds, and no multiple of what is read at once.
        let content = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 * 7) }
        Thread.detachNewThread {
            let descriptor = open(path, O_WRONLY)
            content.withUnsafeBytes { bytes in
                var done = 0
                while done < bytes.count {
                    done += write(descriptor, bytes.baseAddress! + done, bytes.count - done)
                }
            }
            close(descriptor)
        }
        let file = try PipedFile.map(path)
        #expect(file.path == path && file.withUnsafeBytes { $0.elementsEqual(content) })
        try file.requireUnchanged()
    }

    @Test func filesAreMappedWhereTheyAre() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "file").path
        try Data([1, 2]).write(to: URL(fileURLWithPath: path))
        #expect(!PipedFile.isPipe(path))
        #expect(try PipedFile.map(path).byteCount == 2)
        #expect(throws: FileError(path: path + "x", operation: .open, code: ENOENT)) {
            try PipedFile.map(path + "x")
        }
    }
}
