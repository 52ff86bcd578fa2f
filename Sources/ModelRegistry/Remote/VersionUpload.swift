import CKernels
import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Remotes
import Synchronization
import TensorCodec

/// Sends the chunks of one version that a repository lacks, in packs.
///
/// Each chunk is decoded and compared with its id before it is sent: a push that succeeded is readable by anyone.
final class VersionUpload {
    private let registry: Registry
    private let store: any BlobStore
    private let content: VersionContent
    private let tensors: [(row: TensorRow, chunks: [ChunkLocation], health: TensorHealth)]
    private let session: ReadSession
    /// What of the version has to be at the remote, each after its base.
    private let plan: [Planned]
    private let packByteCount: Int
    /// Encoded bytes of the packs that were sent, tables included.
    private(set) var sentByteCount = 0
    private(set) var sentChunkCount = 0

    private struct Planned: Sendable {
        let location: ChunkLocation
        let kind: ElementKind
    }

    /// Decoded bytes of the chunks handled at once.
    private static let byteCountAtOnce = 24 << 20
    /// A chain at a remote, at most.
    private static let maximumDepth = 8

    /// Finds the chunks of a version.
    ///
    /// - Throws: ``RegistryError``; one for a thinned version.
    init(_ registry: Registry, _ version: Version, to store: any BlobStore) throws {
        self.registry = registry
        self.store = store
        (content, tensors, session) = try registry.read { db in
            let content = try VersionContent(db, version)
            try content.checkPresent(Array(repeating: true, count: content.leaves.count))
            var finder = try ChunkFinder(db)
            var seen: Set<Int64> = []
            var tensors: [(row: TensorRow, chunks: [ChunkLocation], health: TensorHealth)] = []
            for leaf in content.leaves {
                guard case .tensor(let row, _, _) = leaf.content, seen.insert(row.rowID).inserted else {
                    continue
                }
                try locatingDamage(version: version.reference, path: leaf.path) {
                    tensors.append(
                        (
                            row, try TensorChunkTable.chunks(of: row, &finder, db),
                            try TensorTable.health(db, row: row.rowID)
                        ))
                }
            }
            return (content, tensors, try ReadSession(registry.store, db))
        }
        var planned: [Planned] = []
        var byID: [ContentID: Planned] = [:]
        var order: [ContentID] = []
        for tensor in tensors {
            for chunk in tensor.chunks where byID[chunk.contentID] == nil {
                byID[chunk.contentID] = Planned(location: chunk, kind: ElementKind(tensor.row.dtype))
                order.append(chunk.contentID)
            }
        }
        var done: Set<ContentID> = []
        for id in order {
            // From the chunk down to what is not planned or done, then up again.
            var chain: [Planned] = []
            var next = byID[id]
            while let link = next, done.insert(link.location.contentID).inserted {
                chain.append(link)
                next = link.location.base.flatMap { byID[$0.contentID] }
            }
            planned += chain.reversed()
        }
        plan = planned
        let total = planned.reduce(0) { $0 + $1.location.storedByteCount }
        // At most 256 packs for a version, so that its manifest stays within what registries take.
        let step = 16 << 20
        packByteCount = min(512 << 20, max(64 << 20, (total / 256 + step - 1) / step * step))
    }

    /// The chunks, as if they were at the remote: for a rehearsal.
    var plannedChunks: [RemoteChunk] {
        plan.map { planned in
            RemoteChunk(
                id: planned.location.contentID, byteCount: planned.location.byteCount,
                checksum: planned.location.checksum, codec: .raw, base: nil, pack: planned.location.contentID,
                packByteCount: 0, range: 0..<0)
        }
    }

    /// The chunks that `known` lacks.
    func missing(_ known: KnownChunks) -> (count: Int, byteCount: Int) {
        plan.reduce((0, 0)) { sum, planned in
            guard known[planned.location.contentID] == nil else { return sum }
            return (sum.0 + 1, sum.1 + planned.location.storedByteCount)
        }
    }

    /// Sends packs with the chunks that `known` lacks.
    ///
    /// - Parameter known: Gets them.
    func send(_ known: inout KnownChunks, progress: (@Sendable (Int) -> Void)?) throws {
        let missing = plan.filter { known[$0.location.contentID] == nil }
        let writer = BackgroundWriter()
        var pack = ChunkPack()
        func close() throws {
            // Not a copy: a pack has 64 MiB.
            var full = ChunkPack()
            swap(&full, &pack)
            let (blob, chunks) = full.finish()
            known.add(chunks)
            sentByteCount += blob.bytes.count
            sentChunkCount += chunks.count
            try writer.enqueue { [store] in
                // One that an interrupted push has sent is there.
                if try store.byteCount(of: blob.digest) == blob.bytes.count {
                    progress?(blob.bytes.count)
                } else {
                    try store.write(blob, progress: progress)
                }
            }
        }
        var depths: [ContentID: Int] = [:]
        var rest = missing[...]
        while !rest.isEmpty {
            try Task.checkCancellation()
            var byteCount = 0
            let batch = Array(
                rest.prefix { planned in
                    defer { byteCount += planned.location.byteCount }
                    return byteCount < VersionUpload.byteCountAtOnce
                })
            rest = rest.dropFirst(batch.count)
            let (encoded, found) = try explaining { try self.session.load(batch.map(\.location)) }
            let isKept = found.map { chunk in
                guard let base = chunk.base?.contentID else {
                    depths[chunk.contentID] = 0
                    return true
                }
                let depth = depths[base] ?? (known[base] == nil ? nil : known.depth(base))
                guard let depth, depth < VersionUpload.maximumDepth else {
                    depths[chunk.contentID] = 0
                    return false
                }
                depths[chunk.contentID] = depth + 1
                return true
            }
            let records = try explaining {
                try ConcurrentMap.map(Array(batch.indices)) { index in
                    try VersionUpload.record(found[index], batch[index].kind, encoded, isKept: isKept[index])
                }
            }
            for record in records {
                if pack.byteCount > 64, pack.byteCount + record.bytes.count > packByteCount { try close() }
                record.bytes.withUnsafeBytes { bytes in
                    pack.append(
                        id: record.chunk.contentID, byteCount: record.chunk.byteCount,
                        checksum: record.chunk.checksum, codec: record.codec, base: record.base, encoded: bytes)
                }
            }
        }
        if !pack.entries.isEmpty { try close() }
        try writer.finish()
    }

    private struct Record: Sendable {
        let chunk: ChunkLocation
        let codec: ChunkCodec
        let base: ContentID?
        let bytes: [UInt8]
    }

    /// A chunk as it is sent, after it was decoded and compared with its id.
    private static func record(
        _ chunk: ChunkLocation, _ kind: ElementKind, _ encoded: EncodedBytes, isKept: Bool
    ) throws -> Record {
        let bytes = try [UInt8](unsafeUninitializedCapacity: chunk.byteCount) { buffer, count in
            try ChainDecoder.with {
                try $0.decode(chunk, from: encoded, into: UnsafeMutableRawBufferPointer(buffer))
            }
            count = chunk.byteCount
        }
        guard ContentID(hashing: bytes) == chunk.contentID else {
            throw StoreDamage(chunk: chunk.contentID, problem: "it does not match its hash")
        }
        if isKept {
            return Record(
                chunk: chunk, codec: chunk.codec, base: chunk.base?.contentID,
                bytes: [UInt8](try encoded[chunk]))
        }
        let keyframe = try bytes.withUnsafeBytes { bytes in
            try ProvenEncoder.with(.fast) { try $0.encode(bytes, as: kind) }
        }
        return Record(chunk: chunk, codec: keyframe.codec, base: nil, bytes: keyframe.bytes)
    }

    private func explaining<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try locatingDamage(version: content.version.reference, body)
        } catch is ChunkGone {
            throw RegistryError.deletedMeanwhile(version: content.version.reference)
        }
    }

    /// The tree, once all chunks are known.
    func tree(_ known: KnownChunks) throws -> (tree: VersionTree, packs: [(id: ContentID, byteCount: Int)]) {
        var chunks: [RemoteChunk] = []
        var indices: [ContentID: Int] = [:]
        for planned in plan {
            var chain: [RemoteChunk] = []
            var next = known[planned.location.contentID]
            while let link = next, indices[link.id] == nil, chain.count <= ChunkLocation.maximumDepth {
                chain.append(link)
                next = link.base.flatMap { known[$0] }
            }
            for link in chain.reversed() {
                indices[link.id] = chunks.count
                chunks.append(link)
            }
        }
        var numbers: [Int64: Int] = [:]
        let stored = tensors.enumerated().map { index, tensor in
            numbers[tensor.row.rowID] = index
            return VersionTree.StoredTensor(
                dtype: tensor.row.dtype, shape: tensor.row.shape, id: tensor.row.contentID,
                chunks: tensor.chunks.compactMap { indices[$0.contentID] },
                health: VersionTree.Health(tensor.health))
        }
        var leaves: [SavePlan.Leaf] = []
        var leafIDs: [ContentID?] = []
        for leaf in content.leaves {
            switch leaf.content {
            case .value(let value):
                leaves.append(.value(value))
                leafIDs.append(nil)
            case .tensor(let row, let view, let id):
                leaves.append(.tensor(stored: numbers[row.rowID] ?? 0, view: view, role: leaf.role))
                leafIDs.append(id)
            case .dropped: preconditionFailure("\(leaf.path) was dropped")
            }
        }
        let source = try registry.read { db in
            try SourceFileTable.sourceFile(db, version: content.version.rowID)
        }
        let tree = VersionTree(
            structure: content.structure, tensors: stored, leaves: leaves, leafIDs: leafIDs,
            sourceFile: source.map {
                VersionTree.SourceFile(
                    name: $0.name, format: $0.format, byteCount: $0.byteCount, recipe: $0.recipe)
            },
            chunks: chunks)
        var packs: [(id: ContentID, byteCount: Int)] = []
        var seen: Set<ContentID> = []
        for chunk in chunks where seen.insert(chunk.pack).inserted {
            packs.append((chunk.pack, chunk.packByteCount))
        }
        return (tree, packs)
    }
}
