import Foundation
import Foundations
import Tensors
import TestSupport
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

    /// Temporary names were longer than the final one, which may have 255 bytes.
    @Test(arguments: [true, false])
    func namesAreAsLongAsTheSystemAllows(_ mayReplace: Bool) throws {
        let name = String(repeating: "n", count: 255)
        let output = try OutputFile(path: path(name), byteCount: 1, mayReplace: mayReplace)
        output.bytes[0] = 7
        try output.commit()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [name])
        let appended = try AppendedFile(path: path(name), mayReplace: true)
        try appended.append([8])
        try appended.commit()
        #expect(try Data(contentsOf: folder.appending(path: name)) == Data([8]))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [name])
        #expect(throws: FileError(path: path(name + "n"), operation: .write, code: ENAMETOOLONG)) {
            try OutputFile(path: path(name + "n"), byteCount: 1, mayReplace: mayReplace).commit()
        }
    }

    /// A name was on the disk before its bytes, or not at all, when a command had said that it was done.
    @Test(arguments: [true, false])
    func bytesAreOnTheDiskBeforeTheirNameAndBothBeforeTheEnd(_ mayReplace: Bool) throws {
        let steps = try DiskStep.recorded(of: folder.path) {
            try OutputFile.write([1, 2], to: path("mapped"), mayReplace: mayReplace)
            let appended = try AppendedFile(path: path("appended"), mayReplace: mayReplace)
            try appended.append([3])
            try appended.commit()
        }
        #expect(
            steps
                == ["mapped", "appended"].flatMap {
                    [.bytes(of: path($0)), .name(path($0)), .folder(folder.path + "/")] as [DiskStep]
                })
    }

    @Test(arguments: [
        ("a", ""), ("a/", ""), ("a/b", "a/"), ("a/b//", "a/"), ("/", "/"), ("/a", "/"), ("./a", "./"),
        ("é/é", "é/"),
    ])
    func theFolderOfAPathIsAllBeforeItsLastName(_ path: String, _ folder: String) {
        #expect(FolderSync.folder(of: path) == folder)
    }
}

struct TruncatedMappingTests {
    /// Another process that cuts a mapped file short ended this one with SIGBUS.
    @Test func whatIsGoneReadsAsZeros() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        try Data(repeating: 7, count: 1 << 16).write(to: URL(fileURLWithPath: path))
        MappedFile.surviveTruncation()
        let file = try MappedFile(path: path)
        #expect(truncate(path, 100) == 0)
        let (first, last) = file.withUnsafeBytes { ($0[99], $0[(1 << 16) - 1]) }
        #expect(first == 7 && last == 0)
        #expect(throws: FileChangedError(path: path)) { try file.requireUnchanged() }
        var bytes = [UInt8](repeating: 0, count: 100)
        try bytes.withUnsafeMutableBytes { try file.copyBytes(0..<100, into: $0) }
        #expect(bytes == [UInt8](repeating: 7, count: 100))
        #expect(throws: FileChangedError(path: path)) {
            try bytes.withUnsafeMutableBytes { try file.copyBytes(1..<101, into: $0) }
        }
    }
}
