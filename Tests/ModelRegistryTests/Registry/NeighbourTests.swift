import Checkpoints
import ChunkStore
import Foundation
import GRDB
import Glibc
import ModelRegistry
import Tensors
import TestSupport
import Testing

/// Others in the process who open and close the registry's file: to copy it, to hash it, with a second SQLite.
struct NeighbourTests {
    private let folder: TemporaryFolder
    private let registry: Registry

    init() throws {
        folder = try TemporaryFolder()
        registry = try Registry(path: folder.file("models.db"), waitSeconds: 0, packsInBackground: false)
    }

    private func openAndClose() throws {
        let file = try #require(FileHandle(forReadingAtPath: registry.path))
        _ = try file.read(upToCount: 100)
        try file.close()
    }

    /// Whether anybody holds the lock of a transaction that writes, by a descriptor that is opened and closed for it.
    private func isReserved() throws -> Bool {
        let descriptor = open(registry.path, O_RDWR)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let (reservedByte, queryCommand): (off_t, Int32) = (0x4000_0001, 36)  // F_OFD_GETLK
        var lock = flock(
            l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: reservedByte, l_len: 1, l_pid: 0)
        try #require(fcntl(descriptor, queryCommand, &lock) == 0)
        return lock.l_type != Int16(F_UNLCK)
    }

    @Test func closingTheFileDropsNoLock() throws {
        #expect(try isReserved() == false)
        try registry.store.write { db in
            try db.execute(sql: "UPDATE model SET next_number = next_number")
            #expect(try isReserved())
            try openAndClose()
            #expect(try isReserved())
        }
        #expect(try isReserved() == false)
        // A write that fails leaves no lock either.
        #expect(throws: CancellationError.self) { try registry.store.write { _ in throw CancellationError() } }
        #expect(try isReserved() == false)
    }

    /// A descriptor that stays would keep a deleted registry on the disk.
    @Test func noDescriptorStaysWhereTheLockIsNotToBeHad() throws {
        let path = registry.path
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
            }
        }
        try registry.close()
        #expect(try descriptors() == 0)
        let descriptor = open(path, O_RDWR)
        let (sharedBytes, lockCommand): (off_t, Int32) = (0x4000_0002, 37)  // F_OFD_SETLK
        var lock = flock(
            l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: sharedBytes, l_len: 510, l_pid: 0)
        try #require(fcntl(descriptor, lockCommand, &lock) == 0)
        #expect(throws: RegistryError.self) { try Registry(path: path, waitSeconds: 0) }
        close(descriptor)
        #expect(try descriptors() == 0)
    }

    /// The first to lock the file cannot write to it, the next one can.
    @Test func aWriterJoinsAReaderThatCannotWrite() throws {
        try registry.save(Tensor([1, 2, 3]), as: "m")
        let reader = try Registry(path: registry.path, isReadOnly: true)
        var hasBegun = false
        try reader.store.read { db in
            let versionCount = try Int.fetchOne(db, sql: "SELECT count(*) FROM version")
            #expect(versionCount == 1)
            let write = {
                try registry.store.write { db in
                    try db.execute(sql: "UPDATE model SET next_number = next_number + 1")
                    hasBegun = true
                    try openAndClose()
                    #expect(try isReserved())
                }
            }
            #expect(throws: StoreError.self) { try write() }
            // Still a reader: what it sees does not change under it.
            let number = try Int.fetchOne(db, sql: "SELECT next_number FROM model")
            #expect(number == 2)
        }
        #expect(hasBegun)
        try registry.store.write { db in try db.execute(sql: "UPDATE model SET next_number = 7") }
        #expect(try registry.save(Tensor([1]), as: "m").version.number == 7)
    }
}
