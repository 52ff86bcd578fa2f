import CKernels
import Checkpoints
import ChunkStore
import Foundations
import GRDB
import OrderedCollections
import TensorCodec
import Tensors

/// A patch that was written.
public struct PatchSummary: Hashable, Sendable {
    /// The version that the patch changes.
    public let base: Version
    /// The version that it makes of that.
    public let target: Version
    /// Chunks that the base does not have, and are in the patch.
    public let chunkCount: Int
    /// How many of these are differences from chunks of the base.
    public let deltaCount: Int
    /// Bytes of the chunks before compression.
    public let newByteCount: Int
    /// Bytes of the file.
    public let byteCount: Int
}

extension Registry {
    /// Writes what one version has and another has not to a file, from which ``applyPatch(at:as:message:aliases:progress:)``
    /// makes the version elsewhere.
    ///
    /// The file holds the whole manifest, message, step, metrics, environment, attributes, attachments, what is needed to
    /// give back the file that was saved, and the chunks that `old` lacks, each as a difference from the chunk in its
    /// place where that is shorter. The run stays here. `docs/format.md` gives the bytes.
    ///
    /// - Parameters:
    ///   - old: The version that is there too; see ``VersionReference``.
    ///   - new: The version to make of it. Both may be of different models.
    ///   - path: Where to write; the file appears there once it is complete.
    ///   - mayReplace: Whether a file that is there already gives way.
    /// - Throws: ``RegistryError``, `FileError`.
    /// - Complexity: O(bytes of the chunks that `old` lacks), on all cores. Memory does not grow with the tensors.
    @discardableResult
    public func writePatch(
        from old: String, to new: String, path: String, mayReplace: Bool = false,
        progress: ProgressHandler? = nil
    ) throws -> PatchSummary {
        let plan = try read { db in
            try PatchPlan(
                self, db, base: VersionTable.resolve(db, VersionReference(old), text: old),
                target: VersionTable.resolve(db, VersionReference(new), text: new))
        }
        var header = plan.header
        header.attachments = try self.attachments(of: plan.target, notIn: plan.base)
        let encoded = header.encoded
        let stored = Zlib.compressed(encoded)
        let file = try AppendedFile(path: path, mayReplace: mayReplace)
        var prefix = FieldWriter()
        prefix.raw(PatchFile.magic)
        prefix.word(PatchFile.formatVersion)
        prefix.word(UInt64(encoded.count))
        prefix.word(UInt64(stored.count))
        prefix.raw(stored)
        try file.append(prefix.bytes)

        var done = 0
        var deltaCount = 0
        var rest = plan.jobs[...]
        while !rest.isEmpty {
            var byteCount = 0
            let batch = Array(
                rest.prefix { job in
                    defer { byteCount += job.byteCount }
                    return byteCount < PatchPlan.byteCountAtOnce
                })
            rest = rest.dropFirst(batch.count)
            let records = try explaining(plan.target, paths: [.root]) { try encode(batch, plan) }
            for record in records {
                if record.base != nil { deltaCount += 1 }
                var writer = FieldWriter()
                writer.word(record.checksum)
                writer.byte(record.codec.rawValue)
                if let base = record.base { writer.id(base) }
                writer.data(record.bytes)
                try file.append(writer.bytes)
            }
            done += batch.reduce(0) { $0 + $1.byteCount }
            progress?(done, plan.newByteCount)
        }
        let hash = try file.withUnsafeBytes { ContentID(hashing: $0) }
        try file.append(hash.bytes)
        try file.commit()
        return PatchSummary(
            base: plan.base, target: plan.target, chunkCount: plan.jobs.count, deltaCount: deltaCount,
            newByteCount: plan.newByteCount, byteCount: file.byteCount)
    }

    private func attachments(of version: Version, notIn base: Version) throws -> [PatchHeader.Attachment] {
        let known = try read { db in try AttachmentTable.ids(db, base) }
        let ids = try read { db in try AttachmentTable.ids(db, version) }
        return try ids.map { name, id in
            let isKnown = known.values.contains(id)
            return PatchHeader.Attachment(
                name: name, id: id, bytes: isKnown ? nil : try attachment(name, of: version))
        }
    }

    private struct Record: Sendable {
        let checksum: UInt32
        let codec: ChunkCodec
        let base: ContentID?
        let bytes: [UInt8]
    }

    private func encode(_ jobs: [PatchPlan.Job], _ plan: PatchPlan) throws -> [Record] {
        try locatingDamage(version: plan.target.reference) {
            let targets = try plan.targetChunks.load(jobs.map(\.id))
            let bases = try plan.baseChunks.load(Set(jobs.compactMap(\.base)))
            return try ConcurrentMap.map(jobs) { job in
                let chunk = try targets.decoded(job.id)
                let base = try job.base.map { try bases.decoded($0) }
                return try chunk.withUnsafeBytes { chunk in
                    try ProvenEncoder.with(.fast) { encoder in
                        let checksum = mr_crc32c(0, chunk.baseAddress, chunk.count)
                        let keyframe: (codec: ChunkCodec, bytes: [UInt8])
                        if let stored = try targets.keyframe(job.id) {
                            keyframe = stored
                        } else {
                            let encoded = try encoder.encode(chunk, as: job.kind)
                            keyframe = (encoded.codec, encoded.bytes)
                        }
                        if let base, let baseID = job.base {
                            let delta = try base.withUnsafeBytes { base in
                                try encoder.encodeDelta(chunk, from: base, as: job.kind)
                            }
                            // The id of the base is written too.
                            if delta.codec.needsBase,
                                delta.bytes.count + ContentID.byteCount < keyframe.bytes.count
                            {
                                return Record(
                                    checksum: checksum, codec: delta.codec, base: baseID, bytes: delta.bytes)
                            }
                        }
                        return Record(
                            checksum: checksum, codec: keyframe.codec, base: nil, bytes: keyframe.bytes)
                    }
                }
            }
        }
    }
}

/// What goes into a patch.
private struct PatchPlan: Sendable {
    /// A chunk to write.
    struct Job: Sendable {
        let id: ContentID
        let byteCount: Int
        let kind: ElementKind
        /// The chunk of the base in the same place.
        let base: ContentID?
    }

    /// Decoded bytes of the chunks handled at once.
    static let byteCountAtOnce = 24 << 20

    let base: Version
    let target: Version
    let baseChunks: VersionChunks
    let targetChunks: VersionChunks
    let jobs: [Job]
    let newByteCount: Int
    /// Without attachments.
    let header: PatchHeader

    init(_ registry: Registry, _ db: Database, base: Version, target: Version) throws {
        self.base = base
        self.target = target
        let old = try VersionContent(db, base)
        let new = try VersionContent(db, target)
        let baseChunks = try VersionChunks(registry, db, old)
        self.baseChunks = baseChunks
        targetChunks = try VersionChunks(registry, db, new)
        // A version that lacks tensors cannot be made elsewhere.
        try new.checkPresent(Array(repeating: true, count: new.leaves.count))
        let plan = try locatingDamage(version: target.reference) {
            var builder = try Builder(db, old, baseChunks)
            let leaves = try new.leaves.map { try builder.leaf($0) }
            let header = PatchHeader(
                base: PatchHeader.Origin(contentID: base.contentID, reference: base.reference),
                target: PatchHeader.Origin(contentID: target.contentID, reference: target.reference),
                message: target.message, step: target.step, metrics: try Self.metrics(db, target),
                environment: try Self.environment(db, target),
                attributes: try Self.attributes(db, target), attachments: [],
                sourceFile: try Self.sourceFile(db, target, notOf: base), structure: new.structure,
                tensors: builder.tensors, leaves: leaves.map(\.leaf), leafIDs: leaves.map(\.id))
            return (jobs: builder.jobs, header: header)
        }
        (jobs, header) = plan
        newByteCount = jobs.reduce(0) { $0 + $1.byteCount }
    }

    /// The version's metrics. NaN is NULL in the table.
    private static func metrics(_ db: Database, _ version: Version) throws -> [(name: String, value: Double)] {
        try Row.fetchAll(
            db, sql: "SELECT name, value FROM metric WHERE version = ? ORDER BY name",
            arguments: [version.rowID]
        ).map { (name: try $0.value("name"), value: try $0.optional("value") ?? .nan) }
    }

    private static func environment(_ db: Database, _ version: Version) throws -> RunEnvironment? {
        let row = try Int64.fetchOne(
            db, sql: "SELECT environment FROM version WHERE id = ?", arguments: [version.rowID])
        return try EnvironmentTable.environment(db, row)
    }

    private static func attributes(_ db: Database, _ version: Version) throws -> [PatchHeader.Attribute] {
        try Row.fetchAll(
            db, sql: "SELECT source, key, value FROM attribute WHERE version = ? ORDER BY source, ordinal",
            arguments: [version.rowID]
        ).map { row in
            PatchHeader.Attribute(
                isFromFile: try row.value("source", as: String.self) == "file", key: try row.value("key"),
                json: try row.value("value"))
        }
    }

    private static func sourceFile(
        _ db: Database, _ version: Version, notOf base: Version
    ) throws -> PatchHeader.SourceFile? {
        func row(_ version: Version, _ columns: String) throws -> Row? {
            try Row.fetchOne(
                db, sql: "SELECT \(columns) FROM source_file WHERE version = ?", arguments: [version.rowID])
        }
        guard let source = try row(version, "name, format, byte_count, content_id, recipe") else { return nil }
        let recipeID = try source.contentID("content_id")
        let isKnown = try row(base, "content_id").map { try $0.contentID("content_id") == recipeID } ?? false
        let recipe = try source.withUnsafeData(named: "recipe") { $0.map { [UInt8]($0) } ?? [] }
        return PatchHeader.SourceFile(
            name: try source.value("name"), format: try source.value("format"),
            byteCount: try source.value("byte_count"), recipeID: recipeID, recipe: isKnown ? nil : recipe)
    }

    private struct Builder {
        private(set) var tensors: [PatchHeader.StoredTensor] = []
        private(set) var jobs: [Job] = []
        private let baseChunks: VersionChunks
        private let baseTensors: Set<ContentID>
        private let baseByPath: [CheckpointPath: TensorRow]
        private let db: Database
        private var finder: ChunkFinder
        private var indices: [ContentID: Int] = [:]
        private var planned: Set<ContentID> = []

        init(_ db: Database, _ base: VersionContent, _ baseChunks: VersionChunks) throws {
            self.baseChunks = baseChunks
            self.db = db
            finder = try ChunkFinder(db)
            var byPath: [CheckpointPath: TensorRow] = [:]
            for leaf in base.leaves {
                if case .tensor(let row, _, _) = leaf.content { byPath[leaf.path] = row }
            }
            baseByPath = byPath
            baseTensors = Set(byPath.values.map(\.contentID))
        }

        mutating func leaf(_ leaf: StoredLeaf) throws -> (leaf: SavePlan.Leaf, id: ContentID?) {
            switch leaf.content {
            case .value(let value): return (.value(value), nil)
            case .tensor(let row, let view, let id):
                let stored = try index(of: row, at: leaf.path)
                return (.tensor(stored: stored, view: view, role: leaf.role), id)
            case .dropped: preconditionFailure("\(leaf.path) was dropped")
            }
        }

        private mutating func index(of row: TensorRow, at path: CheckpointPath) throws -> Int {
            if let known = indices[row.contentID] { return known }
            indices[row.contentID] = tensors.count
            var chunks: [PatchHeader.Chunk]?
            if !baseTensors.contains(row.contentID) {
                // What was in the same place, if it is cut into chunks in the same way.
                let before = baseByPath[path].flatMap {
                    $0.dtype == row.dtype && $0.shape == row.shape ? $0 : nil
                }
                let beforeChunks = try before.map { try TensorChunkTable.chunks(of: $0, &finder, db) } ?? []
                chunks = try TensorChunkTable.chunks(of: row, &finder, db).enumerated().map { ordinal, chunk in
                    let id = chunk.contentID
                    if baseChunks[id] != nil { return PatchHeader.Chunk(id: id, place: .base) }
                    guard planned.insert(id).inserted else {
                        return PatchHeader.Chunk(id: id, place: .earlierRecord)
                    }
                    let base = beforeChunks.indices.contains(ordinal) ? beforeChunks[ordinal].contentID : nil
                    jobs.append(
                        Job(id: id, byteCount: chunk.byteCount, kind: ElementKind(row.dtype), base: base))
                    return PatchHeader.Chunk(id: id, place: .record)
                }
            }
            tensors.append(
                PatchHeader.StoredTensor(dtype: row.dtype, shape: row.shape, id: row.contentID, chunks: chunks))
            return tensors.count - 1
        }
    }
}
