import Checkpoints
import Foundations
package import GRDB
package import TensorCodec

/// A chunk that may be encoded in another way.
package struct RecodingJob: Sendable {
    /// What is wanted.
    package enum Aim: Sendable {
        /// Fewer bytes than now, or all stays as it is.
        case shorter
        /// Not a delta from its present base: the base shall go, or the chunk shall load fast.
        case otherBase
    }

    package let chunk: Int64
    /// The chunk to try a delta from.
    package let base: Int64?
    /// Length of the chunk.
    package let byteCount: Int
    package let kind: ElementKind
    package let aim: Aim
    /// Whether a keyframe may come out; always so where the base must change.
    package let triesKeyframe: Bool

    package init(
        chunk: Int64, base: Int64?, byteCount: Int, kind: ElementKind, aim: Aim, triesKeyframe: Bool
    ) {
        self.chunk = chunk
        self.base = base
        self.byteCount = byteCount
        self.kind = kind
        self.aim = aim
        self.triesKeyframe = triesKeyframe
    }
}

/// A new encoding, proven outside of any transaction, to be stored in one.
package struct Recoding: Sendable {
    fileprivate let job: RecodingJob
    /// What the chunk's row said when its bytes were read.
    fileprivate let old: ChunkLocation
    fileprivate let baseID: ContentID?
    fileprivate let codec: ChunkCodec
    fileprivate let storedByteCount: Int
    /// `nil` where only the length is wanted.
    fileprivate let bytes: [UInt8]?

    /// Bytes before and after.
    package var change: (from: Int, to: Int) { (old.storedByteCount, storedByteCount) }
    package var isDelta: Bool { baseID != nil }
}

/// Encodes chunks anew: reads them in a transaction, encodes and proves outside, stores in a transaction that
/// checks that nothing has changed meanwhile.
package struct ChunkRecoder: Sendable {
    private let store: ChunkStore
    private let effort: EncodingEffort
    private let keepsOnlyByteCounts: Bool

    /// - Parameter keepsOnlyByteCounts: Whether only to find out how long encodings are.
    package init(_ store: ChunkStore, effort: EncodingEffort, keepsOnlyByteCounts: Bool = false) {
        self.store = store
        self.effort = effort
        self.keepsOnlyByteCounts = keepsOnlyByteCounts
    }

    /// Decoded bytes of the chunks handled at once. With all that they are differences from, several times that is
    /// in memory.
    private static let byteCountAtOnce = 24 << 20

    private struct Loaded: Sendable {
        let job: RecodingJob
        let chunk: ChunkLocation
        let base: ChunkLocation?
    }

    /// The new encodings of the first of `jobs`, as many as are handled at once. What need not change is left out.
    ///
    /// - Returns: The encodings, and how many jobs have been looked at: one at least.
    /// - Throws: ``StoreError``. A damaged chunk is no error: it stays as it is.
    package func recode(_ jobs: ArraySlice<RecodingJob>) throws -> (recodings: [Recoding], jobCount: Int) {
        let (loaded, source, jobCount) = try store.read { db in try load(jobs, db) }
        let recodings = try ConcurrentMap.map(loaded) { try recode($0, from: source) }
        return (recodings.compactMap { $0 }, jobCount)
    }

    private func load(_ jobs: ArraySlice<RecodingJob>, _ db: Database) throws
        -> ([Loaded], EncodedBytes, Int)
    {
        var finder = try ChunkFinder(db)
        let packs = PackReader(db)
        let source = EncodedBytes()
        var loaded: [Loaded] = []
        var jobCount = 0
        var byteCount = 0
        for job in jobs {
            if byteCount >= ChunkRecoder.byteCountAtOnce { break }
            byteCount += job.byteCount
            jobCount += 1
            do {
                guard let chunk = try finder.chunk(job.chunk) else { continue }
                let base = try job.base.flatMap { try finder.chunk($0) }
                guard base == nil || base?.byteCount == chunk.byteCount else { continue }
                try source.read(chunk, from: packs)
                if let base { try source.read(base, from: packs) }
                loaded.append(Loaded(job: job, chunk: chunk, base: base))
            } catch is StoreDamage {
                continue
            }
        }
        return (loaded, source, jobCount)
    }

    /// - Returns: `nil` where the chunk stays as it is.
    private func recode(_ loaded: Loaded, from source: EncodedBytes) throws -> Recoding? {
        do {
            return try ChainDecoder.with { decoder in
                let count = loaded.chunk.byteCount
                let chunk = try [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
                    try decoder.decode(loaded.chunk, from: source, into: UnsafeMutableRawBufferPointer(buffer))
                    written = count
                }
                let base = try loaded.base.map { base in
                    try [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
                        try decoder.decode(base, from: source, into: UnsafeMutableRawBufferPointer(buffer))
                        written = count
                    }
                }
                return try ProvenEncoder.with(effort) { encoder in
                    try encode(loaded, chunk, base, encoder)
                }
            }
        } catch is StoreDamage {
            return nil
        }
    }

    private func encode(
        _ loaded: Loaded, _ chunk: [UInt8], _ base: [UInt8]?, _ encoder: ProvenEncoder
    ) throws -> Recoding? {
        let job = loaded.job
        var best: (encoded: EncodedChunk, baseID: ContentID?)?
        try chunk.withUnsafeBytes { chunk in
            if let base, let baseID = loaded.base?.contentID {
                let delta = try base.withUnsafeBytes { base in
                    try encoder.encodeDelta(chunk, from: base, as: job.kind)
                }
                // Raw: no shorter than the chunk itself, and no delta.
                best = (delta, delta.codec.needsBase ? baseID : nil)
            }
            if job.triesKeyframe || job.aim == .otherBase {
                let keyframe = try encoder.encode(chunk, as: job.kind)
                if keyframe.bytes.count <= best?.encoded.bytes.count ?? .max { best = (keyframe, nil) }
            }
        }
        guard let (encoded, baseID) = best else { return nil }
        if job.aim == .shorter, encoded.bytes.count >= loaded.chunk.storedByteCount { return nil }
        return Recoding(
            job: job, old: loaded.chunk, baseID: baseID, codec: encoded.codec,
            storedByteCount: encoded.bytes.count, bytes: keepsOnlyByteCounts ? nil : encoded.bytes)
    }

    // MARK: Storing

    /// Stores new encodings where their chunks are still as they were read, and deletes the packs that become empty.
    ///
    /// - Returns: The encodings that were stored, and the packs that chunks moved out of.
    package func store(_ recodings: [Recoding], _ db: Database, rules: DeltaRules) throws
        -> (stored: [Recoding], oldPacks: Set<Int64>)
    {
        let graph = try DeltaGraph(db, store.needs)
        let find = try db.cachedStatement(
            sql: "SELECT content_id, codec, base, pack, pack_offset FROM chunk WHERE id = ?")
        // Tested and linked one by one: each may change the depths that the next one meets.
        let link = try db.cachedStatement(sql: "UPDATE chunk SET base = ?, depth = ? WHERE id = ?")
        let place = try db.cachedStatement(
            sql: "UPDATE chunk SET codec = ?, pack = ?, pack_offset = ?, stored_byte_count = ? WHERE id = ?")
        var stored: [Recoding] = []
        var oldPacks: Set<Int64> = []
        for recoding in recodings {
            let id = recoding.job.chunk
            let old = recoding.old
            guard let row = try Row.fetchOne(find, arguments: [id]),
                try row.contentID("content_id") == old.contentID,
                try row.value("codec", as: Int.self) == Int(old.codec.rawValue),
                try row.value("pack", as: Int64.self) == old.pack,
                try row.value("pack_offset", as: Int.self) == old.packOffset
            else { continue }
            if let baseID = recoding.baseID, let base = recoding.job.base {
                guard let row = try Row.fetchOne(find, arguments: [base]),
                    try row.contentID("content_id") == baseID
                else { continue }
                let chain = try graph.bases(of: base)
                guard base != id, !chain.contains(id), try !graph.isNeededFast(id),
                    rules.allowDelta(height: try graph.height(of: id), baseDepth: chain.count)
                else { continue }
                try link.execute(arguments: [base, chain.count + 1, id])
                try graph.updateDepths(below: id, depth: chain.count + 1)
            } else {
                try link.execute(arguments: [nil, 0, id])
                try graph.updateDepths(below: id, depth: 0)
            }
            stored.append(recoding)
            oldPacks.insert(old.pack)
        }
        let places = try PackTable.insert(
            db, byteCounts: stored.map(\.storedByteCount),
            bytes: stored.contains { $0.bytes == nil } ? nil : { stored[$0].bytes ?? [] })
        for (recoding, new) in zip(stored, places) {
            try place.execute(arguments: [
                Int(recoding.codec.rawValue), new.pack, new.offset, recoding.storedByteCount,
                recoding.job.chunk,
            ])
        }
        try PackTable.deleteEmpty(db, among: oldPacks)
        return (stored, oldPacks)
    }
}
