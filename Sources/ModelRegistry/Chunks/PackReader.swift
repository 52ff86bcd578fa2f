import GRDB
import GRDBSQLite
import Synchronization

/// Where encoded bytes come from.
protocol PackSource: Sendable {
    /// Copies bytes at `offset` of a pack.
    ///
    /// - Throws: ``RegistryError/Damage`` when the pack does not have them.
    func read(pack: Int64, offset: Int, into target: UnsafeMutableRawBufferPointer) throws
}

/// Reads stretches of packs, from any thread, one at a time. Valid within the read transaction it was made in.
final class PackReader: PackSource, @unchecked Sendable {
    private let connection: OpaquePointer
    private let handle = Mutex<UncheckedHandle>(UncheckedHandle())

    private struct UncheckedHandle: @unchecked Sendable {
        var blob: OpaquePointer?
        var pack: Int64?
    }

    init(_ db: Database) {
        guard let connection = db.sqliteConnection else {
            preconditionFailure("reading from a closed database")
        }
        self.connection = connection
    }

    deinit {
        handle.withLock { if let blob = $0.blob { sqlite3_blob_close(blob) } }
    }

    func read(pack: Int64, offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
        try handle.withLock { handle in
            try open(pack, &handle)
            let byteCount = Int(sqlite3_blob_bytes(handle.blob))
            guard offset <= byteCount, target.count <= byteCount - offset else {
                throw RegistryError.Damage(problem: "its pack ends before it")
            }
            guard target.count > 0 else { return }
            let code = sqlite3_blob_read(handle.blob, target.baseAddress, Int32(target.count), Int32(offset))
            guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
    }

    private func open(_ pack: Int64, _ handle: inout UncheckedHandle) throws {
        guard handle.pack != pack else { return }
        handle.pack = nil
        var code: Int32
        if handle.blob != nil {
            code = sqlite3_blob_reopen(handle.blob, pack)
            if code != SQLITE_OK {
                sqlite3_blob_close(handle.blob)
                handle.blob = nil
            }
        } else {
            code = sqlite3_blob_open(connection, "main", "pack", "bytes", pack, 0, &handle.blob)
        }
        guard code == SQLITE_OK else {
            // SQLITE_ERROR: no such row, or the column holds no blob.
            if code == SQLITE_ERROR { throw RegistryError.Damage(problem: "its pack is missing") }
            throw DatabaseError(resultCode: ResultCode(rawValue: code))
        }
        handle.pack = pack
    }
}

/// Encoded chunks that were read before, to be decoded when the transaction is over.
struct LoadedChunks: PackSource {
    private var bytes: [PackTable.Place: [UInt8]] = [:]

    /// Reads a chunk and all that it is a difference from.
    mutating func load(_ chunk: ChunkLocation, from packs: PackReader) throws {
        var next: ChunkLocation? = chunk
        while let link = next {
            next = link.base
            let place = PackTable.Place(pack: link.pack, offset: link.packOffset)
            if let known = bytes[place], known.count == link.storedByteCount { continue }
            var encoded = [UInt8](repeating: 0, count: link.storedByteCount)
            try encoded.withUnsafeMutableBytes {
                try packs.read(pack: place.pack, offset: place.offset, into: $0)
            }
            bytes[place] = encoded
        }
    }

    func read(pack: Int64, offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
        guard let encoded = bytes[PackTable.Place(pack: pack, offset: offset)], encoded.count == target.count
        else { throw RegistryError.Damage(problem: "its encoded bytes were not read") }
        target.copyBytes(from: encoded)
    }
}
