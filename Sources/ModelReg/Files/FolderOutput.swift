import Foundations
import Glibc

/// Files that are written into one folder and folders in it: all of them or none.
struct FolderOutput {
    private let folder: String
    private let mayReplace: Bool
    /// Names that were there before.
    private var taken: Set<[UInt8]> = []

    init(_ folder: String, mayReplace: Bool) {
        self.folder = folder
        self.mayReplace = mayReplace
    }

    /// Makes the folders that there are not, and calls `body` to write the files called `names`.
    ///
    /// - Parameter names: Safe ones; see ``RelativeName``.
    /// - Throws: `FileError` where one is there and may not be replaced, before any is written; ``ExportError`` where two
    ///   have one place; what `body` throws, after removing what was not there before.
    mutating func write<Result>(_ names: [String], _ body: (FolderOutput) throws -> Result) throws -> Result {
        if let name = RelativeName.firstConflict(names) { throw ExportError.sameName(name) }
        var made: [String] = []
        var fresh: [String] = []
        do {
            for path in [folder] + FolderOutput.folders(of: names).map({ folder + $0 }) {
                if mkdir(path, 0o777) == 0 {
                    made.append(path)
                } else if errno != EEXIST {
                    throw FileError(path: path, operation: .write, code: errno)
                }
            }
            fresh = names.filter { access(folder + $0, F_OK) != 0 }
            taken = Set(names.map { Array($0.utf8) }).subtracting(fresh.map { Array($0.utf8) })
            if !mayReplace, let name = names.first(where: { taken.contains(Array($0.utf8)) }) {
                fresh = []
                throw FileError(path: folder + name, operation: .write, code: EEXIST)
            }
            let result = try body(self)
            for path in made.reversed() { try FolderSync.sync(folderOf: path) }
            return result
        } catch {
            for name in fresh { unlink(folder + name) }
            for path in made.reversed() { rmdir(path) }
            throw error
        }
    }

    /// The folders that files are in, the outer ones first.
    private static func folders(of names: [String]) -> [String] {
        var seen: Set<[UInt8]> = []
        var folders: [String] = []
        for name in names {
            let bytes = Array(name.utf8)
            for slash in bytes.indices where bytes[slash] == UInt8(ascii: "/") {
                guard seen.insert(Array(bytes[..<slash])).inserted else { continue }
                folders.append(String(decoding: bytes[...slash], as: UTF8.self))
            }
        }
        return folders
    }

    /// Whether the file of this name gives way. One that was not there before does not: it is another one of these files,
    /// whose name is the same to the file system.
    func mayReplace(_ name: String) -> Bool { mayReplace && taken.contains(Array(name.utf8)) }

    /// Writes small files.
    func write(_ files: [(name: String, bytes: [UInt8])]) throws {
        for (name, bytes) in files {
            try OutputFile.write(bytes, to: folder + name, mayReplace: mayReplace(name))
        }
    }
}
