import GRDB
import GRDBSQLite

/// Reads stretches of packs. Valid within the transaction that it was made in.
final class PackReader {
    private let connection: OpaquePointer
    private var blob: OpaquePointer?
    private var pack: Int64?

    init(_ db: Database) {
        guard let connection = db.sqliteConnection else {
            preconditionFailure("reading from a closed database")
        }
        self.connection = connection
    }

    deinit { if let blob { sqlite3_blob_close(blob) } }

    /// Copies bytes at `offset` of a pack.
    ///
    /// - Throws: ``StoreDamage`` when the pack does not have them.
    func read(pack: Int64, offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
        try open(pack)
        let byteCount = Int(sqlite3_blob_bytes(blob))
        guard offset <= byteCount, target.count <= byteCount - offset else {
            throw StoreDamage(problem: "its pack ends before it")
        }
        guard target.count > 0 else { return }
        let code = sqlite3_blob_read(blob, target.baseAddress, Int32(target.count), Int32(offset))
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }

    private func open(_ pack: Int64) throws {
        guard self.pack != pack else { return }
        self.pack = nil
        var code: Int32
        if blob != nil {
            code = sqlite3_blob_reopen(blob, pack)
            if code != SQLITE_OK {
                sqlite3_blob_close(blob)
                blob = nil
            }
        } else {
            code = sqlite3_blob_open(connection, "main", "pack", "bytes", pack, 0, &blob)
        }
        guard code == SQLITE_OK else {
            // SQLITE_ERROR: no such row, or the column holds no blob.
            if code == SQLITE_ERROR { throw StoreDamage(problem: "its pack is missing") }
            throw DatabaseError(resultCode: ResultCode(rawValue: code))
        }
        self.pack = pack
    }
}
