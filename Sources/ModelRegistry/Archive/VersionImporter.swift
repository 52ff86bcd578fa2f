import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// Inserts versions of another registry, after their rows have been checked as for loading.
struct VersionImporter {
    private let source: MergeSource
    /// Rows of runs here by rows there.
    private let runs: [Int64: Int64]

    init(_ source: MergeSource, runs: [Int64: Int64]) {
        self.source = source
        self.runs = runs
    }

    /// A version whose rows are those of its content id, and all that is known of it.
    struct Checked {
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

    /// Reads a version and checks it: leaves, views, tensors, source file and attachments.
    ///
    /// - Parameter tensors: Those that were read and checked for the version before, by row there: most are the same.
    /// - Throws: ``MergeSourceError``; ``RegistryError/deletedMeanwhile(version:)``.
    func check(_ version: Version, knowing tensors: [Int64: NewTensor]) throws -> Checked {
        let checked = try source.read { theirs in
            try locatingDamage(version: version.reference) { try read(version, tensors, theirs) }
        }
        for leaf in checked.content.leaves {
            guard case .tensor(let row, let view, let id) = leaf.content, view.placement != nil else {
                continue
            }
            try source.catching { registry in
                // A view's own id is that of its elements, which are somewhere within its tensor.
                guard try registry.contentID(of: view, in: row, of: version, leaf.path) == id else {
                    throw RegistryError.Damage(
                        version: version.reference, path: leaf.path.text,
                        problem: "the view does not match its content id")
                }
            }
        }
        return checked
    }

    private func read(_ version: Version, _ known: [Int64: NewTensor], _ theirs: Database) throws -> Checked {
        let content = try VersionContent(theirs, version)
        var finder = try ChunkFinder(theirs)
        var tensors: [Int64: NewTensor] = [:]
        for leaf in content.leaves {
            guard case .tensor(let row, _, _) = leaf.content, tensors[row.rowID] == nil else { continue }
            if let known = known[row.rowID], known.id == row.contentID {
                tensors[row.rowID] = known
                continue
            }
            tensors[row.rowID] = NewTensor(
                id: row.contentID, dtype: row.dtype, shape: row.shape, byteCount: row.byteCount,
                chunks: try TensorChunkTable.chunks(of: row, &finder, theirs).map(\.contentID),
                health: try TensorTable.health(theirs, row: row.rowID))
        }
        if let source = try SourceFileRow(theirs, version) {
            _ = try source.places(try source.recipe(leafCount: content.leaves.count), content)
        }
        let row = try Row.fetchOne(
            theirs.cachedStatement(sql: "SELECT parent, run, step, environment FROM version WHERE id = ?"),
            arguments: [version.rowID])
        guard let row else { throw RegistryError.Damage(problem: "a version's row is missing") }
        let step: Int? = try row.optional("step")
        guard step ?? 0 >= 0 else { throw RegistryError.Damage(problem: "a negative step") }
        let notes = try NoteTable.notes(theirs, version: version.rowID)
        let ancestors = try LineageTable.ancestors(theirs, version.rowID)
        return Checked(
            content: content, manifest: content.manifest, parent: try row.optional("parent"),
            run: try row.optional("run"), step: step,
            environment: try EnvironmentTable.environment(theirs, try row.optional("environment")),
            tensors: tensors, droppedAt: try DroppedTable.latestTime(theirs, version),
            metrics: try MetricTable.metrics(theirs, version: version.rowID),
            attributes: try AttributeTable.attributes(theirs, version: version.rowID),
            attachments: try AttachmentTable.contents(theirs, version: version.rowID),
            sourceFile: try SourceFileTable.sourceFile(theirs, version: version.rowID), notes: notes,
            lineage: Array(zip(try LineageTable.rows(theirs, version: version.rowID), ancestors)))
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
                modelID: modelID, number: number, parent: checked.parent.flatMap { map[$0] },
                message: version.message, createdAt: createdAt, run: checked.run.flatMap { runs[$0] },
                step: checked.step,
                environment: try checked.environment.map { try EnvironmentTable.findOrInsert(db, $0) }),
            checked.manifest, structure: try StructureTable.findOrInsert(checked.manifest.structure, db), db)
        map[version.rowID] = id
        try insertLeaves(checked, id, &known, db)
        try insertFacts(checked, id, number: number, db)
        for (ordinal, ancestor) in checked.lineage.enumerated() {
            try LineageTable.insert(
                db, version: id, ordinal: ordinal, ancestor: ancestor.row.flatMap { map[$0] }, ancestor.facts)
        }
        return MergeReport.Added(theirs: version.reference, ours: "\(version.model):v\(number)")
    }

    private func insertLeaves(
        _ checked: Checked, _ id: Int64, _ known: inout KnownRows, _ db: Database
    ) throws {
        for (ordinal, leaf) in checked.content.leaves.enumerated() {
            let path = try known.paths[leaf.path.text] ?? PathTable.findOrInsert(leaf.path, db)
            known.paths[leaf.path.text] = path
            switch leaf.content {
            case .value(let value):
                try ParameterTable.insert(value, version: id, ordinal: ordinal, path: path, db)
            case .tensor(let tensor, let view, let contentID):
                guard let new = checked.tensors[tensor.rowID] else {
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
                    at: checked.droppedAt ?? Timestamp.text(checked.content.version.createdAt))
            }
        }
    }

    /// Inserts what is known beside the weights.
    private func insertFacts(_ checked: Checked, _ id: Int64, number: Int, _ db: Database) throws {
        let version = checked.content.version
        var attributes = checked.attributes
        if number != version.number {
            // A number that it had before, kept from an earlier merge, is not the one that it has now.
            attributes.removeAll { $0.source == .user && $0.key == VersionImporter.originalNumber }
            attributes.append(
                AttributeTable.Attribute(
                    source: .user, key: VersionImporter.originalNumber, json: "\(version.number)"))
        }
        try MetricTable.insert(checked.metrics, version: id, db)
        try AttributeTable.insert(attributes, version: id, db)
        for (name, content) in checked.attachments {
            try AttachmentTable.insert(name, content, to: .version(id), db)
        }
        if let source = checked.sourceFile { try SourceFileTable.insert(source, version: id, db) }
        try NoteTable.add(checked.notes, version: id, db)
    }

    /// The fact that tells the number that a version had in the registry it came from.
    static let originalNumber = "original_version"
}
