import Foundation
import GRDB
import TestSupport
import Testing

/// A registry's file, changed beside SQLite, as a disk would do it.
struct DamagedFile {
    let path: String

    /// Makes a copy to damage.
    init(copying original: String, to path: String) throws {
        self.path = path
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: original, toPath: path)
    }

    /// Changes one bit on the first page of a table or index: of a byte that means something, as it is not zero.
    func flipBit(in tree: String, seed: Int) throws {
        try change(tree) { page in
            let places = page.indices.filter { page[$0] != 0 }
            var generator = SeededGenerator(seed: UInt64(seed))
            let place = try #require(places.randomElement(using: &generator))
            page[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        }
    }

    /// Replaces bytes on the first page of a table or index, which has them once.
    func replace(_ old: some Collection<UInt8>, by new: some Collection<UInt8>, in tree: String) throws {
        try change(tree) { page in
            let ranges = page.ranges(of: old)
            try #require(ranges.count == 1 && old.count == new.count, "\(ranges.count) times in \(tree)")
            page.replaceSubrange(ranges[0], with: new)
        }
    }

    /// Changes the first page of a table or index.
    func change(_ tree: String, _ body: (inout [UInt8]) throws -> Void) throws {
        let (root, byteCount) = try DatabaseQueue(path: path).read { db in
            (
                try Int.fetchOne(
                    db, sql: "SELECT rootpage FROM sqlite_master WHERE name = ?", arguments: [tree]),
                try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
            )
        }
        let offset = UInt64((try #require(root, "no \(tree)") - 1) * byteCount)
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: offset)
        var page = [UInt8](try file.read(upToCount: byteCount) ?? Data())
        try body(&page)
        try file.seek(toOffset: offset)
        file.write(Data(page))
        try file.close()
    }
}
