import ChunkStore
import Foundations
import GRDB
import Glibc
import Tensors

/// A registry file that was written.
public struct ArchiveReport: Hashable, Sendable {
    /// Where it is.
    public let path: String
    /// Its length.
    public let byteCount: Int
    /// Number of versions in it.
    public let versionCount: Int
    /// Number of runs in it.
    public let runCount: Int
}

extension Registry {
    /// Writes models, versions or all there is to a registry file of its own, with everything they need.
    ///
    /// It is a registry like any other, and ``merge(_:options:progress:)`` brings it back in. Numbers stay as they are,
    /// history and the next numbers too. Chunks are copied as they are encoded.
    ///
    /// - Parameters:
    ///   - path: Where; the file appears when it is complete, and is on the disk when this returns.
    ///   - models: Which models. With no models and no versions, all there is, without what `gc` would remove.
    ///   - versions: Which versions, such as `mlp:v3`, beside those models.
    ///   - mayReplace: Whether a file that is there already gives way.
    /// - Throws: ``RegistryError``, ``FileError``; then there is no file at `path` that was not there before.
    @discardableResult
    public func archive(
        to path: String, models: [String] = [], versions: [String] = [], mayReplace: Bool = false,
        progress: ProgressHandler? = nil
    ) throws -> ArchiveReport {
        if !mayReplace, access(path, F_OK) == 0 { throw FileError(path: path, operation: .write, code: EEXIST) }
        let temporary = try TemporarySibling(of: path)
        defer { temporary.remove() }
        let copy = try Registry(path: temporary.path, packsInBackground: false)
        let isWhole = models.isEmpty && versions.isEmpty
        var options = MergeOptions(models: isWhole ? nil : models, versions: versions.isEmpty ? nil : versions)
        options.isArchiving = true
        try copy.merge(self, options: options, progress: progress)
        let counts = try copy.read { db in
            (
                versions: try Int.fetchOne(db, sql: "SELECT count(*) FROM version") ?? 0,
                runs: try Int.fetchOne(db, sql: "SELECT count(*) FROM run") ?? 0
            )
        }
        try copy.close()
        try temporary.publish(as: path, mayReplace: mayReplace)
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileError(path: path, operation: .open, code: errno) }
        return ArchiveReport(
            path: path, byteCount: Int(status.st_size), versionCount: counts.versions, runCount: counts.runs)
    }
}
