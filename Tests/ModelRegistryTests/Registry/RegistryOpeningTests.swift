import Checkpoints
import ChunkStore
import Dispatch
import Foundation
import Foundations
import GRDB
import ModelRegistry
import Synchronization
import Tensors
import TestSupport
import Testing

struct RegistryOpeningTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("models.db")
    }

    private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    @Test func aMissingFileIsMadeOrAnError() throws {
        #expect(
            message { try Registry(path: path, create: false) }
                == "no registry at \"\(path)\"; `modelreg save` makes one, --registry or MODELREG_REGISTRY names another"
        )
        #expect(try folder.contents.isEmpty)
        #expect(try Registry(path: path).models().isEmpty)
        #expect(try Registry(path: path, create: false).models().isEmpty)
        #expect(try folder.contents == ["models.db"])
    }

    @Test func anEmptyFileBecomesARegistry() throws {
        try write([])
        try Registry(path: path).save(Checkpoint.none, as: "m", message: "")
        #expect(try Registry(path: path, create: false).models().map(\.name) == ["m"])
    }

    @Test func otherFilesAreNoRegistry() throws {
        let files: [[UInt8]] = [
            [0], Array("not a registry".utf8), [UInt8](repeating: 0, count: 5000),
            Array("SQLite format 3\0".utf8),
            Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0, count: 84),
        ]
        for bytes in files {
            try write(bytes)
            #expect(message { try Registry(path: path) } == "\"\(path)\" is not a modelreg registry")
            #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) == bytes)
        }
    }

    @Test func anotherDatabaseIsNoRegistry() throws {
        try DatabaseQueue(path: path).write {
            try $0.execute(sql: "CREATE TABLE precious (x); PRAGMA application_id = 7")
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(message { try Registry(path: path) } == "\"\(path)\" is not a modelreg registry")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    // To close a file drops all locks that the process holds on it: another process could then write in the middle
    // of a transaction.
    @Test func openingARegistryKeepsTheLocksOfOthersInTheProcess() throws {
        let registry = try Registry(path: path)
        try registry.store.withWriter { db in
            try db.inTransaction(.immediate) {
                func lockCount() throws -> Int {
                    let status = try FileManager.default.attributesOfItem(atPath: path)
                    let inode = try #require(status[.systemFileNumber] as? Int)
                    let locks = try String(contentsOfFile: "/proc/locks", encoding: .utf8)
                    return locks.split(separator: "\n").count {
                        $0.contains("WRITE") && $0.contains(":\(inode) ")
                    }
                }
                let before = try lockCount()
                #expect(before > 0)
                _ = try Registry(path: path)
                #expect(try lockCount() == before)
                return .rollback
            }
        }
    }

    @Test func aFolderIsNoRegistry() throws {
        #expect(message { try Registry(path: folder.path) } == "\"\(folder.path)\" is not a modelreg registry")
    }

    @Test func aFileWithTheRightMarkAndGarbageIsDamagedOrNone() throws {
        try Registry(path: path).save(Checkpoint.none, as: "m", message: "")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        for index in 100..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        try write(bytes)
        #expect(throws: RegistryError.self) { try Registry(path: path).models() }
    }

    @Test func everyTruncationIsRefusedOrRead() throws {
        do {
            let registry = try Registry(path: path)
            try registry.save(try noise(100_000), as: "m", message: "")
        }
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        for count in stride(from: 1, to: bytes.count, by: 16384 - 7) {
            try write(Array(bytes.prefix(count)))
            do {
                let registry = try Registry(path: path)
                #expect(try registry.verify().problems.isEmpty == false, "\(count) bytes")
            } catch is RegistryError {}
        }
    }

    @Test func aNewerRegistryIsRefused() throws {
        try Registry(path: path).tamper("INSERT INTO grdb_migrations (identifier) VALUES ('9999_future')")
        #expect(
            message { try Registry(path: path) }
                == "\"\(path)\" was written by a newer version of modelreg; please upgrade")
    }

    @Test func aMissingFolderIsAnError() throws {
        let path = folder.file("no/such/folder.db")
        #expect(throws: FileError(path: path, operation: .write, code: ENOENT)) { try Registry(path: path) }
    }

    // Permission bits mean nothing to root.
    @Test(.enabled(if: getuid() != 0, "root may write everything"))
    func aReadOnlyFileCanBeReadButNotWritten() throws {
        try Registry(path: path).save(Tensor([Float(1)]), as: "m", message: "")
        for (filePermissions, folderPermissions) in [(0o444, 0o755), (0o444, 0o555)] {
            try FileManager.default.setAttributes([.posixPermissions: filePermissions], ofItemAtPath: path)
            try FileManager.default.setAttributes(
                [.posixPermissions: folderPermissions], ofItemAtPath: folder.path)
            defer {
                try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
                try? FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            }
            let registry = try Registry(path: path)
            #expect(try registry.load("m", as: Tensor.self).scalars(as: Float.self) == [1])
            #expect(try registry.problems() == [])
            #expect(
                message { try registry.save(Checkpoint.none, as: "m", message: "") }
                    == "\"\(path)\" cannot be written")
            #expect(message { try registry.delete("m") } == "\"\(path)\" cannot be written")
        }
    }

    @Test(.enabled(if: getuid() != 0, "root may write everything"))
    func aRegistryInAReadOnlyFolderCanBeReadButNotWritten() throws {
        try Registry(path: path).save(Tensor([Float(1)]), as: "m", message: "")
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path) }
        let registry = try Registry(path: path)
        #expect(try registry.load("m", as: Tensor.self).scalars(as: Float.self) == [1])
        #expect(throws: RegistryError.self) { try registry.save(Checkpoint.none, as: "m", message: "") }
        #expect(throws: (any Error).self) { try Registry(path: folder.file("new.db")) }
    }

    @Test func aRegistryInUseIsBusyAfterTheWait() throws {
        let registry = try Registry(path: path, waitSeconds: 0.2, packsInBackground: false)
        try registry.save(Checkpoint.none, as: "m", message: "")
        let other = try DatabaseQueue(path: path)
        try other.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN EXCLUSIVE")
            defer { try? db.execute(sql: "ROLLBACK") }
            let busy = "\"\(path)\" is in use by another process; waited 0.2 s (--wait waits longer)"
            #expect(message { try registry.load("m", as: Checkpoint.self) } == busy)
            #expect(message { try registry.save(Checkpoint.none, as: "m", message: "") } == busy)
            #expect(message { try Registry(path: path, waitSeconds: 0.2) } == busy)
        }
        #expect(try registry.versions(of: "m").count == 1)
    }

    @Test func aShortLockIsWaitedFor() throws {
        let registry = try Registry(path: path, waitSeconds: 20)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: path, configuration: configuration)
        try other.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }
        let hasBegun = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            hasBegun.wait()
            try? other.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        }
        hasBegun.signal()
        #expect(try registry.save(Checkpoint.none, as: "m", message: "").version.number == 1)
    }

    /// A view could go on for ever, and nothing that reads it would know.
    @Test(arguments: ["version", "source_file", "run_attribute", "chunk"])
    func aViewInPlaceOfATableIsRefused(table: String) throws {
        try Registry(path: path).save(Tensor([1]), as: "m")
        try DatabaseQueue(path: path).write { db in
            try db.execute(
                sql: """
                    PRAGMA legacy_alter_table = ON;
                    ALTER TABLE \(table) RENAME TO old;
                    CREATE VIEW \(table) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                      SELECT old.* FROM n, old
                    """)
        }
        #expect(
            message { try Registry(path: path) }
                == "\"\(table)\" is not a table: the registry is damaged; `modelreg verify` lists the affected versions"
        )
    }

    /// One letter of a column's name, as by a wrong bit.
    @Test func columnsOfOtherNamesAreDamage() throws {
        try Registry(path: path).save(Tensor([1]), as: "m")
        for (table, column) in [
            ("environment", "git_branch"), ("run", "boot"), ("lineage", "share"), ("version", "message"),
            ("parameter", "role"), ("tensor", "shape"), ("chunk", "codec"), ("note", "actor"),
        ] {
            func rename(_ old: String, _ new: String) throws {
                try DatabaseQueue(path: path).write { db in
                    try db.execute(sql: "ALTER TABLE \(table) RENAME COLUMN \(old) TO \(new)")
                }
            }
            try rename(column, "other")
            let registry = try Registry(path: path, packsInBackground: false)
            #expect((try? registry.verify())?.problems != [], "\(table).\(column)")
            _ = try? registry.load("m", as: Checkpoint.self)
            _ = try? registry.versions(of: "m").map { try registry.details(of: $0) }
            _ = try? registry.runs()
            _ = try? registry.lineage(of: registry.version("m"))
            _ = try? registry.save(Tensor([2]), as: "m")
            _ = try? registry.collectGarbage()
            try registry.close()
            try rename("other", column)
        }
        #expect(try Registry(path: path).verify().problems == [])
    }

    @Test func manyMayMakeARegistryAtOnce() throws {
        for round in 0..<5 {
            let path = folder.file("round \(round)")
            let failures = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 6) { index in
                do {
                    try Registry(path: path).save(Checkpoint.integer(Int64(index)), as: "m", message: "")
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 } == [])
            #expect(try Registry(path: path).versions(of: "m").map(\.number) == [6, 5, 4, 3, 2, 1])
        }
    }
}
