import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// Reads versions of another registry and checks them as for loading.
struct VersionImporter {
    private let source: MergeSource

    init(_ source: MergeSource) { self.source = source }

    /// Reads a version and checks it: leaves, views, tensors, source file and attachments.
    ///
    /// - Parameter tensors: Those that were read and checked for the version before, by row there: most are the same.
    /// - Throws: ``MergeSourceError``; ``RegistryError/deletedMeanwhile(version:)``.
    func check(_ version: Version, knowing tensors: [Int64: NewTensor]) throws -> ImportedVersion {
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

    private func read(_ version: Version, _ known: [Int64: NewTensor], _ theirs: Database) throws
        -> ImportedVersion
    {
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
        let manifest = content.manifest
        let summary = VersionTable.Summary(manifest, contentID: manifest.contentID)
        return ImportedVersion(
            content: content, summary: summary,
            parent: try row.optional("parent"),
            run: try row.optional("run"), step: step,
            environment: try EnvironmentTable.environment(theirs, try row.optional("environment")),
            tensors: tensors, droppedAt: try DroppedTable.latestTime(theirs, version),
            metrics: try MetricTable.metrics(theirs, version: version.rowID),
            attributes: try AttributeTable.attributes(theirs, version: version.rowID),
            attachments: try AttachmentTable.contents(theirs, version: version.rowID),
            sourceFile: try SourceFileTable.sourceFile(theirs, version: version.rowID), notes: notes,
            lineage: Array(zip(try LineageTable.rows(theirs, version: version.rowID), ancestors)))
    }
}
