import Checkpoints
import ChunkStore
import GRDB
import TensorCodec
import Tensors

/// A chunk of the other registry that is not in this one.
struct MissingChunk: Sendable {
    let location: ChunkLocation
    let kind: ElementKind
    /// Reads it.
    let session: ReadSession
}

/// Finds the chunks of versions of another registry that are not in this one.
struct ContentSource {
    private let source: MergeSource
    private let ours: Registry

    init(_ source: MergeSource, ours: Registry) {
        self.source = source
        self.ours = ours
    }

    private struct TensorSource {
        let row: Int64
        let id: ContentID
        let kind: ElementKind
    }

    /// Tensors that are looked at in one transaction, about.
    private static let tensorCountAtOnce = 10_000

    /// The missing chunks, each once.
    ///
    /// - Throws: ``MergeSourceError``, ``RegistryError``.
    func missingChunks(of versions: [Version]) throws -> [MissingChunk] {
        var seenTensors: Set<Int64> = []
        var seenChunks: Set<ContentID> = []
        var missing: [MissingChunk] = []
        var rest = versions[...]
        while !rest.isEmpty {
            var tensors: [TensorSource] = []
            while let version = rest.first, tensors.count < ContentSource.tensorCountAtOnce {
                tensors += try self.tensors(of: version).filter { seenTensors.insert($0.row).inserted }
                rest = rest.dropFirst()
            }
            let known = try ours.read { db in try TensorTable.known(tensors.map(\.id), db) }
            let chunks = try chunks(of: tensors.filter { !known.contains($0.id) })
                .filter { seenChunks.insert($0.location.contentID).inserted }
            let ids = try ours.store.missing(chunks.lazy.map(\.location.contentID))
            missing += chunks.filter { ids.contains($0.location.contentID) }
        }
        return missing
    }

    private func tensors(of version: Version) throws -> [TensorSource] {
        try source.read { theirs in
            let find = try theirs.cachedStatement(
                sql: """
                    SELECT DISTINCT tensor.id, tensor.content_id, tensor.dtype FROM parameter
                    JOIN tensor ON tensor.id = parameter.tensor WHERE version = ?
                    """)
            return try Row.fetchAll(find, arguments: [version.rowID]).map { row in
                guard let dtype = DType(rawValue: try row.value("dtype")) else {
                    throw RegistryError.Damage(version: version.reference, problem: "unknown element type")
                }
                return TensorSource(
                    row: try row.value("id"), id: try row.contentID("content_id"), kind: ElementKind(dtype))
            }
        }
    }

    private func chunks(of tensors: [TensorSource]) throws -> [MissingChunk] {
        try source.read { theirs in
            let session = try ReadSession(source.registry.store, theirs)
            var finder = try ChunkFinder(theirs)
            return try tensors.flatMap { tensor in
                try TensorChunkTable.rows(of: tensor.row, theirs).map { row in
                    guard let location = try finder.chunk(row) else {
                        throw RegistryError.Damage(problem: "a chunk's row is missing")
                    }
                    return MissingChunk(location: location, kind: tensor.kind, session: session)
                }
            }
        }
    }
}
