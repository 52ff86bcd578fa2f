import CKernels
import Checkpoints
import Foundations
import GRDB
import Glibc
import Synchronization
import TensorCodec
import Tensors

/// One save, from hashing to the version's row.
///
/// All chunks are hashed first, so that known ones are found with one look at the registry, and new ones are encoded
/// on all cores outside the lock, decoded again, compared, and inserted in batches while the next ones are encoded.
/// Where a sample finds nothing known, as of a model that was trained since, each chunk is encoded as soon as it
/// has a name. The version's row goes in last, in the transaction that sees everything it needs in place.
final class SaveProcess: Sendable {
    private let registry: Registry
    private let plan: SavePlan
    /// What was seen of chunks while they were encoded, by tensor and chunk.
    private let healths = Mutex<[Int: [Int: ChunkHealth]]>([:])
    private let inserted = Mutex(InsertedBytes())

    init(registry: Registry, plan: SavePlan) {
        self.registry = registry
        self.plan = plan
    }

    /// A chunk to encode.
    private struct Job {
        let id: ContentID
        let place: ChunkPlace
    }

    func run(
        as model: String, options: SaveOptions, recipe: FileRecipe?, progress: ProgressHandler?
    ) throws -> SaveResult {
        var (hashes, rest) = try hashAndEncode(progress)
        let manifest = Manifest(plan, ids: hashes.leaves)
        let sourceFile = options.sourceFile.flatMap { source in
            recipe.map {
                NewSourceFile(
                    name: source.name, format: source.format, byteCount: source.file.byteCount,
                    recipe: $0.encoded)
            }
        }
        // Waits for it here rather than with the lock held.
        _ = options.environment
        while true {
            let insertion = VersionInsertion(
                manifest: manifest, leaves: plan.leaves, tensors: try newTensors(hashes), model: model,
                options: options, sourceFile: sourceFile)
            let version = try insert(rest) { db -> (Version, String?)? in
                guard try missingChunks(db, hashes).isEmpty else { return nil }
                return try insertion.insert(db)
            }
            if let (version, same) = version {
                let inserted = inserted.withLock { $0 }
                return SaveResult(
                    version: version, sameContentAs: same, newByteCount: inserted.decoded,
                    storedByteCount: inserted.stored,
                    keepsSourceFile: options.sourceFile == nil ? nil : recipe != nil)
            }
            // A gc of another process removed chunks between batches, before the version needed them.
            rest = try encodeMissing(hashes, progress)
        }
    }

    /// Inserts packs, then calls `body`, in one transaction.
    private func insert<Result>(_ packs: [NewPack], _ body: (Database) throws -> Result) throws -> Result {
        let (result, bytes) = try registry.write { db in
            var bytes = InsertedBytes()
            for pack in packs { bytes += try pack.insert(db) }
            return (try body(db), bytes)
        }
        inserted.withLock { $0 += bytes }
        return result
    }

    // MARK: Hashing

    /// Names everything, and encodes what the registry does not have.
    ///
    /// - Returns: The names, and packs that are left for the version's transaction.
    private func hashAndEncode(_ progress: ProgressHandler?) throws -> (SavePlan.Hashes, [NewPack]) {
        let pairs = plan.chunkPairs()
        guard try looksNew(pairs) else {
            let hashes = plan.hashes()
            return (hashes, try encodeMissing(hashes, progress))
        }
        let total = plan.storedTensors.reduce(0) { $0 + $1.byteCount }
        let seen = Mutex<Set<ContentID>>([])
        let ids = Mutex<[ChunkPlace: ContentID]>([:])
        let rest = try encode(pairs, total: total, progress: progress) { pair in
            let pairIDs = self.plan.contentIDs(of: pair)
            ids.withLock { ids in for (place, id) in zip(pair, pairIDs) { ids[place] = id } }
            return seen.withLock { seen in
                zip(pairIDs, pair).filter { seen.insert($0.0).inserted }.map(Job.init)
            }
        }
        return (plan.hashes(ids.withLock { $0 }), rest)
    }

    /// Whether the registry has none of a few of the chunks, all over the model. Encoding one that it has after all
    /// costs time only.
    private func looksNew(_ pairs: [[ChunkPlace]]) throws -> Bool {
        let sampleCount = 8
        guard pairs.count >= 4 * sampleCount else { return false }
        let sample = (0..<sampleCount).map { pairs[$0 * (pairs.count - 1) / (sampleCount - 1)] }
        let ids = ConcurrentMap.map(sample, plan.contentIDs).joined()
        return try registry.read { db in
            let isKnown = try db.cachedStatement(sql: "SELECT 1 FROM chunk WHERE content_id = ?")
            return try ids.allSatisfy { try Bool.fetchOne(isKnown, arguments: [$0.data]) == nil }
        }
    }

    /// The plan's chunks that the registry does not have, each once.
    private func missingChunks(_ db: Database, _ hashes: SavePlan.Hashes) throws -> [Job] {
        let tensorKnown = try db.cachedStatement(sql: "SELECT 1 FROM tensor WHERE content_id = ?")
        let chunkKnown = try db.cachedStatement(sql: "SELECT 1 FROM chunk WHERE content_id = ?")
        var seen: Set<ContentID> = []
        var missing: [Job] = []
        for (stored, hash) in hashes.stored.enumerated() {
            // A tensor's row holds on to its chunks.
            if try Bool.fetchOne(tensorKnown, arguments: [hash.id.data]) == true { continue }
            for (index, id) in hash.chunks.enumerated() where seen.insert(id).inserted {
                if try Bool.fetchOne(chunkKnown, arguments: [id.data]) == true { continue }
                missing.append(Job(id: id, place: ChunkPlace(stored: stored, index: index)))
            }
        }
        return missing
    }

    // MARK: Encoding

    /// Encodes the chunks that the registry does not have.
    private func encodeMissing(_ hashes: SavePlan.Hashes, _ progress: ProgressHandler?) throws -> [NewPack] {
        let missing = try registry.read { db in try missingChunks(db, hashes) }
        let total = missing.reduce(0) { $0 + plan.byteCount(of: $1.place) }
        return try encode(missing, total: total, progress: progress) { [$0] }
    }

    /// Encodes chunks on all cores, and inserts full batches of them meanwhile.
    ///
    /// - Parameter jobs: The chunks to encode for each of `elements`, which may take long to find.
    /// - Returns: What is left for the version's transaction.
    private func encode<Element: Sendable>(
        _ elements: [Element], total: Int, progress: ProgressHandler?,
        jobs: @Sendable (Element) -> [Job]
    ) throws -> [NewPack] {
        registry.contention.reset()
        let pipeline = PackPipeline(contention: registry.contention) { batch in
            let bytes = try self.registry.write(batch.insert)
            self.inserted.withLock { $0 += bytes }
        }
        let done = Mutex(0)
        do {
            try ConcurrentMap.forEach(elements) { element in
                for job in jobs(element) {
                    try self.encode(job, into: pipeline)
                    guard let progress else { continue }
                    done.withLock { done in
                        done += self.plan.byteCount(of: job.place)
                        progress(done, total)
                    }
                }
            }
            // Equal chunks are encoded once.
            if let progress, done.withLock({ $0 < total }) { progress(total, total) }
            return try pipeline.finish().rest
        } catch {
            pipeline.abandon()
            throw error
        }
    }

    /// Encodes a chunk, proves that it decodes, and looks at its numbers while they are at hand.
    private func encode(_ job: Job, into pipeline: PackPipeline) throws {
        let dtype = plan.storedTensors[job.place.stored].dtype
        try plan.withUnsafeBytes(of: job.place) { bytes in
            do {
                let checksum = mr_crc32c(0, bytes.baseAddress, bytes.count)
                try pipeline.add { target in
                    let (codec, byteCount) = try ProvenEncoder.with(.fast) { encoder in
                        try encoder.encode(bytes, as: ElementKind(dtype), into: target)
                    }
                    let chunk = NewChunk(id: job.id, checksum: checksum, byteCount: bytes.count, codec: codec)
                    return (chunk, byteCount)
                }
                guard let health = ChunkHealth(of: bytes, dtype: dtype) else { return }
                healths.withLock { $0[job.place.stored, default: [:]][job.place.index] = health }
            } catch var damage as RegistryError.Damage {
                damage.chunk = job.id
                throw RegistryError.damaged(damage)
            }
        }
    }

    // MARK: Health

    private func newTensors(_ hashes: SavePlan.Hashes) throws -> [NewTensor] {
        let healths = try healthOfNewTensors(hashes)
        return zip(plan.storedTensors, hashes.stored).enumerated().map { index, pair in
            NewTensor(
                id: pair.1.id, dtype: pair.0.dtype, shape: pair.0.shape, byteCount: pair.0.byteCount,
                chunks: pair.1.chunks, health: healths[index])
        }
    }

    /// The health of tensors that the registry does not have yet, by index.
    private func healthOfNewTensors(_ hashes: SavePlan.Hashes) throws -> [Int: TensorHealth] {
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
