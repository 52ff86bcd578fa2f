import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// A version whose rows are those of its content id, and all that is known of it.
struct ImportedVersion {
    let content: VersionContent
    let manifest: Manifest
    let parent: Int64?
    let run: Int64?
    let step: Int?
    let environment: RunEnvironment?
    /// What is to be inserted where it is not here, by row there.
    let tensors: [Int64: NewTensor]
    let droppedAt: String?
    let metrics: [MetricTable.Metric]
    let attributes: [AttributeTable.Attribute]
    let attachments: [(name: String, content: AttachmentTable.Content)]
    let sourceFile: NewSourceFile?
    let notes: [Note]
    let lineage: [(row: Int64?, facts: Ancestor)]

    /// What inserting it costs, in leaves.
    var weight: Int {
        content.leaves.count + 100 + attachments.reduce(0) { $0 + $1.content.stream.count / 1000 }
    }
}

extension ImportedVersion {
    /// Rows that were found or inserted within the transaction: versions of one model have most of them in common.
    struct KnownRows {
        fileprivate var paths: [String: Int64] = [:]
        /// By row there.
        fileprivate var tensors: [Int64: Int64] = [:]
    }

    /// A version's row, and the number that it got.
    struct Inserted {
        let row: Int64
        let number: Int
    }

    /// Inserts a version, whose chunks are here.
    ///
    /// - Parameters:
    ///   - runs: Rows of runs here by rows there.
    ///   - map: Gets the new row.
    ///   - known: Of this transaction.
    func insert(
        runs: [Int64: Int64], _ map: inout VersionMap, _ known: inout KnownRows, _ db: Database
    ) throws -> Inserted {
        let version = content.version
        let createdAt = Timestamp.text(version.createdAt)
        let modelID = try ModelTable.findOrInsert(db, version.model, at: createdAt)
        let next =
            try Int.fetchOne(
                db.cachedStatement(sql: "SELECT next_number FROM model WHERE id = ?"), arguments: [modelID])
            ?? 1
        let number = max(next, version.number)
        try db.cachedStatement(sql: "UPDATE model SET next_number = ? WHERE id = ?").execute(arguments: [
            number + 1, modelID,
        ])
        let id = try VersionTable.insert(
            VersionTable.NewRow(
                modelID: modelID, number: number, parent: parent.flatMap { map[$0] },
                message: version.message, createdAt: createdAt, run: run.flatMap { runs[$0] },
                step: step,
                environment: try environment.map { try EnvironmentTable.findOrInsert(db, $0) }),
            manifest, contentID: manifest.contentID,
            structure: try StructureTable.findOrInsert(manifest.structure, db), db)
        map[version.rowID] = id
        try insertLeaves(id, &known, db)
        try insertFacts(id, number: number, db)
        for (ordinal, ancestor) in lineage.enumerated() {
            try LineageTable.insert(
                db, version: id, ordinal: ordinal, ancestor: ancestor.row.flatMap { map[$0] }, ancestor.facts)
        }
        return Inserted(row: id, number: number)
    }

    private func insertLeaves(
        _ id: Int64, _ known: inout KnownRows, _ db: Database
    ) throws {
        for (ordinal, leaf) in content.leaves.enumerated() {
            let path = try known.paths[leaf.path.text] ?? PathTable.findOrInsert(leaf.path, db)
            known.paths[leaf.path.text] = path
            switch leaf.content {
            case .value(let value):
                try ParameterTable.insert(value, version: id, ordinal: ordinal, path: path, db)
            case .tensor(let tensor, let view, let contentID):
                guard let new = tensors[tensor.rowID] else {
                    preconditionFailure("a tensor that was not checked")
                }
                let row = try known.tensors[tensor.rowID] ?? TensorTable.findOrInsert(new, db)
                known.tensors[tensor.rowID] = row
                try ParameterTable.insert(
                    view, of: row, role: leaf.role, id: contentID, version: id, ordinal: ordinal, path: path,
                    db)
            case .dropped(let tensor):
                try DroppedTable.insert(
                    db, version: id, ordinal: ordinal, path: path, role: leaf.role, tensor,
                    at: droppedAt ?? Timestamp.text(content.version.createdAt))
            }
        }
    }

    /// Inserts what is known beside the weights.
    private func insertFacts(_ id: Int64, number: Int, _ db: Database) throws {
        let version = content.version
        var attributes = attributes
        if number != version.number {
            // A number that it had before, kept from an earlier merge, is not the one that it has now.
            attributes.removeAll { $0.source == .user && $0.key == ImportedVersion.originalNumber }
            attributes.append(
                AttributeTable.Attribute(
                    source: .user, key: ImportedVersion.originalNumber, json: "\(version.number)"))
        }
        try MetricTable.insert(metrics, version: id, db)
        try AttributeTable.insert(attributes, version: id, db)
        for (name, content) in attachments {
            try AttachmentTable.insert(name, content, to: .version(id), db)
        }
        if let source = sourceFile { try SourceFileTable.insert(source, version: id, db) }
        try NoteTable.add(notes, version: id, db)
    }

    /// The fact that tells the number that a version had in the registry it came from.
    static let originalNumber = "original_version"
}
