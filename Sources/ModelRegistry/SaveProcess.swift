import CKernels
import Checkpoints
import GRDB
import Synchronization
import TensorCodec
import Tensors

/// One save, from hashing to the version's row.
///
/// All chunks are hashed first, so that known ones are found with one look at the registry. New ones are encoded
/// on all cores outside the lock, decoded again, compared, and inserted in batches while the next ones are
/// encoded. The version's row goes in last, in the transaction that sees everything it needs in place.
final class SaveProcess: Sendable {
    private let registry: Registry
    private let plan: SavePlan
    private let hashes: SavePlan.Hashes
    /// What was seen of chunks while they were encoded, by tensor and chunk.
    private let healths = Mutex<[Int: [Int: ChunkHealth]]>([:])

    init(registry: Registry, plan: SavePlan) {
        self.registry = registry
        self.plan = plan
        hashes = plan.hashes()
    }

    /// Where a chunk to encode comes from.
    private struct Job {
        let id: ContentID
        let stored: Int
        let index: Int
    }

    func run(
        as model: String, options: SaveOptions, recipe: FileRecipe?, progress: ProgressHandler?
    ) throws -> SaveResult {
        let manifest = Manifest(plan, ids: hashes.leaves)
        let sourceFile = options.sourceFile.flatMap { source in
            recipe.map {
                NewSourceFile(
                    name: source.name, format: source.format, byteCount: source.file.byteCount,
                    recipe: $0.encoded)
            }
        }
        var newByteCount = 0
        var storedByteCount = 0
        // A gc of another process may remove chunks between batches, before the version needs them: look again.
        while true {
            let missing = try registry.read { db in try missingChunks(db) }
            let total = missing.reduce(0) { $0 + byteCount(of: $1) }
            let (rest, encodedByteCount) = try encode(missing, total: total, progress: progress)
            let insertion = VersionInsertion(
                manifest: manifest, leaves: plan.leaves, tensors: try newTensors(), model: model,
                options: options, sourceFile: sourceFile)
            let version = try registry.write { db -> (Version, String?)? in
                try NewPack.insert(rest, db)
                guard try missingChunks(db).isEmpty else { return nil }
                return try insertion.insert(db)
            }
            newByteCount += total
            storedByteCount += encodedByteCount
            if let (version, same) = version {
                return SaveResult(
                    version: version, sameContentAs: same, newByteCount: newByteCount,
                    storedByteCount: storedByteCount,
                    keepsSourceFile: options.sourceFile == nil ? nil : recipe != nil)
            }
        }
    }

    private func byteCount(of job: Job) -> Int {
        Chunking.range(ofChunk: job.index, byteCount: plan.storedTensors[job.stored].byteCount).count
    }

    /// The plan's chunks that the registry does not have, each once.
    private func missingChunks(_ db: Database) throws -> [Job] {
        let tensorKnown = try db.cachedStatement(sql: "SELECT 1 FROM tensor WHERE content_id = ?")
        let chunkKnown = try db.cachedStatement(sql: "SELECT 1 FROM chunk WHERE content_id = ?")
        var seen: Set<ContentID> = []
        var missing: [Job] = []
        for (stored, hash) in hashes.stored.enumerated() {
            // A tensor's row holds on to its chunks.
            if try Bool.fetchOne(tensorKnown, arguments: [hash.id.data]) == true { continue }
            for (index, id) in hash.chunks.enumerated() where seen.insert(id).inserted {
                if try Bool.fetchOne(chunkKnown, arguments: [id.data]) == true { continue }
                missing.append(Job(id: id, stored: stored, index: index))
            }
        }
        return missing
    }

    // MARK: Encoding

    /// Encodes chunks on all cores, and inserts full batches of them meanwhile.
    ///
    /// - Returns: What is left for the version's transaction, and the encoded bytes of all.
    private func encode(
        _ jobs: [Job], total: Int, progress: ProgressHandler?
    ) throws -> (rest: [NewPack], encodedByteCount: Int) {
        let pipeline = PackPipeline { packs in
            try self.registry.write { db in try NewPack.insert(packs, db) }
        }
        let done = Mutex(0)
        do {
            try ConcurrentMap.forEach(jobs) { job in
                try self.encode(job, into: pipeline)
                guard let progress else { return }
                done.withLock { done in
                    done += self.byteCount(of: job)
                    progress(done, total)
                }
            }
            return try pipeline.finish()
        } catch {
            pipeline.abandon()
            throw error
        }
    }

    /// Encodes a chunk, proves that it decodes, and looks at its numbers while they are at hand.
    private func encode(_ job: Job, into pipeline: PackPipeline) throws {
        let stored = plan.storedTensors[job.stored]
        try stored.withUnsafeBytes(ofChunk: job.index) { bytes in
            do {
                try ProvenEncoder.with(.fast) { encoder in
                    let encoded = try encoder.encodeInPlace(bytes, as: ElementKind(stored.dtype))
                    let checksum = mr_crc32c(0, bytes.baseAddress, bytes.count)
                    let chunk = NewChunk(
                        id: job.id, checksum: checksum, byteCount: bytes.count, codec: encoded.codec)
                    try pipeline.add(chunk, encoded.bytes)
                }
                guard let health = ChunkHealth(of: bytes, dtype: stored.dtype) else { return }
                healths.withLock { $0[job.stored, default: [:]][job.index] = health }
            } catch var damage as RegistryError.Damage {
                damage.chunk = job.id
                throw RegistryError.damaged(damage)
            }
        }
    }

    // MARK: Health

    private func newTensors() throws -> [NewTensor] {
        let healths = try healthOfNewTensors()
        return zip(plan.storedTensors, hashes.stored).enumerated().map { index, pair in
            NewTensor(
                id: pair.1.id, dtype: pair.0.dtype, shape: pair.0.shape, byteCount: pair.0.byteCount,
                chunks: pair.1.chunks, health: healths[index])
        }
    }

    /// The health of tensors that the registry does not have yet, by index.
    private func healthOfNewTensors() throws -> [Int: TensorHealth] {
        guard !plan.storedTensors.isEmpty else { return [:] }
        let known = try registry.read { db in
            let statement = try db.cachedStatement(sql: "SELECT 1 FROM tensor WHERE content_id = ?")
            return try hashes.stored.map { try Bool.fetchOne(statement, arguments: [$0.id.data]) == true }
        }
        var seen: Set<ContentID> = []
        let new = hashes.stored.indices.filter { !known[$0] && seen.insert(hashes.stored[$0].id).inserted }
        let chunkHealths = healths.withLock { $0 }
        let found = ConcurrentMap.map(new) { index in
            self.plan.storedTensors[index].withUnsafeBytes { bytes in
                TensorHealth(
                    of: bytes, dtype: self.plan.storedTensors[index].dtype, known: chunkHealths[index] ?? [:])
            }
        }
        return Dictionary(uniqueKeysWithValues: zip(new, found))
    }
}
