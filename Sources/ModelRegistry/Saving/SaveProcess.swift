import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Synchronization
import TensorCodec
import Tensors

/// One save, from the names of chunks to the version's row.
///
/// All chunks are named first, so that known ones are found with one look at the registry, and new ones are encoded on all
/// cores outside the lock. Where a sample finds nothing known, as of a model that was trained since, each chunk is encoded
/// as soon as it has a name. The version's row goes in last, in the transaction that sees everything it needs in place.
final class SaveProcess: Sendable {
    private let registry: Registry
    private let plan: SavePlan
    private let unfinished: UnfinishedWrite
    /// The health of chunks that were written, by tensor and chunk.
    private let healths = Mutex<[Int: [Int: ChunkHealth]]>([:])

    init(registry: Registry, plan: SavePlan) {
        self.registry = registry
        self.plan = plan
        unfinished = UnfinishedWrite(registry.store)
    }

    func run(
        as model: String, options: SaveOptions, recipe: FileRecipe?, progress: ProgressHandler?
    ) throws -> SaveResult {
        do {
            return try save(as: model, options: options, recipe: recipe, progress: progress)
        } catch {
            unfinished.abandon()
            throw error
        }
    }

    private func save(
        as model: String, options: SaveOptions, recipe: FileRecipe?, progress: ProgressHandler?
    ) throws -> SaveResult {
        var (hashes, writer) = try nameAndWrite(progress)
        var written = WrittenBytes()
        let manifest = Manifest(plan, ids: hashes.leaves)
        let sourceFile = options.sourceFile.flatMap { source in
            recipe.map {
                NewSourceFile(
                    name: source.name, format: source.format, byteCount: source.byteCount,
                    recipe: $0.encoded)
            }
        }
        // Waits for it here rather than with the lock held.
        _ = options.environment
        while true {
            let insertion = VersionInsertion(
                manifest: manifest, leaves: plan.leaves, tensors: try newTensors(hashes), model: model,
                options: options, sourceFile: sourceFile)
            let version = try writer.finish { db -> (Version, String?)? in
                let known = try TensorTable.rows(of: hashes.stored.map(\.id), db)
                guard try missingChunks(db, hashes, known).isEmpty else { return nil }
                for file in plan.files { try file.requireUnchanged() }
                for file in options.sourceFile?.files ?? [] { try file.requireUnchanged() }
                let inserted = try insertion.insert(db, known: known)
                try unfinished.end(db)
                return inserted
            }
            written += writer.writtenBytes
            if let (version, same) = version {
                return SaveResult(
                    version: version, sameContentAs: same, newByteCount: written.decoded,
                    storedByteCount: written.stored,
                    keepsSourceFile: options.sourceFile == nil ? nil : recipe != nil)
            }
            // A gc removed chunks that were here before the save began, and that nobody needed until now.
            writer = try writeMissing(hashes, progress)
        }
    }

    // MARK: Writing

    /// Names everything, and writes what the registry does not have.
    private func nameAndWrite(_ progress: ProgressHandler?) throws -> (SavePlan.Hashes, ChunkWriter) {
        let pairs = plan.chunkPairs()
        guard try looksNew(pairs) else {
            let hashes = try plan.hashes()
            return (hashes, try writeMissing(hashes, progress))
        }
        let seen = Mutex<Set<ContentID>>([])
        let ids = Mutex<[ChunkPlace: ContentID]>([:])
        let writer = try write(pairs, progress) { pair, writer in
            let pairIDs = try writer.add(
                pair.map(source), isWanted: { _, id in seen.withLock { $0.insert(id).inserted } },
                look: { index, bytes in look(at: pair[index], bytes) })
            ids.withLock { ids in for (place, id) in zip(pair, pairIDs) { ids[place] = id } }
        }
        return (try plan.hashes(ids.withLock { $0 }), writer)
    }

    /// Whether the registry has none of a few of the chunks, all over the model. Encoding one that it has after all
    /// costs time only.
    private func looksNew(_ pairs: [[ChunkPlace]]) throws -> Bool {
        let sampleCount = 8
        guard pairs.count >= 4 * sampleCount else { return false }
        let sample = (0..<sampleCount).map { pairs[$0 * (pairs.count - 1) / (sampleCount - 1)] }
        let ids = try Set(ConcurrentMap.map(sample) { try plan.contentIDs(of: $0) }.joined())
        return try registry.store.missing(ids).count == ids.count
    }

    /// Writes the chunks that the registry does not have.
    private func writeMissing(_ hashes: SavePlan.Hashes, _ progress: ProgressHandler?) throws -> ChunkWriter {
        let missing = try registry.read { db in
            try missingChunks(db, hashes, TensorTable.rows(of: hashes.stored.map(\.id), db))
        }
        return try write(missing.map { [$0.place] }, progress) { places, writer in
            let place = places[0]
            let expected = hashes.stored[place.stored].chunks[place.index]
            try writer.add(
                [source(place)],
                isWanted: { _, id in
                    // The bytes are read a second time.
                    guard id == expected else {
                        for file in plan.files { try file.requireUnchanged() }
                        throw ContentChangedError()
                    }
                    return true
                }, look: { _, bytes in look(at: place, bytes) })
        }
    }

    /// Writes chunks on all cores.
    ///
    /// - Parameter add: Adds some places to the writer.
    /// - Returns: The writer, to be finished with the version's rows.
    private func write(
        _ places: [[ChunkPlace]], _ progress: ProgressHandler?,
        add: @Sendable ([ChunkPlace], ChunkWriter) throws -> Void
    ) throws -> ChunkWriter {
        let writer = ChunkWriter(registry.store, unfinished, isEager: true)
        let total = places.joined().reduce(0) { $0 + plan.byteCount(of: $1) }
        let throttled = progress.map { ThrottledProgress($0, total: total) }
        do {
            try ConcurrentMap.forEach(places) { places in
                try Task.checkCancellation()
                try add(places, writer)
                throttled?.add(places.reduce(0) { $0 + plan.byteCount(of: $1) })
            }
            return writer
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func source(_ place: ChunkPlace) -> ChunkWriter.Source {
        ChunkWriter.Source(
            byteCount: plan.byteCount(of: place), kind: ElementKind(plan.storedTensors[place.stored].dtype)
        ) { [plan] target in try plan.copyBytes(of: place, into: target) }
    }

    /// Looks at a chunk's numbers while they are at hand.
    private func look(at place: ChunkPlace, _ bytes: UnsafeRawBufferPointer) {
        guard let health = ChunkHealth(of: bytes, dtype: plan.storedTensors[place.stored].dtype) else { return }
        healths.withLock { $0[place.stored, default: [:]][place.index] = health }
    }

    /// The plan's chunks that the registry does not have, each once.
    ///
    /// - Parameter known: The rows of its tensors.
    private func missingChunks(_ db: Database, _ hashes: SavePlan.Hashes, _ known: [Int64?]) throws -> [(
        id: ContentID, place: ChunkPlace
    )] {
        var places: [(id: ContentID, place: ChunkPlace)] = []
        var seen: Set<ContentID> = []
        // A tensor's row holds on to its chunks.
        for (stored, hash) in hashes.stored.enumerated() where known[stored] == nil {
            for (index, id) in hash.chunks.enumerated() where seen.insert(id).inserted {
                places.append((id, ChunkPlace(stored: stored, index: index)))
            }
        }
        let missing = try ChunkTable.missing(places.lazy.map(\.id), db)
        return places.filter { missing.contains($0.id) }
    }

    // MARK: Health

    private func newTensors(_ hashes: SavePlan.Hashes) throws -> [NewTensor] {
        let known = try registry.read { db in try TensorTable.known(hashes.stored.map(\.id), db) }
        var seen: Set<ContentID> = []
        let new = hashes.stored.indices.filter { index in
            let id = hashes.stored[index].id
            return !known.contains(id) && seen.insert(id).inserted
        }
        let written = healths.withLock { $0 }
        let found = try ConcurrentMap.map(new) { index in
            try TensorHealth(of: plan, stored: index, known: written[index] ?? [:])
        }
        let healths = Dictionary(uniqueKeysWithValues: zip(new, found))
        return zip(plan.storedTensors, hashes.stored).enumerated().map { index, pair in
            NewTensor(
                id: pair.1.id, dtype: pair.0.dtype, shape: pair.0.shape, byteCount: pair.0.byteCount,
                chunks: pair.1.chunks, health: healths[index])
        }
    }
}

/// Bytes that were other ones when they were read again: somebody writes to the tensors while they are saved.
struct ContentChangedError: Error {}
