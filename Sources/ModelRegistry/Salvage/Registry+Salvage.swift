import ChunkStore
import Foundations
import GRDB
import Glibc

extension Registry {
    /// Takes what is whole out of a damaged file, also of one that SQLite calls malformed, and makes a new registry of it.
    ///
    /// The file's pages are read one by one. A version comes along where its rows match its content id; of its tensors,
    /// those come along whose chunks match theirs, and the others are as if they had been dropped by `prune`: names,
    /// shapes and content ids are kept. Versions that were deleted stay behind. The damaged file stays as it is.
    ///
    /// - Parameters:
    ///   - damaged: The damaged file. A journal beside it is taken into account.
    ///   - path: Where to write the new registry; it appears when it is complete, and is on the disk when this returns.
    ///   - mayReplace: Whether a file that is there already gives way.
    /// - Throws: ``RegistryError/damaged(_:)`` where no version is to be found, ``RegistryError/sameRegistry(path:)``,
    ///   ``FileError``; then there is no file at `path` that was not there before.
    /// - Complexity: O(bytes). Takes as much space on the disk as the damaged file has.
    public static func salvage(
        _ damaged: String, to path: String, mayReplace: Bool = false, progress: ProgressHandler? = nil
    ) throws -> SalvageReport {
        if FileIdentity.isSame(damaged, path) { throw RegistryError.sameRegistry(path: path) }
        if !mayReplace, access(path, F_OK) == 0 { throw FileError(path: path, operation: .write, code: EEXIST) }
        let source = try SalvageSource(damaged, beside: path)
        defer { source.remove() }
        let temporary = try TemporarySibling(of: path)
        defer { temporary.remove() }
        let new = try Registry(path: temporary.path, packsInBackground: false)
        let found = try source.reading { try RowSalvage(source.path, new: new).insert(into: new) }
        let byteCount = try new.read { db in
            try Int.fetchOne(db, sql: "SELECT sum(byte_count) FROM chunk") ?? 0
        }
        let throttled = progress.map { ThrottledProgress($0, total: byteCount) }
        let chunks = try translatingErrors {
            try ChunkInspection(new.store).damagedRows { throttled?.add($0) }
        }
        var cleanup = RegistryCleanup(new, damagedChunks: chunks)
        try cleanup.run()
        let counts = try new.read { db in
            (
                versions: try Int.fetchOne(db, sql: "SELECT count(*) FROM version WHERE deleted_at IS NULL")
                    ?? 0,
                runs: try Int.fetchOne(db, sql: "SELECT count(*) FROM run") ?? 0
            )
        }
        guard counts.versions + counts.runs > 0 else {
            throw RegistryError.damaged(
                RegistryError.Damage(problem: "no version and no run can be found in \(quoted(damaged))"))
        }
        // Checks all rows before it deletes any.
        try new.collectGarbage()
        try new.write { db in
            try EventTable.insert(
                db, "salvage", at: Timestamp.now(), detail: "{\"lost\":\(cleanup.losses.count)}")
        }
        try new.close()
        try temporary.publish(as: path, mayReplace: mayReplace)
        return SalvageReport(
            versionCount: counts.versions, runCount: counts.runs, damagedPageCount: found.damagedPageCount,
            damagedRowCount: found.damagedRowCount, restoredRowCount: found.restoredRowCount,
            losses: cleanup.losses)
    }
}

/// A damaged file, or a copy of it with its journal rolled back.
private struct SalvageSource {
    let path: String
    private let copy: TemporarySibling?

    /// - Parameter target: Where there is space for a copy.
    init(_ path: String, beside target: String) throws {
        let journal = path + "-journal"
        guard access(path, F_OK) == 0 else { throw FileError(path: path, operation: .open, code: errno) }
        guard access(journal, F_OK) == 0 else {
            self.path = path
            copy = nil
            return
        }
        let copy = try TemporarySibling(of: target)
        self.copy = copy
        self.path = copy.path
        do {
            try SalvageSource.copy(path, to: copy.path)
            try SalvageSource.copy(journal, to: copy.path + "-journal")
        } catch {
            remove()
            throw error
        }
        // Rolls an interrupted transaction back, where it can.
        _ = try? Registry(path: copy.path, create: false, packsInBackground: false).close()
    }

    private static func copy(_ source: String, to target: String) throws {
        let bytes = try MappedFile(path: source)
        let output = try OutputFile(path: target, byteCount: bytes.byteCount, mayReplace: true)
        bytes.withUnsafeBytes { output.bytes.copyMemory(from: $0) }
        try output.commit()
    }

    func remove() {
        guard let copy else { return }
        unlink(path + "-journal")
        copy.remove()
    }

    /// Calls `body` while nobody writes to the file, as far as it can be locked.
    func reading<Result>(_ body: () throws -> Result) throws -> Result {
        guard let registry = try? Registry(path: path, create: false, isReadOnly: true) else {
            return try body()
        }
        var result: Result?
        var failure: (any Error)?
        _ = try? registry.read { db in
            // The transaction begins with the first statement.
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master")
            do { result = try body() } catch { failure = error }
        }
        if let failure { throw failure }
        return try result ?? body()
    }
}
