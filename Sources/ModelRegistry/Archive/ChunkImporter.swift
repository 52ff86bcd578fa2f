import CKernels
import Checkpoints
import Foundations
import GRDB
import Synchronization
import TensorCodec

/// Copies chunks from another registry as they are encoded there, after each has been decoded and compared with its
/// hash.
struct ChunkImporter {
    private let ours: Registry
    private let theirs: Database
    private let progress: ProgressHandler?

    /// Chunks that one worker decodes one from the other, at most. A chain is eight deltas long, as a rule.
    private static let treeNodeCount = 32

    init(ours: Registry, theirs: Database, progress: ProgressHandler?) {
        self.ours = ours
        self.theirs = theirs
        self.progress = progress
    }

    /// A chunk that is what its hash says.
    private struct Proven: Sendable {
        let chunk: MissingChunk
        let location: ChunkLocation
        let bytes: [UInt8]
    }

    /// Chunks of which each but the first is a difference from one before it.
    private struct Tree: Sendable {
        var nodes: [(chunk: MissingChunk, location: ChunkLocation, base: Int?)] = []
    }

    /// Copies chunks; what has come in meanwhile is left out.
    ///
    /// - Throws: ``MergeSourceError`` where a chunk is damaged, ``RegistryError``.
    func copy(_ chunks: [MissingChunk], _ report: inout MergeReport) throws {
        let byID = Dictionary(chunks.map { ($0.rowID, $0) }) { first, _ in first }
        var children: [Int64: [MissingChunk]] = [:]
        var roots: [MissingChunk] = []
        for chunk in chunks {
            if let base = chunk.base, byID[base] != nil {
                children[base, default: []].append(chunk)
            } else {
                roots.append(chunk)
            }
        }
        var finder = try MergeSourceError.catching { try ChunkFinder(theirs) }
        var doneCount = 0
        var doneByteCount = 0
        let total = chunks.reduce(0) { $0 + $1.byteCount }
        var next = 0
        let writer = BackgroundWriter()
        var counted = (chunks: 0, bytes: 0)
        let keyframes = RejectedChunks()
        while next < roots.count {
            // So many trees that their encoded bytes fill a transaction.
            var trees: [Tree] = []
            var byteCount = 0
            while next < roots.count, byteCount < PackTable.batchByteCount {
                let (tree, rest) = try MergeSourceError.catching {
                    try self.tree(roots[next], children, &finder)
                }
                next += 1
                trees.append(tree)
                roots += rest
                byteCount += tree.nodes.reduce(0) { $0 + $1.location.storedByteCount }
            }
            let packs = PackReader(theirs)
            let proven = try MergeSourceError.catching {
                try ConcurrentMap.map(trees) { try ChunkImporter.prove($0, packs) }.flatMap { $0 }
            }
            doneCount += proven.count
            doneByteCount += proven.reduce(0) { $0 + $1.location.byteCount }
            counted.chunks += proven.count
            counted.bytes += proven.reduce(0) { $0 + $1.bytes.count }
            let ours = ours
            try writer.enqueue {
                let rejected = try ours.write { db in try ChunkImporter.insert(proven, db) }
                keyframes.add(rejected)
            }
            progress?(min(doneByteCount, total), total)
        }
        try writer.finish()
        guard doneCount == byID.count else {
            throw MergeSourceError(damage: RegistryError.Damage(problem: "its deltas form a cycle"))
        }
        try insertRejected(keyframes.all)
        report.chunkCount += counted.chunks
        report.storedByteCount += counted.bytes
    }

    /// The chunks below a root, as many as one worker takes, and those that are roots of their own then.
    private func tree(
        _ root: MissingChunk, _ children: [Int64: [MissingChunk]], _ finder: inout ChunkFinder
    ) throws -> (Tree, rest: [MissingChunk]) {
        var tree = Tree()
        var rest: [MissingChunk] = []
        // Depth first, so that few decoded chunks are held at once.
        var stack: [(MissingChunk, base: Int?)] = [(root, nil)]
        while let (chunk, base) = stack.popLast() {
            guard tree.nodes.count < ChunkImporter.treeNodeCount else {
                rest.append(chunk)
                continue
            }
            guard let location = try finder.chunk(chunk.rowID) else {
                throw RegistryError.Damage(chunk: chunk.contentID, problem: "its row is missing")
            }
            tree.nodes.append((chunk, location, base))
            let index = tree.nodes.count - 1
            for child in children[chunk.rowID] ?? [] { stack.append((child, index)) }
        }
        return (tree, rest)
    }

    /// Decodes the chunks of a tree, each by way of what was decoded before, and compares them with their hashes.
    private static func prove(_ tree: Tree, _ packs: PackReader) throws -> [Proven] {
        let decoder = ChunkDecoder()
        var decoded: [[UInt8]?] = Array(repeating: nil, count: tree.nodes.count)
        // The last node that needs each one: after it, its decoded bytes go.
        var lastUse = Array(tree.nodes.indices)
        for (index, node) in tree.nodes.enumerated() { if let base = node.base { lastUse[base] = index } }
        var proven: [Proven] = []
        for (index, node) in tree.nodes.enumerated() {
            let location = node.location
            do {
                var encoded = [UInt8](repeating: 0, count: location.storedByteCount)
                try encoded.withUnsafeMutableBytes {
                    try packs.read(pack: location.pack, offset: location.packOffset, into: $0)
                }
                var bytes = [UInt8](repeating: 0, count: location.byteCount)
                let base = node.base.flatMap { decoded[$0] }
                try bytes.withUnsafeMutableBytes { target in
                    if let base {
                        guard base.count == target.count else {
                            throw RegistryError.Damage(problem: "its base has another length")
                        }
                        try base.withUnsafeBytes { base in
                            try encoded.withUnsafeBytes {
                                try decoder.decode($0, codec: location.codec, base: base, into: target)
                            }
                        }
                    } else {
                        try ChainDecoder.pool.withWorker { try $0.decode(location, from: packs, into: target) }
                    }
                }
                let checksum = bytes.withUnsafeBytes { mr_crc32c(0, $0.baseAddress, $0.count) }
                guard ContentID(hashing: bytes) == node.chunk.contentID, checksum == location.checksum else {
                    throw RegistryError.Damage(problem: "it does not match its hash")
                }
                if lastUse[index] > index { decoded[index] = bytes }
                if let base = node.base, lastUse[base] == index { decoded[base] = nil }
                proven.append(Proven(chunk: node.chunk, location: location, bytes: encoded))
            } catch let error as CodecError {
                throw RegistryError.Damage(chunk: node.chunk.contentID, problem: "\(error)")
            } catch var damage as RegistryError.Damage {
                damage.chunk = damage.chunk ?? node.chunk.contentID
                throw damage
            }
        }
        return proven
    }

    /// Inserts chunks with the encodings that they have, in one transaction.
    ///
    /// - Returns: Deltas from what is not here, or in chains that would be too deep.
    private static func insert(_ chunks: [Proven], _ db: Database) throws -> [MissingChunk] {
        let find = try db.cachedStatement(sql: "SELECT id, depth FROM chunk WHERE content_id = ?")
        let maximumDepth = try PackingRules(db).maximumDepth
        var depths: [ContentID: Int] = [:]
        var accepted: [Proven] = []
        var rejected: [MissingChunk] = []
        for chunk in chunks {
            guard depths[chunk.chunk.contentID] == nil,
                try Row.fetchOne(find, arguments: [chunk.chunk.contentID.data]) == nil
            else { continue }
            var depth = 0
            if let base = chunk.location.base {
                let known =
                    try depths[base.contentID]
                    ?? Row.fetchOne(find, arguments: [base.contentID.data])?.value("depth", as: Int.self)
                guard let known, known < maximumDepth else {
                    rejected.append(chunk.chunk)
                    continue
                }
                depth = known + 1
            }
            depths[chunk.chunk.contentID] = depth
            accepted.append(chunk)
        }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO chunk
                  (content_id, checksum, byte_count, codec, base, depth, pack, pack_offset, stored_byte_count)
                VALUES (?, ?, ?, ?, (SELECT id FROM chunk WHERE content_id = ?), ?, ?, ?, ?)
                """)
        let places = try PackTable.insert(
            db, byteCounts: accepted.map(\.bytes.count), bytes: { accepted[$0].bytes })
        for (chunk, place) in zip(accepted, places) {
            let location = chunk.location
            try insert.execute(arguments: [
                location.contentID.data, Int64(location.checksum), location.byteCount,
                Int(location.codec.rawValue), location.base?.contentID.data, depths[location.contentID],
                place.pack, place.offset, chunk.bytes.count,
            ])
        }
        return rejected
    }

    /// Encodes anew what cannot come in as it is, and inserts it.
    private func insertRejected(_ chunks: [MissingChunk]) throws {
        var rest = chunks[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(32))
            rest = rest.dropFirst(part.count)
            var finder = try MergeSourceError.catching { try ChunkFinder(theirs) }
            let jobs = try MergeSourceError.catching {
                try part.compactMap { chunk in try finder.chunk(chunk.rowID).map { (chunk, $0) } }
            }
            let packs = PackReader(theirs)
            let encoded = try MergeSourceError.catching {
                try ConcurrentMap.map(jobs) { chunk, location in
                    var bytes = [UInt8](repeating: 0, count: location.byteCount)
                    try bytes.withUnsafeMutableBytes { target in
                        try ChainDecoder.pool.withWorker { try $0.decode(location, from: packs, into: target) }
                    }
                    guard ContentID(hashing: bytes) == chunk.contentID else {
                        throw RegistryError.Damage(
                            chunk: chunk.contentID, problem: "it does not match its hash")
                    }
                    return try bytes.withUnsafeBytes { bytes in
                        try ProvenEncoder.with(.fast) { try $0.encode(bytes, as: chunk.kind) }
                    }
                }
            }
            try ours.write { db in
                let insert = try db.cachedStatement(
                    sql: """
                        INSERT INTO chunk (content_id, checksum, byte_count, codec, pack, pack_offset, stored_byte_count)
                        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content_id) DO NOTHING
                        """)
                let places = try PackTable.insert(
                    db, byteCounts: encoded.map(\.bytes.count), bytes: { encoded[$0].bytes })
                for ((job, new), place) in zip(zip(jobs, encoded), places) {
                    try insert.execute(arguments: [
                        job.1.contentID.data, Int64(job.1.checksum), job.1.byteCount, Int(new.codec.rawValue),
                        place.pack, place.offset, new.bytes.count,
                    ])
                }
                try PackTable.deleteEmpty(db, among: Set(places.map(\.pack)))
            }
        }
    }
}

/// Chunks that wait to be encoded anew, noted from the background.
private final class RejectedChunks: Sendable {
    private let chunks = Mutex<[MissingChunk]>([])

    func add(_ more: [MissingChunk]) { chunks.withLock { $0 += more } }

    var all: [MissingChunk] { chunks.withLock { $0 } }
}
