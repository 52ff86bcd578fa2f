import Foundation
import Foundations
import Tensors
import Testing

@Suite struct FileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "modelreg-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    @Test func writesToAMappedTensorDoNotReachTheFile() throws {
        try Data([1, 2, 3, 4]).write(to: folder.appending(path: "file"))
        let file = try MappedFile(path: path("file"))
        let storage = file.storage(of: 1..<3)
        storage.withUnsafeMutableBytes { $0[0] = 99 }
        #expect(storage.withUnsafeBytes { [UInt8]($0) } == [99, 3])
        #expect(try Data(contentsOf: folder.appending(path: "file")) == Data([1, 2, 3, 4]))
    }

    @Test func missingFilesAndFoldersAreErrors() {
        #expect(throws: FileError(path: path("none"), operation: .open, code: ENOENT)) {
            try MappedFile(path: path("none"))
        }
        #expect(throws: FileError(path: folder.path, operation: .read, code: EISDIR)) {
            try MappedFile(path: folder.path)
        }
    }

    @Test func outputAppearsOnCommitOnly() throws {
        do {
            let abandoned = try OutputFile(path: path("out"), byteCount: 10, mayReplace: false)
            abandoned.bytes[0] = 1
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        let output = try OutputFile(path: path("out"), byteCount: 3, mayReplace: false)
        output.bytes.copyBytes(from: [7, 8, 9])
        #expect(!FileManager.default.fileExists(atPath: path("out")))
        try output.commit()
        #expect(try Data(contentsOf: folder.appending(path: "out")) == Data([7, 8, 9]))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out"])
    }

    @Test func outputReplacesOnlyWhatItMay() throws {
        try Data([1]).write(to: folder.appending(path: "out"))
        #expect(throws: FileError(path: path("out"), operation: .write, code: EEXIST)) {
            try OutputFile(path: path("out"), byteCount: 1, mayReplace: false)
        }
        let late = try OutputFile(path: path("late"), byteCount: 1, mayReplace: false)
        try Data([5]).write(to: folder.appending(path: "late"))
        #expect(throws: FileError(path: path("late"), operation: .write, code: EEXIST)) { try late.commit() }
        #expect(try Data(contentsOf: folder.appending(path: "late")) == Data([5]))
        try OutputFile(path: path("out"), byteCount: 0, mayReplace: true).commit()
        #expect(try Data(contentsOf: folder.appending(path: "out")).isEmpty)
    }
}
