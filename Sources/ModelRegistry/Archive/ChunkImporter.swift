import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Synchronization
import TensorCodec

/// Copies chunks from another registry as they are encoded there, after each has been decoded and compared with its
/// hash.
struct ChunkImporter {
    private let ours: Registry
    private let source: MergeSource
    private let progress: ProgressHandler?
    /// Protects what has come in until versions name it.
    let unfinished: UnfinishedWrite

    /// Chunks that one worker decodes one from the other, at most. A chain is eight deltas long, as a rule.
    private static let treeNodeCount = 32

    init(ours: Registry, source: MergeSource, progress: ProgressHandler?) {
        self.ours = ours
        self.source = source
        self.progress = progress
        unfinished = UnfinishedWrite(ours.store)
    }

    /// Chunks of which each but the first is a difference from one before it.
    private struct Tree: Sendable {
        var nodes: [(chunk: MissingChunk, base: Int?)] = []

        var storedByteCount: Int { nodes.reduce(0) { $0 + $1.chunk.location.storedByteCount } }
        var byteCount: Int { nodes.reduce(0) { $0 + $1.chunk.location.byteCount } }
    }

    /// Copies chunks; what has come in meanwhile is left out.
    ///
    /// - Throws: ``MergeSourceError`` where a chunk is damaged, ``RegistryError``.
    func copy(_ chunks: [MissingChunk], _ report: inout MergeReport) throws {
        let byID = Dictionary(chunks.map { ($0.location.contentID, $0) }) { first, _ in first }
        var children: [ContentID: [MissingChunk]] = [:]
        var roots: [MissingChunk] = []
        for chunk in chunks {
            if let base = chunk.location.base?.contentID, byID[base] != nil {
                children[base, default: []].append(chunk)
            } else {
                roots.append(chunk)
            }
        }
        let throttled = progress.map {
            ThrottledProgress($0, total: chunks.reduce(0) { $0 + $1.location.byteCount })
        }
        let rules = try ours.packingRules().delta
        let writer = BackgroundWriter()
        let rejected = Mutex<[ContentID]>([])
        var next = 0
        while next < roots.count {
            try Task.checkCancellation()
            // As many trees as fill a transaction with their encoded bytes.
            var trees: [Tree] = []
            var byteCount = 0
            while next < roots.count, byteCount < LockPolicy.batchByteCount {
                let (tree, rest) = tree(roots[next], children)
                next += 1
                trees.append(tree)
                roots += rest
                byteCount += tree.storedByteCount
            }
            let proven = try source.catching { _ in
                try ConcurrentMap.map(trees, ChunkImporter.prove).flatMap { $0 }
            }
            report.chunkCount += proven.count
            report.storedByteCount += proven.reduce(0) { $0 + $1.encoded.count }
            try writer.enqueue { [ours, unfinished] in
                let more = try ours.write { db in
                    try unfinished.begin(db)
                    return try DeltaInsertion.insert(proven, db, rules: rules)
                }
                rejected.withLock { $0 += more }
            }
            for tree in trees { throttled?.add(tree.byteCount) }
        }
        try writer.finish()
        try writeAnew(rejected.withLock { $0 }.compactMap { byID[$0] })
    }

    /// The chunks below a root, as many as one worker takes, and those that are roots of their own then.
    private func tree(
        _ root: MissingChunk, _ children: [ContentID: [MissingChunk]]
    ) -> (Tree, rest: [MissingChunk]) {
        var tree = Tree()
        var rest: [MissingChunk] = []
        // Depth first, so that few decoded chunks are held at once.
        var stack: [(MissingChunk, base: Int?)] = [(root, nil)]
        while let (chunk, base) = stack.popLast() {
            guard tree.nodes.count < ChunkImporter.treeNodeCount else {
                rest.append(chunk)
                continue
            }
            tree.nodes.append((chunk, base))
            let index = tree.nodes.count - 1
            for child in children[chunk.location.contentID] ?? [] { stack.append((child, index)) }
        }
        return (tree, rest)
    }

    /// Decodes the chunks of a tree, each by way of what was decoded before, and compares them with their hashes.
    private static func prove(_ tree: Tree) throws -> [DeltaInsertion.Chunk] {
        let (encoded, found) = try tree.nodes[0].chunk.session.load(tree.nodes.map(\.chunk.location))
        var decoded: [[UInt8]?] = Array(repeating: nil, count: tree.nodes.count)
        // The last node that needs each one: after it, its decoded bytes go.
        var lastUse = Array(tree.nodes.indices)
        for (index, node) in tree.nodes.enumerated() { if let base = node.base { lastUse[base] = index } }
        return try zip(tree.nodes, found).enumerated().map { index, pair in
            let (node, location) = pair
            var bytes = [UInt8](repeating: 0, count: location.byteCount)
            try bytes.withUnsafeMutableBytes { target in
                try ChainDecoder.with { decoder in
                    guard let base = node.base, let known = decoded[base] else {
                        return try decoder.decode(location, from: encoded, into: target)
                    }
                    try known.withUnsafeBytes { known in
                        let chunk = KnownChunk(id: tree.nodes[base].chunk.location.contentID, bytes: known)
                        try decoder.decode(location, from: encoded, into: target, knowing: chunk)
                    }
                }
            }
            guard ContentID(hashing: bytes) == location.contentID else {
                throw StoreDamage(chunk: location.contentID, problem: "it does not match its hash")
            }
            if lastUse[index] > index { decoded[index] = bytes }
            if let base = node.base, lastUse[base] == index { decoded[base] = nil }
            return DeltaInsertion.Chunk(
                record: ChunkRecord(
                    id: location.contentID, checksum: location.checksum, byteCount: location.byteCount,
                    codec: location.codec, storedByteCount: location.storedByteCount,
                    base: location.base?.contentID), encoded: [UInt8](try encoded[location]))
        }
    }

    /// Encodes anew what cannot come in as it is, and inserts it.
    private func writeAnew(_ chunks: [MissingChunk]) throws {
        guard !chunks.isEmpty else { return }
        let writer = ChunkWriter(ours.store, unfinished)
        do {
            try ConcurrentMap.forEach(chunks) { chunk in
                let bytes = ChunkWriter.Source(byteCount: chunk.location.byteCount, kind: chunk.kind) {
                    target in
                    try source.catching { _ in try chunk.session.read(chunk.location, into: target) }
                }
                try writer.add(
                    [bytes],
                    isWanted: { _, id in
                        guard id == chunk.location.contentID else {
                            throw MergeSourceError(
                                damage: RegistryError.Damage(
                                    chunk: chunk.location.contentID, problem: "it does not match its hash"))
                        }
                        return true
                    }, look: { _, _ in })
            }
        } catch {
            writer.abandon()
            throw error
        }
        try writer.finish { _ in }
    }
}
