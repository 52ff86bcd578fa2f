import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Remotes
import TensorCodec

/// Brings chunks of a remote in as they are encoded there, after each has been decoded and compared with its id.
struct RemoteChunkImporter {
    private let ours: Registry
    private let store: any BlobStore
    /// Protects what has come in until versions name it.
    let unfinished: UnfinishedWrite
    private let progress: (@Sendable (Int) -> Void)?

    /// Decoded bytes of the chunks that are handled at once.
    private static let byteCountAtOnce = 32 << 20

    /// - Parameter unfinished: That of an importer for the same version; `nil` for a new one.
    init(
        ours: Registry, store: any BlobStore, sharing unfinished: UnfinishedWrite? = nil,
        progress: (@Sendable (Int) -> Void)?
    ) {
        self.ours = ours
        self.store = store
        self.progress = progress
        self.unfinished = unfinished ?? UnfinishedWrite(ours.store)
    }

    /// Of some chunks of a tree and those that they are decoded by way of: the ones that are not here, by depth.
    ///
    /// Those of one level are differences from chunks of earlier levels, or from chunks that are here.
    func missing(_ wanted: Set<ContentID>, of tree: VersionTree) throws -> [[RemoteChunk]] {
        let all = Dictionary(tree.chunks.map { ($0.id, $0) }) { first, _ in first }
        var candidates: Set<ContentID> = []
        for id in wanted {
            var next = all[id]
            while let chunk = next, candidates.insert(chunk.id).inserted {
                next = chunk.base.flatMap { all[$0] }
            }
        }
        let absent = try ours.store.missing(candidates)
        var needed: Set<ContentID> = []
        for id in wanted {
            // A base is needed only as long as nothing above it is here.
            var next = all[id]
            while let chunk = next, absent.contains(chunk.id), needed.insert(chunk.id).inserted {
                next = chunk.base.flatMap { all[$0] }
            }
        }
        var levels: [[RemoteChunk]] = []
        var depths: [ContentID: Int] = [:]
        for chunk in tree.chunks where needed.contains(chunk.id) {
            let depth = chunk.base.flatMap { depths[$0] }.map { $0 + 1 } ?? 0
            depths[chunk.id] = depth
            while levels.count <= depth { levels.append([]) }
            levels[depth].append(chunk)
        }
        return levels
    }

    /// Fetches, proves and inserts chunks.
    ///
    /// - Parameter kinds: What the chunks are of, for those that have to be encoded anew.
    /// - Returns: Number of chunks, and their encoded bytes.
    func copy(
        _ levels: [[RemoteChunk]], kinds: [ContentID: ElementKind]
    ) throws -> (chunkCount: Int, byteCount: Int) {
        var total = (chunkCount: 0, byteCount: 0)
        let rules = try ours.packingRules().delta
        for level in levels {
            var rest = PackRanges(level).requests[...]
            while !rest.isEmpty {
                try Task.checkCancellation()
                var byteCount = 0
                let batch = Array(
                    rest.prefix { request in
                        defer { byteCount += request.decodedByteCount }
                        return byteCount < RemoteChunkImporter.byteCountAtOnce
                    })
                rest = rest.dropFirst(batch.count)
                let fetched = try ConcurrentMap.map(batch) { try self.fetch($0) }
                let bases = try self.bases(of: batch.flatMap(\.chunks))
                let pieces = zip(batch, fetched).flatMap { request, bytes in
                    request.chunks.map { Piece(chunk: $0, bytes: bytes, start: request.range.lowerBound) }
                }
                let proven = try ConcurrentMap.map(pieces) { piece in try self.prove(piece, bases) }
                let rejected = try ours.write { db in
                    try unfinished.begin(db)
                    return try DeltaInsertion.insert(proven.map(\.chunk), db, rules: rules)
                }
                try writeAnew(Set(rejected), proven, kinds)
                total.chunkCount += proven.count
                total.byteCount += proven.reduce(0) { $0 + $1.chunk.encoded.count }
                progress?(proven.reduce(0) { $0 + $1.chunk.encoded.count })
            }
        }
        return total
    }

    private func fetch(_ request: PackRanges.Request) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(request.range.count)
        try store.read(request.pack, byteCount: request.packByteCount, range: request.range) { part in
            bytes.append(contentsOf: part)
        }
        guard bytes.count == request.range.count else {
            throw RemoteError.damaged(
                store.name, problem: "\(bytes.count) bytes where \(request.range.count) were asked for")
        }
        return bytes
    }

    /// The decoded chunks of this registry that others are differences from.
    private func bases(of chunks: [RemoteChunk]) throws -> [ContentID: [UInt8]] {
        let wanted = Set(chunks.compactMap(\.base))
        guard !wanted.isEmpty else { return [:] }
        let (locations, session) = try ours.read { db in
            var finder = try ChunkFinder(db)
            return (try wanted.compactMap { try finder.chunk($0) }, try ReadSession(ours.store, db))
        }
        let decoded = try translatingErrors {
            try ConcurrentMap.map(locations) { location in
                var bytes = [UInt8](repeating: 0, count: location.byteCount)
                try bytes.withUnsafeMutableBytes { try session.read(location, into: $0) }
                return (location.contentID, bytes)
            }
        }
        return Dictionary(decoded) { first, _ in first }
    }

    private struct Piece: Sendable {
        let chunk: RemoteChunk
        let bytes: [UInt8]
        let start: Int
    }

    private struct Proven: Sendable {
        let chunk: DeltaInsertion.Chunk
        /// Kept for differences only, which may have to be encoded anew.
        let decoded: [UInt8]?
    }

    private func prove(_ piece: Piece, _ bases: [ContentID: [UInt8]]) throws -> Proven {
        let chunk = piece.chunk
        func damaged(_ problem: String) -> RemoteError {
            .damaged(store.name, problem: "\(problem) (\(chunk.id.hex.prefix(12))…)")
        }
        let range = (chunk.range.lowerBound - piece.start)..<(chunk.range.upperBound - piece.start)
        let encoded = Array(piece.bytes[range])
        let base = try chunk.base.map { id in
            guard let base = bases[id], base.count == chunk.byteCount else {
                throw damaged("a chunk whose base has gone")
            }
            return base
        }
        let record = ChunkRecord(
            id: chunk.id, checksum: chunk.checksum, byteCount: chunk.byteCount, codec: chunk.codec,
            storedByteCount: encoded.count, base: chunk.base)
        do {
            let decoded = try ProvenDecoder.decoded(record, encoded, base: base)
            return Proven(
                chunk: DeltaInsertion.Chunk(record: record, encoded: encoded),
                decoded: chunk.base == nil ? nil : decoded)
        } catch let damage as StoreDamage {
            throw damaged(damage.problem)
        }
    }

    /// Writes chunks as keyframes whose differences would make chains too long.
    private func writeAnew(_ rejected: Set<ContentID>, _ proven: [Proven], _ kinds: [ContentID: ElementKind])
        throws
    {
        guard !rejected.isEmpty else { return }
        let writer = ChunkWriter(ours.store, unfinished)
        do {
            for proven in proven where rejected.contains(proven.chunk.record.id) {
                guard let bytes = proven.decoded else { continue }
                let kind = kinds[proven.chunk.record.id] ?? .bytes
                let source = ChunkWriter.Source(byteCount: bytes.count, kind: kind) {
                    $0.copyBytes(from: bytes)
                }
                try writer.add([source], isWanted: { _, _ in true }, look: { _, _ in })
            }
        } catch {
            writer.abandon()
            throw error
        }
        try writer.finish { _ in }
    }
}
