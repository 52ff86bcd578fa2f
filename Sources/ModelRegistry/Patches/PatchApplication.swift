import Checkpoints
import ChunkStore
import Foundations
import GRDB
import OrderedCollections
import TensorCodec
import Tensors

/// One application of a patch: checks all of it against the version that it builds on, then inserts what is new.
final class PatchApplication: Sendable {
    private let registry: Registry
    private let patch: PatchFile
    private let base: Version
    private let baseChunks: VersionChunks
    private let baseTensors: [ContentID: TensorRow]
    /// Views that the base has as well, whose content ids need no proof.
    private let baseViews: Set<ViewName>
    private let unfinished: UnfinishedWrite

    /// A leaf's own content id, and what makes it.
    private struct ViewName: Hashable {
        let id: ContentID
        let stored: ContentID
        let dtype: DType
        let shape: [Int]
        let placement: SavePlan.Placement
    }

    /// A chunk of a tensor that the base does not have.
    private struct Job: Sendable {
        let tensor: Int
        let id: ContentID
        let dtype: DType
        let byteCount: Int
        /// `nil` where the base has the chunk.
        let record: PatchFile.Record?
    }

    /// Decoded bytes of the chunks handled at once.
    private static let byteCountAtOnce = 24 << 20

    private var header: PatchHeader { patch.header }

    /// - Parameter model: Of several versions with the content that the patch builds on, one of this model is taken.
    /// - Throws: ``PatchError`` where there is none, or it is not what the patch says.
    init(_ registry: Registry, _ patch: PatchFile, preferring model: String) throws {
        self.registry = registry
        self.patch = patch
        let header = patch.header
        let (content, chunks) = try registry.read { db in
            let row = try Int64.fetchOne(
                db,
                sql: """
                    SELECT version.id FROM version JOIN model ON model.id = version.model
                    WHERE content_id = ? AND deleted_at IS NULL ORDER BY model.name = ? DESC, version.id DESC LIMIT 1
                    """,
                arguments: [header.base.contentID.data, model])
            guard let row else {
                throw PatchError.noBase(
                    reference: header.base.reference, contentID: header.base.contentID)
            }
            let version = try VersionTable.version(db, rowID: row)
            let content = try VersionContent(db, version)
            return (content, try VersionChunks(registry, db, content))
        }
        base = content.version
        baseChunks = chunks
        var tensors: [ContentID: TensorRow] = [:]
        var views: Set<ViewName> = []
        for leaf in content.leaves {
            guard case .tensor(let row, let view, let id) = leaf.content else { continue }
            tensors[row.contentID] = row
            if let placement = view.placement {
                views.insert(
                    ViewName(
                        id: id, stored: row.contentID, dtype: view.dtype, shape: view.shape,
                        placement: placement))
            }
        }
        baseTensors = tensors
        baseViews = views
        unfinished = UnfinishedWrite(registry.store)
        try checkBase()
    }

    func run(
        as model: String, message: String?, aliases: [String], progress: ProgressHandler?
    ) throws -> SaveResult {
        do {
            return try apply(as: model, message: message, aliases: aliases, progress: progress)
        } catch {
            unfinished.abandon()
            throw error
        }
    }

    private func apply(
        as model: String, message: String?, aliases: [String], progress: ProgressHandler?
    ) throws -> SaveResult {
        let jobs = jobs
        let healths = try prove(jobs)
        try proveViews()
        var options = SaveOptions(
            message: message ?? header.message, aliases: aliases,
            metrics: OrderedDictionary(uniqueKeysWithValues: header.metrics.map { ($0.name, $0.value) }),
            attributes: try attributes(isFromFile: false), parent: base.reference,
            attachments: try attachments(), step: header.step)
        options.environment = header.environment
        options.fileFacts = try attributes(isFromFile: true)
        let insertion = VersionInsertion(
            manifest: header.manifest, leaves: header.leaves, tensors: try newTensors(healths), model: model,
            options: options, sourceFile: try sourceFile(), action: "apply")

        var written = WrittenBytes()
        // A gc may remove chunks that were here before, and that nobody needed until now: look again.
        while true {
            let missing = try registry.read { db in try self.missing(jobs, db) }
            let writer = try write(missing, progress: progress)
            let version = try writer.finish { db -> (Version, String?)? in
                guard try self.missing(jobs, db).isEmpty else { return nil }
                let inserted = try insertion.insert(db)
                try check(inserted.0, db)
                try unfinished.end(db)
                return inserted
            }
            written += writer.writtenBytes
            if let (version, same) = version {
                return SaveResult(
                    version: version, sameContentAs: same, newByteCount: written.decoded,
                    storedByteCount: written.stored, keepsSourceFile: nil)
            }
        }
    }

    // MARK: Checking

    /// Checks that the base has what the patch says that it has.
    private func checkBase() throws {
        for tensor in header.tensors {
            guard let chunks = tensor.chunks else {
                guard let row = baseTensors[tensor.id] else {
                    throw patch.damage("a tensor that the version it changes should have, and has not")
                }
                // Nothing else holds them against the content id, whose chunks are not in the patch.
                guard row.dtype == tensor.dtype, row.shape == tensor.shape else {
                    throw patch.damage("a tensor that has another type or shape in the version it changes")
                }
                continue
            }
            let byteCount = try TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape)
            for (index, chunk) in chunks.enumerated() where chunk.place == .base {
                let length = Chunking.range(ofChunk: index, byteCount: byteCount).count
                guard baseChunks[chunk.id]?.byteCount == length else {
                    throw patch.damage("a chunk that the version it changes should have, and has not")
                }
            }
        }
        for record in patch.records.values {
            guard let base = record.base else { continue }
            guard baseChunks[base]?.byteCount == record.byteCount else {
                throw patch.damage("a difference from a chunk that the version it changes does not have")
            }
        }
    }

    /// The chunks of all tensors that the base does not have, in order.
    private var jobs: [Job] {
        header.tensors.enumerated().flatMap { index, tensor -> [Job] in
            guard let chunks = tensor.chunks,
                let byteCount = try? TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape)
            else { return [] }
            return chunks.enumerated().map { ordinal, chunk in
                Job(
                    tensor: index, id: chunk.id, dtype: tensor.dtype,
                    byteCount: Chunking.range(ofChunk: ordinal, byteCount: byteCount).count,
                    record: chunk.place == .base ? nil : patch.records[chunk.id])
            }
        }
    }

    /// Decodes every chunk and compares it with its hash.
    ///
    /// - Returns: The health of each tensor that has chunks.
    private func prove(_ jobs: [Job]) throws -> [Int: TensorHealth] {
        var parts: [Int: [ChunkHealth?]] = [:]
        try forEachBatch(of: jobs) { batch, bases in
            let found = try ConcurrentMap.map(batch) { job in
                let bytes = try self.decoded(job, bases)
                return bytes.withUnsafeBytes { ChunkHealth(of: $0, dtype: job.dtype) }
            }
            for (job, part) in zip(batch, found) { parts[job.tensor, default: []].append(part) }
        }
        var healths: [Int: TensorHealth] = [:]
        for (index, tensor) in header.tensors.enumerated() where tensor.chunks != nil {
            healths[index] = TensorHealth(adding: parts[index] ?? [], dtype: tensor.dtype)
        }
        return healths
    }

    /// Compares the views that the base does not have with their content ids.
    private func proveViews() throws {
        var wanted: [Int: [(view: SavePlan.View, id: ContentID)]] = [:]
        for (leaf, id) in zip(header.leaves, header.leafIDs) {
            guard case .tensor(let stored, let view, _) = leaf, let placement = view.placement, let id else {
                continue
            }
            let name = ViewName(
                id: id, stored: header.tensors[stored].id, dtype: view.dtype, shape: view.shape,
                placement: placement)
            if !baseViews.contains(name) { wanted[stored, default: []].append((view, id)) }
        }
        for (index, views) in wanted.sorted(by: { $0.key < $1.key }) {
            let storage = try bytes(ofTensor: index)
            for (view, id) in views {
                let found = storage.withUnsafeBytes { bytes in
                    SavePlan.contentID(of: view, storedID: header.tensors[index].id, packed: bytes)
                }
                guard found == id else { throw patch.damage("a view that does not match its content id") }
            }
        }
    }

    /// All bytes of a tensor.
    private func bytes(ofTensor index: Int) throws -> Storage {
        let tensor = header.tensors[index]
        let storage = Storage(
            uninitializedByteCount: try TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape))
        if let row = baseTensors[tensor.id] {
            let reader = try registry.read { db in try TensorReader(registry, db, base, [(row, .root)]) }
            try reader.read([
                TensorReader.Request(tensor: row, path: .root, destination: storage.unsafeMutableBytes)
            ])
            return storage
        }
        var offset = 0
        try forEachBatch(of: jobs.filter { $0.tensor == index }) { batch, bases in
            for job in batch {
                let bytes = try self.decoded(job, bases)
                UnsafeMutableRawBufferPointer(rebasing: storage.unsafeMutableBytes[offset...])
                    .copyBytes(from: bytes)
                offset += bytes.count
            }
        }
        return storage
    }

    /// Reads a new version as a load would, in the transaction that inserts it: what does not load is not there.
    private func check(_ version: Version, _ db: Database) throws {
        do {
            let content = try VersionContent(db, version)
            _ = try StorageLayout(registry, db, content, selected: content.leaves.map { _ in true })
            if let source = try SourceFileRow(db, version) {
                _ = try source.places(source.recipe(leafCount: content.leaves.count), content)
            }
        } catch let damage as StoreDamage {
            throw patch.damage(damage.problem)
        } catch let damage as RegistryError.Damage {
            throw patch.damage(damage.problem)
        } catch RegistryError.damaged(let damage) {
            throw patch.damage(damage.problem)
        }
        let isAlive = try Bool.fetchOne(
            db, sql: "SELECT 1 FROM version WHERE id = ? AND content_id = ? AND deleted_at IS NULL",
            arguments: [base.rowID, base.contentID.data])
        guard isAlive == true else {
            throw PatchError.noBase(reference: header.base.reference, contentID: header.base.contentID)
        }
    }

    // MARK: Decoding

    /// Calls `body` with batches of `jobs` and what they need of the base.
    private func forEachBatch(of jobs: [Job], _ body: ([Job], LoadedChunks) throws -> Void) throws {
        var rest = jobs[...]
        while !rest.isEmpty {
            var byteCount = 0
            let batch = Array(
                rest.prefix { job in
                    defer { byteCount += job.byteCount }
                    return byteCount < PatchApplication.byteCountAtOnce
                })
            rest = rest.dropFirst(batch.count)
            let needed = Set(batch.compactMap { job in job.record.map { $0.base } ?? job.id })
            func unreadable(_ problem: String) -> PatchError {
                .baseUnreadable(version: base.reference, problem: problem)
            }
            do {
                try translatingErrors { try body(batch, try baseChunks.load(needed)) }
            } catch RegistryError.damaged(let damage) {
                throw unreadable(damage.problem)
            } catch is ChunkGone {
                throw unreadable("a chunk is gone; perhaps it was deleted just now")
            }
        }
    }

    /// The bytes of a chunk, known to be those that its id says.
    private func decoded(_ job: Job, _ bases: LoadedChunks) throws -> [UInt8] {
        guard let record = job.record else { return try bases.decoded(job.id) }
        return try decoded(job, try patch.encoded(record), bases)
    }

    /// The same of an encoding that has been read.
    private func decoded(_ job: Job, _ encoded: [UInt8], _ bases: LoadedChunks) throws -> [UInt8] {
        guard let record = job.record else { return try bases.decoded(job.id) }
        let base = try record.base.map { try bases.decoded($0) }
        let chunk = ChunkRecord(
            id: record.id, checksum: record.checksum, byteCount: record.byteCount, codec: record.codec,
            storedByteCount: encoded.count)
        do {
            return try ProvenDecoder.decoded(chunk, encoded, base: base)
        } catch let damage as StoreDamage {
            throw patch.damage(damage.problem)
        }
    }

    // MARK: Inserting

    /// The chunks that the registry does not have, each once.
    private func missing(_ jobs: [Job], _ db: Database) throws -> [Job] {
        // A tensor's row holds on to its chunks.
        let known = try TensorTable.known(header.tensors.map(\.id), db)
        let noBase = PatchError.noBase(reference: header.base.reference, contentID: header.base.contentID)
        for tensor in header.tensors where tensor.chunks == nil && !known.contains(tensor.id) { throw noBase }
        let wanted = jobs.filter { !known.contains(header.tensors[$0.tensor].id) }
        let missing = try ChunkTable.missing(wanted.lazy.map(\.id), db)
        var seen: Set<ContentID> = []
        return try wanted.filter { job in
            guard missing.contains(job.id), seen.insert(job.id).inserted else { return false }
            guard job.record != nil else { throw noBase }
            return true
        }
    }

    /// Writes chunks as keyframes on all cores.
    private func write(_ jobs: [Job], progress: ProgressHandler?) throws -> ChunkWriter {
        let throttled = progress.map { ThrottledProgress($0, total: jobs.reduce(0) { $0 + $1.byteCount }) }
        let writer = ChunkWriter(registry.store, unfinished)
        do {
            try forEachBatch(of: jobs) { batch, bases in
                try Task.checkCancellation()
                try ConcurrentMap.forEach(batch) { job in
                    try self.write(job, bases, to: writer)
                    throttled?.add(job.byteCount)
                }
            }
            return writer
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func write(_ job: Job, _ bases: LoadedChunks, to writer: ChunkWriter) throws {
        guard let record = job.record else { preconditionFailure("chunk \(job.id) is not in the patch") }
        let encoded = try patch.encoded(record)
        let bytes = try decoded(job, encoded, bases)
        if !record.codec.needsBase {
            // It has just been decoded, and may stay as it is.
            let chunk = ChunkRecord(
                id: job.id, checksum: record.checksum, byteCount: job.byteCount, codec: record.codec,
                storedByteCount: encoded.count)
            return try encoded.withUnsafeBytes { try writer.add(chunk, $0) }
        }
        let source = ChunkWriter.Source(byteCount: bytes.count, kind: ElementKind(job.dtype)) {
            $0.copyBytes(from: bytes)
        }
        try writer.add([source], isWanted: { _, _ in true }, look: { _, _ in })
    }

    private func newTensors(_ healths: [Int: TensorHealth]) throws -> [NewTensor] {
        try header.tensors.enumerated().map { index, tensor in
            NewTensor(
                id: tensor.id, dtype: tensor.dtype, shape: tensor.shape,
                byteCount: try TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape),
                chunks: tensor.chunks?.map(\.id) ?? [], health: healths[index])
        }
    }

    private func attributes(isFromFile: Bool) throws -> Attributes {
        var attributes: Attributes = [:]
        for attribute in header.attributes where attribute.isFromFile == isFromFile {
            guard let value = try? AttributeValue(json: attribute.json) else {
                throw patch.damage("an attribute that is not JSON")
            }
            attributes[attribute.key] = value
        }
        return attributes
    }

    private func attachments() throws -> OrderedDictionary<String, [UInt8]> {
        let known = try registry.read { db in try AttachmentTable.ids(db, base) }
        var attachments: OrderedDictionary<String, [UInt8]> = [:]
        for attachment in header.attachments {
            if let bytes = attachment.bytes {
                attachments[attachment.name] = bytes
            } else {
                let name = known.first { $0.value == attachment.id }?.key
                guard let bytes = try name.flatMap({ try registry.attachment($0, of: base) }) else {
                    throw patch.damage("an attachment that the version it changes should have, and has not")
                }
                attachments[attachment.name] = bytes
            }
        }
        return attachments
    }

    private func sourceFile() throws -> NewSourceFile? {
        guard let source = header.sourceFile else { return nil }
        var recipe = source.recipe
        if recipe == nil {
            recipe = try registry.read { db in
                try Row.fetchOne(
                    db, sql: "SELECT recipe FROM source_file WHERE version = ?", arguments: [base.rowID])?
                    .withUnsafeData(named: "recipe") { $0.map { [UInt8]($0) } }
            }
        }
        guard let recipe, ContentID(hashing: recipe) == source.recipeID else {
            throw patch.damage("a source file that does not match its hash")
        }
        return NewSourceFile(
            name: source.name, format: source.format, byteCount: source.byteCount, recipe: recipe)
    }
}
