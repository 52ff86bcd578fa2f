import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import OrderedCollections
import Tensors

/// A tensor that a new version needs.
struct NewTensor: Sendable {
    let id: ContentID
    let dtype: DType
    let shape: [Int]
    let byteCount: Int
    /// Its chunks; not looked at where the registry has the tensor.
    let chunks: [ContentID]
    /// `nil` where the registry has the tensor, and where the type has no such thing.
    let health: TensorHealth?
}

/// The file that a new version comes from, where it can be given back.
struct NewSourceFile: Sendable {
    let name: String
    let format: String
    let byteCount: Int
    /// ``FileRecipe/encoded``.
    let recipe: [UInt8]
}

/// The rows of a new version: everything but its chunks.
struct VersionInsertion {
    let manifest: Manifest
    /// The leaves of `manifest`, and which of `tensors` they are views of.
    let leaves: [SavePlan.Leaf]
    let tensors: [NewTensor]
    let model: String
    let options: SaveOptions
    let sourceFile: NewSourceFile?
    /// What the diary calls it.
    var action = "save"

    /// Inserts the version, last what others see it by.
    ///
    /// - Parameter known: The rows of `tensors`, where they were looked up in the same transaction.
    /// - Returns: The version, and an earlier one of the model with the same content.
    func insert(_ db: Database, known: [Int64?]? = nil) throws -> (Version, String?) {
        let now = Timestamp.now()
        let modelID = try ModelTable.findOrInsert(db, model, at: now)
        let parent = try parentID(db, modelID)
        let known = try known ?? TensorTable.rows(of: tensors.map(\.id), db)
        let tensorIDs = try zip(tensors, known).map { try $1 ?? TensorTable.findOrInsert($0, db) }
        let structureID = try StructureTable.findOrInsert(manifest.structure, db)
        let contentID = manifest.contentID
        let same = try String.fetchOne(
            db,
            sql: """
                SELECT number FROM version WHERE model = ? AND content_id = ? AND deleted_at IS NULL
                ORDER BY number DESC LIMIT 1
                """,
            arguments: [modelID, contentID.data])

        let number = try Int.fetchOne(
            db, sql: "UPDATE model SET next_number = next_number + 1 WHERE id = ? RETURNING next_number - 1",
            arguments: [modelID])
        guard let number else { throw RegistryError.Damage(problem: "model \"\(model)\" has no number") }
        let versionID = try VersionTable.insert(
            VersionTable.NewRow(
                modelID: modelID, number: number, parent: parent, message: options.message, createdAt: now,
                run: options.run?.rowID, step: options.step,
                environment: try options.environment.map { try EnvironmentTable.findOrInsert(db, $0) }),
            VersionTable.Summary(manifest, contentID: contentID), structure: structureID, db)
        let lineage = LineageFinder(db, model: modelID, tensors: tensors, tensorIDs: tensorIDs)
        try LineageTable.insert(db, version: versionID, try lineage.ancestors(options, parent: parent))
        let paths = try parent.map { try PathTable.rows(ofVersion: $0, db) } ?? KnownPaths()
        try insertLeaves(db, versionID, tensorIDs, paths)
        try insertDetails(db, versionID)
        for alias in options.aliases {
            try AliasTable.set(
                db, alias, modelID: modelID, model: model, versionID: versionID, number: number, at: now,
                force: options.movesProtectedAliases)
        }
        try EventTable.insert(db, action, model: model, number: number, at: now)
        let version = try VersionTable.version(db, rowID: versionID)
        return (version, same.map { "\(model):v\($0)" })
    }

    private func parentID(_ db: Database, _ modelID: Int64) throws -> Int64? {
        if let parent = options.parent {
            return try VersionTable.resolve(db, VersionReference(parent), text: parent).rowID
        }
        return try Int64.fetchOne(
            db,
            sql: "SELECT id FROM version WHERE model = ? AND deleted_at IS NULL ORDER BY number DESC LIMIT 1",
            arguments: [modelID])
    }

    private func insertLeaves(_ db: Database, _ versionID: Int64, _ tensorIDs: [Int64], _ paths: KnownPaths)
        throws
    {
        for (ordinal, leaf) in manifest.leaves.enumerated() {
            let path = try paths.findOrInsert(leaf.path, db)
            switch leaves[ordinal] {
            case .value(let value):
                try ParameterTable.insert(value, version: versionID, ordinal: ordinal, path: path, db)
            case .tensor(let stored, let view, let role):
                try ParameterTable.insert(
                    view, of: tensorIDs[stored], role: role, id: leaf.content.id, version: versionID,
                    ordinal: ordinal, path: path, db)
            }
        }
    }

    private func insertDetails(_ db: Database, _ versionID: Int64) throws {
        try MetricTable.insert(
            options.metrics.map { MetricTable.Metric(name: $0, value: $1) }, version: versionID, db)
        try insertRunMetrics(db)
        var fileFacts = (options.sourceFile?.metadata ?? [:]).mapValues { AttributeValue($0) }
        fileFacts.merge(options.fileFacts) { $1 }
        func attributes(_ facts: Attributes, _ source: AttributeTable.Source) -> [AttributeTable.Attribute] {
            facts.map { AttributeTable.Attribute(source: source, key: $0, json: $1.json) }
        }
        try AttributeTable.insert(
            attributes(options.attributes, .user) + attributes(fileFacts, .file), version: versionID, db)
        for (name, bytes) in options.attachments {
            try AttachmentTable.insert(name, AttachmentTable.Content(bytes), to: .version(versionID), db)
        }
        if let sourceFile { try SourceFileTable.insert(sourceFile, version: versionID, db) }
    }

    /// The metrics of a version at a step are its run's at this step, too.
    private func insertRunMetrics(_ db: Database) throws {
        guard let run = options.run else { return }
        let row = try Row.fetchOne(
            db, sql: "SELECT boot, boot_seconds FROM run WHERE id = ?", arguments: [run.rowID])
        guard let row else { throw RegistryError.noRun("number \(run.rowID)", suggestion: nil) }
        guard let step = options.step, !options.metrics.isEmpty else { return }
        let start = try row.optional("boot_seconds", as: Double.self)
        let isHere = try row.optional("boot", as: String.self) == MachineClock.boot
        let seconds = start.flatMap { isHere ? max(0, MachineClock.seconds() - $0) : nil }
        try RunTable.insert(
            db, run.rowID,
            options.metrics.map { LoggedMetric(name: $0, step: step, value: $1, seconds: seconds) })
    }
}

extension Manifest.Content {
    /// The content id of a tensor.
    fileprivate var id: ContentID? {
        if case .tensor(let tensor) = self { tensor.id } else { nil }
    }
}
