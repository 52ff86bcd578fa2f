import Checkpoints
import Foundations
import GRDB
import Tensors

/// Inserts versions of another registry, after their rows have been checked as for loading.
struct VersionImporter {
    private let theirs: Database
    /// Rows of runs here by rows there.
    private let runs: [Int64: Int64]

    init(_ theirs: Database, runs: [Int64: Int64]) {
        self.theirs = theirs
        self.runs = runs
    }

    /// A version whose rows say what its content id says.
    struct Checked {
        let content: VersionContent
        let manifest: Manifest
        /// The chunks of its tensors, by row there.
        let chunks: [Int64: [ContentID]]
    }

    /// Checks a version: leaves, views, tensors, source file and attachments.
    ///
    /// - Throws: ``RegistryError/Damage``.
    func check(_ version: Version) throws -> Checked {
        do {
            let content = try VersionContent(theirs, version)
            var finder = try ChunkFinder(theirs)
            var chunks: [Int64: [ContentID]] = [:]
            for leaf in content.leaves {
                guard case .tensor(let row, let view, let id) = leaf.content else { continue }
                if chunks[row.rowID] == nil { chunks[row.rowID] = try finder.chunks(of: row).map(\.contentID) }
                if view.placement != nil { try checkView(view, id, of: row, leaf.path, version) }
            }
            if let source = try SourceFileRow(theirs, version) {
                let recipe = try source.recipe(leafCount: content.leaves.count)
                _ = try source.places(recipe, content)
            }
            return Checked(content: content, manifest: content.manifest, chunks: chunks)
        } catch var damage as RegistryError.Damage {
            damage.version = damage.version ?? version.reference
            throw damage
        }
    }

    /// A view's own id is that of its elements, which are somewhere within its tensor.
    private func checkView(
        _ view: SavePlan.View, _ id: ContentID, of tensor: TensorRow, _ path: CheckpointPath, _ version: Version
    ) throws {
        let storage = Storage(uninitializedByteCount: tensor.byteCount)
        let request = TensorReader.Request(
            tensor: tensor, path: path, destination: storage.unsafeMutableBytes)
        try TensorReader(theirs, reference: version.reference, verifiesHashes: true).read([request])
        let found = storage.withUnsafeBytes {
            SavePlan.contentID(of: view, storedID: tensor.contentID, packed: $0)
        }
        guard found == id else {
            throw RegistryError.Damage(
                version: version.reference, path: path.text, problem: "the view does not match its content id")
        }
    }

    // MARK: Inserting

    /// Rows that were found or inserted within the transaction: versions of one model have most of them in common.
    struct KnownRows {
        fileprivate var paths: [String: Int64] = [:]
        /// By row there.
        fileprivate var tensors: [Int64: Int64] = [:]
    }

    /// Inserts a version, whose chunks are here.
    ///
    /// - Parameters:
    ///   - map: Gets the new row.
    ///   - known: Of this transaction.
    func insert(_ checked: Checked, _ map: inout VersionMap, _ known: inout KnownRows, _ db: Database) throws
        -> MergeReport.Added
    {
        let version = checked.content.version
        let modelID = try ModelTable.findOrInsert(db, version.model, at: version.createdAt)
        let next =
            try Int.fetchOne(db, sql: "SELECT next_number FROM model WHERE id = ?", arguments: [modelID]) ?? 1
        let number = max(next, version.number)
        try db.execute(
            sql: "UPDATE model SET next_number = ? WHERE id = ?", arguments: [number + 1, modelID])
        let row = try MergeSourceError.catching { try self.row(of: version) }
        let writer = try LeafWriter(db)
        try db.execute(
            sql: """
                INSERT INTO version
                  (model, number, content_id, parent, structure, kind, message, tensor_count, byte_count, created_at,
                   run, step, environment)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                modelID, number, version.contentID.data, row.parent.flatMap { map[$0] },
                try writer.row(of: checked.manifest.structure), checked.manifest.structure.kind.rawValue,
                version.message, checked.manifest.tensorCount, checked.manifest.byteCount, version.createdAt,
                row.run.flatMap { runs[$0] }, row.step,
                try row.environment.map { try EnvironmentTable.findOrInsert(db, $0) },
            ])
        let id = db.lastInsertedRowID
        map[version.rowID] = id
        try insertLeaves(checked, id, &known, writer, db)
        try MergeSourceError.catching { try copyFacts(of: version, to: id, number: number, db) }
        try LineageImporter(theirs).copy(version.rowID, to: id, map, db)
        return MergeReport.Added(theirs: version.reference, ours: "\(version.model):v\(number)")
    }

    private func row(of version: Version) throws
        -> (parent: Int64?, run: Int64?, step: Int?, environment: RunEnvironment?)
    {
        let row = try Row.fetchOne(
            theirs, sql: "SELECT parent, run, step, environment FROM version WHERE id = ?",
            arguments: [version.rowID])
        guard let row else { throw RegistryError.Damage(problem: "a version's row is missing") }
        let step: Int? = try row.optional("step")
        guard step ?? 0 >= 0 else {
            throw RegistryError.Damage(version: version.reference, problem: "a negative step")
        }
        return (
            try row.optional("parent"), try row.optional("run"), step,
            try EnvironmentTable.environment(theirs, try row.optional("environment"))
        )
    }

    private func insertLeaves(
        _ checked: Checked, _ id: Int64, _ known: inout KnownRows, _ writer: LeafWriter, _ db: Database
    ) throws {
        let droppedAt = try MergeSourceError.catching {
            try DroppedTable.latestTime(theirs, checked.content.version)
        }
        for (ordinal, leaf) in checked.content.leaves.enumerated() {
            let path = try known.paths[leaf.path.text] ?? writer.row(of: leaf.path)
            known.paths[leaf.path.text] = path
            switch leaf.content {
            case .value(let value): try writer.insert(value, version: id, ordinal: ordinal, path: path)
            case .tensor(let tensor, let view, let contentID):
                let row =
                    try known.tensors[tensor.rowID] ?? writer.row(ofTensor: tensor.contentID)
                    ?? writer.insert(newTensor(tensor, checked.chunks[tensor.rowID] ?? []))
                known.tensors[tensor.rowID] = row
                try writer.insert(
                    view, of: row, role: leaf.role, id: contentID, version: id, ordinal: ordinal, path: path)
            case .dropped(let tensor):
                try DroppedTable.insert(
                    db, version: id, ordinal: ordinal, path: path, role: leaf.role, tensor,
                    at: droppedAt ?? checked.content.version.createdAt)
            }
        }
    }

    private func newTensor(_ tensor: TensorRow, _ chunks: [ContentID]) throws -> NewTensor {
        let health = try MergeSourceError.catching {
            let row = try Row.fetchOne(
                theirs,
                sql:
                    "SELECT nan_count, infinity_count, zero_count, minimum, maximum, l2_norm FROM tensor WHERE id = ?",
                arguments: [tensor.rowID])
            guard let row else { throw RegistryError.Damage(problem: "a tensor's row is missing") }
            return try TensorHealth(row)
        }
        return NewTensor(
            id: tensor.contentID, dtype: tensor.dtype, shape: tensor.shape, byteCount: tensor.byteCount,
            chunks: chunks, health: health)
    }

    // MARK: Facts

    /// Copies what is known beside the weights.
    private func copyFacts(of version: Version, to id: Int64, number: Int, _ db: Database) throws {
        let metrics = try Row.fetchAll(
            theirs, sql: "SELECT name, step, value FROM metric WHERE version = ?", arguments: [version.rowID])
        for row in metrics {
            try db.execute(
                sql: "INSERT OR REPLACE INTO metric (version, name, step, value) VALUES (?, ?, ?, ?)",
                arguments: [
                    id, try row.value("name", as: String.self), try row.optional("step", as: Int.self),
                    try row.optional("value", as: Double.self),
                ])
        }
        var userCount = 0
        let attributes = try Row.fetchAll(
            theirs, sql: "SELECT source, key, value FROM attribute WHERE version = ? ORDER BY source, ordinal",
            arguments: [version.rowID])
        let insert = try db.cachedStatement(
            sql: "INSERT INTO attribute (version, source, ordinal, key, value) VALUES (?, ?, ?, ?, ?)")
        for (ordinal, row) in attributes.enumerated() {
            let source: String = try row.value("source")
            let value: String = try row.value("value")
            let key: String = try row.value("key")
            guard ["user", "file"].contains(source),
                try Bool.fetchOne(db, sql: "SELECT json_valid(?)", arguments: [value]) == true
            else { throw RegistryError.Damage(version: version.reference, problem: "a fact is not JSON") }
            // A number that it had before, kept from an earlier merge, is not the one that it has now.
            if source == "user", key == VersionImporter.originalNumber, number != version.number { continue }
            if source == "user" { userCount = ordinal + 1 }
            try insert.execute(arguments: [id, source, ordinal, key, value])
        }
        if number != version.number {
            try insert.execute(arguments: [
                id, "user", userCount, VersionImporter.originalNumber, "\(version.number)",
            ])
        }
        let attachments = try Row.fetchAll(
            theirs, sql: "SELECT name, content FROM attachment WHERE version = ?", arguments: [version.rowID])
        for row in attachments {
            try db.execute(
                sql: "INSERT INTO attachment (version, name, content) VALUES (?, ?, ?)",
                arguments: [
                    id, try row.value("name", as: String.self),
                    try AttachmentTable.copy(try row.value("content"), from: theirs, to: db),
                ])
        }
        let source = try Row.fetchOne(
            theirs,
            sql: "SELECT name, format, byte_count, content_id, recipe FROM source_file WHERE version = ?",
            arguments: [version.rowID])
        if let source {
            try db.execute(
                sql: """
                    INSERT INTO source_file (version, name, format, byte_count, content_id, recipe)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, try source.value("name", as: String.self), try source.value("format", as: String.self),
                    try source.value("byte_count", as: Int.self), try source.contentID("content_id").data,
                    source["recipe"] as DatabaseValue,
                ])
        }
        try NoteTable.copy(theirs, version: version.rowID, db, to: id)
    }

    /// The fact that tells the number that a version had in the registry it came from.
    static let originalNumber = "original_version"
}

extension TensorHealth {
    /// Reads the columns of a tensor's row.
    init(_ row: Row) throws {
        nanCount = try row.optional("nan_count")
        infinityCount = try row.optional("infinity_count")
        zeroCount = try row.optional("zero_count")
        minimum = try row.optional("minimum")
        maximum = try row.optional("maximum")
        l2Norm = try row.optional("l2_norm")
    }
}

extension AttachmentTable {
    /// The row of bytes that another registry has, inserted where there is none, after a look at their hash.
    static func copy(_ content: Int64, from theirs: Database, to db: Database) throws -> Int64 {
        let row = try Row.fetchOne(
            theirs, sql: "SELECT content_id, byte_count, bytes FROM attachment_content WHERE id = ?",
            arguments: [content])
        guard let row else { throw RegistryError.Damage(problem: "an attachment is missing") }
        let id = try row.contentID("content_id")
        let find = try db.cachedStatement(sql: "SELECT id FROM attachment_content WHERE content_id = ?")
        if let known = try Int64.fetchOne(find, arguments: [id.data]) { return known }
        let byteCount: Int = try row.value("byte_count")
        let stream = try row.withUnsafeData(named: "bytes") { $0.map { [UInt8]($0) } ?? [] }
        guard let bytes = Zlib.decompressed(stream, limit: byteCount), bytes.count == byteCount,
            ContentID(hashing: bytes) == id
        else { throw RegistryError.Damage(problem: "an attachment does not match its hash") }
        return try findOrInsert(db, bytes)
    }
}

extension NoteTable {
    /// Copies what people said, but for what was said here, too.
    static func copy(
        _ theirs: Database, run: Int64? = nil, version: Int64? = nil, _ db: Database, to row: Int64
    ) throws {
        let known = try Set(notes(db, run: run == nil ? nil : row, version: version == nil ? nil : row))
        for note in try notes(theirs, run: run, version: version) where !known.contains(note) {
            guard Timestamp.isValid(note.at) else {
                throw RegistryError.Damage(problem: "a note's time is impossible")
            }
            try db.execute(
                sql: "INSERT INTO note (run, version, at, actor, text) VALUES (?, ?, ?, ?, ?)",
                arguments: [run == nil ? nil : row, version == nil ? nil : row, note.at, note.actor, note.text])
        }
    }
}
