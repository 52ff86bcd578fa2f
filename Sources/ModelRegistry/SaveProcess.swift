import CKernels
import Checkpoints
import Dispatch
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

    /// Chunks encoded between two looks at the batch's size.
    private static let encodingRunCount = 32

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

    /// A chunk ready to be inserted.
    private struct Encoded {
        let id: ContentID
        let checksum: UInt32
        let byteCount: Int
        let chunk: EncodedChunk
    }

    func run(
        as model: String, options: SaveOptions, recipe: FileRecipe?, progress: ProgressHandler?
    ) throws -> SaveResult {
        let manifest = Manifest(plan, ids: hashes.leaves)
        let health = plan.storedTensors.isEmpty ? [:] : try healthOfNewTensors()
        var newByteCount = 0
        var storedByteCount = 0
        let insertion = VersionInsertion(
            plan: plan, hashes: hashes, manifest: manifest, health: health, model: model, options: options,
            recipe: recipe)
        // A gc of another process may remove chunks between batches, before the version needs them: look again.
        while true {
            let missing = try registry.read { db in try missingChunks(db) }
            let total = missing.reduce(0) { $0 + byteCount(of: $1) }
            let last = try insertAllButLastBatch(of: missing, total: total, progress: progress)
            let version = try registry.write { db -> (Version, String?)? in
                try insert(last, db)
                guard try missingChunks(db).isEmpty else { return nil }
                return try insertion.insert(db)
            }
            newByteCount += total
            storedByteCount += encodedByteCount.withLock { $0 }
            if let (version, same) = version {
                return SaveResult(
                    version: version, sameContentAs: same, newByteCount: newByteCount,
                    storedByteCount: storedByteCount,
                    keepsSourceFile: options.sourceFile == nil ? nil : recipe != nil)
            }
        }
    }

    private let encodedByteCount = Mutex(0)

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

    private func encode(_ job: Job) throws -> Encoded {
        let stored = plan.storedTensors[job.stored]
        return try stored.withUnsafeBytes(ofChunk: job.index) { bytes in
            do {
                let chunk = try ProvenEncoder.with(.fast) { encoder in
                    try encoder.encode(bytes, as: ElementKind(stored.dtype))
                }
                return Encoded(
                    id: job.id, checksum: mr_crc32c(0, bytes.baseAddress, bytes.count), byteCount: bytes.count,
                    chunk: chunk)
            } catch var damage as RegistryError.Damage {
                damage.chunk = job.id
                throw RegistryError.damaged(damage)
            }
        }
    }

    /// Encodes all of `jobs`, inserts full batches, and returns what is left for the version's transaction.
    private func insertAllButLastBatch(
        of jobs: [Job], total: Int, progress: ProgressHandler?
    ) throws -> [Encoded] {
        encodedByteCount.withLock { $0 = 0 }
        var batch: [Encoded] = []
        var batchByteCount = 0
        var done = 0
        let writer = BackgroundWriter()
        for start in stride(from: 0, to: jobs.count, by: SaveProcess.encodingRunCount) {
            let run = Array(jobs[start..<min(start + SaveProcess.encodingRunCount, jobs.count)])
            let encoded = try ConcurrentMap.map(run) { try self.encode($0) }
            let byteCount = encoded.reduce(0) { $0 + $1.chunk.bytes.count }
            encodedByteCount.withLock { $0 += byteCount }
            batch += encoded
            batchByteCount += byteCount
            done += run.reduce(0) { $0 + self.byteCount(of: $1) }
            progress?(done, total)
            if batchByteCount >= PackTable.batchByteCount, start + run.count < jobs.count {
                let full = batch
                try writer.enqueue { try self.registry.write { db in try self.insert(full, db) } }
                batch = []
                batchByteCount = 0
            }
        }
        try writer.finish()
        return batch
    }

    // MARK: Inserting

    private func insert(_ batch: [Encoded], _ db: Database) throws {
        guard !batch.isEmpty else { return }
        // Another process may have saved the same chunk meanwhile.
        let insertChunk = try db.cachedStatement(
            sql: """
                INSERT INTO chunk (content_id, checksum, byte_count, codec, pack, pack_offset, stored_byte_count)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content_id) DO NOTHING
                """)
        let places = try PackTable.insert(
            db, byteCounts: batch.map(\.chunk.bytes.count), bytes: { batch[$0].chunk.bytes })
        for (encoded, place) in zip(batch, places) {
            try insertChunk.execute(arguments: [
                encoded.id.data, Int64(encoded.checksum), encoded.byteCount,
                Int(encoded.chunk.codec.rawValue), place.pack, place.offset, encoded.chunk.bytes.count,
            ])
        }
    }

    // MARK: Health

    private func healthOfNewTensors() throws -> [Int: TensorHealth] {
        let known = try registry.read { db in
            let statement = try db.cachedStatement(sql: "SELECT 1 FROM tensor WHERE content_id = ?")
            return try hashes.stored.map { try Bool.fetchOne(statement, arguments: [$0.id.data]) == true }
        }
        var seen: Set<ContentID> = []
        let new = hashes.stored.indices.filter { !known[$0] && seen.insert(hashes.stored[$0].id).inserted }
        let healths = ConcurrentMap.map(new) { index in
            self.plan.storedTensors[index].withUnsafeBytes { bytes in
                TensorHealth(of: bytes, dtype: self.plan.storedTensors[index].dtype)
            }
        }
        return Dictionary(uniqueKeysWithValues: zip(new, healths))
    }
}
