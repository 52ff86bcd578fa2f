import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// One verification: the database, then rows version by version, then chunks, each in short transactions.
final class Verification {
    private let registry: Registry
    private let progress: ProgressHandler?
    private var problems: [RegistryError.Damage] = []
    private var found: Set<RegistryError.Damage> = []
    private var versionCount = 0
    private var thinnedCount = 0
    /// The tensors to read, and which leaf needs them first.
    private var tensors: [TensorRow: Use] = [:]
    private var views: [TensorRow: [View]] = [:]

    private struct Use {
        let version: Version
        let path: CheckpointPath
    }

    private struct View {
        let view: SavePlan.View
        let id: ContentID
        let use: Use
    }

    /// Bytes of the tensors whose chunks are found in one transaction.
    private static let batchByteCount = 64 << 20

    init(_ registry: Registry, progress: ProgressHandler?) {
        self.registry = registry
        self.progress = progress
    }

    func run(_ reference: String?) throws -> VerificationReport {
        if reference == nil { try checkDatabase() }
        let versions = try registry.read { db in
            if let reference {
                return [try VersionTable.resolve(db, VersionReference(reference), text: reference)]
            }
            return try VersionTable.fetch(db, where: "version.deleted_at IS NULL", arguments: [])
        }
        for version in versions {
            try Task.checkCancellation()
            try check(version)
        }
        try checkTensors()
        return VerificationReport(
            versionCount: versionCount, tensorCount: tensors.count,
            byteCount: tensors.keys.reduce(0) { $0 + $1.byteCount }, thinnedVersionCount: thinnedCount,
            problems: problems)
    }

    // MARK: Rows

    /// Checks tables and indexes, one at a time. The bytes of packs are checked with the chunks in them.
    private func checkDatabase() throws {
        let tables = try registry.read { db in
            try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        }
        for table in tables where table != "pack" {
            try registry.read { db in
                let name = table.replacing("\"", with: "\"\"")
                for text in try String.fetchAll(db, sql: "PRAGMA integrity_check(\"\(name)\")")
                where text != "ok" {
                    problems.append(RegistryError.Damage(problem: text))
                }
                for row in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check(\"\(name)\")") {
                    let parent: String = try row.value("parent")
                    problems.append(
                        RegistryError.Damage(
                            problem: "a row of \"\(table)\" names a missing row of \"\(parent)\""))
                }
            }
        }
    }

    /// Checks the rows of a version, and notes the tensors to read.
    private func check(_ version: Version) throws {
        do {
            try registry.read { db in
                let content = try VersionContent(db, version, checksContentID: false)
                if content.manifest.contentID != version.contentID {
                    problems.append(
                        RegistryError.Damage(
                            version: version.reference, problem: "it does not match its content id"))
                }
                for leaf in content.leaves {
                    guard case .tensor(let row, let view, let id) = leaf.content else { continue }
                    let use = Use(version: version, path: leaf.path)
                    if tensors[row] == nil { tensors[row] = use }
                    if view.placement != nil {
                        views[row, default: []].append(View(view: view, id: id, use: use))
                    }
                }
                try locatingDamage(version: version.reference) {
                    guard let source = try SourceFileRow(db, version) else { return }
                    _ = try source.places(try source.recipe(leafCount: content.leaves.count), content)
                }
            }
        } catch RegistryError.damaged(let damage) {
            problems.append(damage)
        } catch RegistryError.deletedMeanwhile {
            return
        }
        versionCount += 1
        if version.droppedTensorCount > 0 { thinnedCount += 1 }
    }

    // MARK: Content

    /// Reads the tensors that were noted, chunk by chunk; those that have views are read whole.
    private func checkTensors() throws {
        let throttled = progress.map {
            ThrottledProgress($0, total: tensors.keys.reduce(0) { $0 + $1.byteCount })
        }
        var checked: Set<ContentID> = []
        var rest = tensors.sorted { $0.key.rowID < $1.key.rowID }[...]
        while !rest.isEmpty {
            var byteCount = 0
            let batch = rest.prefix { tensor, _ in
                defer { byteCount += tensor.byteCount }
                return byteCount < Verification.batchByteCount
            }
            rest = rest.dropFirst(batch.count)
            try check(Array(batch), &checked)
            for (tensor, _) in batch { throttled?.add(tensor.byteCount) }
        }
    }

    private func check(_ batch: [(key: TensorRow, value: Use)], _ checked: inout Set<ContentID>) throws {
        var chunks: [ChunkLocation] = []
        var uses: [ContentID: Use] = [:]
        var failures: [(use: Use, error: any Error)] = []
        let session = try registry.read { db in
            var finder = try ChunkFinder(db)
            for (tensor, use) in batch {
                do {
                    for chunk in try TensorChunkTable.chunks(of: tensor, &finder, db)
                    where checked.insert(chunk.contentID).inserted {
                        chunks.append(chunk)
                        uses[chunk.contentID] = use
                    }
                } catch {
                    failures.append((use, error))
                }
            }
            return try ReadSession(registry.store, db)
        }
        for (use, error) in failures { try noting(use) { throw error } }
        for (id, failure) in try translatingErrors({ try session.failures(of: chunks) }) {
            guard let use = uses[id] else { continue }
            try noting(use) { throw failure }
        }
        for (tensor, _) in batch { for view in views[tensor] ?? [] { try check(view, of: tensor) } }
    }

    private func check(_ view: View, of tensor: TensorRow) throws {
        try noting(view.use) {
            guard
                try registry.contentID(of: view.view, in: tensor, of: view.use.version, view.use.path)
                    == view.id
            else { throw RegistryError.Damage(problem: "the view does not match its content id") }
        }
    }

    /// Notes the damage that `body` finds, unless the version has been deleted meanwhile.
    private func noting(_ use: Use, _ body: () throws -> Void) throws {
        do {
            try registry.explaining(use.version, paths: [use.path]) {
                try locatingDamage(version: use.version.reference, path: use.path, body)
            }
        } catch RegistryError.damaged(let damage) {
            if (try? registry.read({ db in try VersionTable.requirePresent(use.version, db) })) != nil {
                // A view finds the damage that its tensor's chunks have, again.
                if found.insert(damage).inserted { problems.append(damage) }
            }
        } catch RegistryError.deletedMeanwhile {
            return
        }
    }
}

extension Registry {
    /// The content id that a view of a stored tensor has, by its elements.
    ///
    /// - Throws: ``RegistryError``.
    func contentID(
        of view: SavePlan.View, in tensor: TensorRow, of version: Version, _ path: CheckpointPath
    ) throws -> ContentID {
        let reader = try read { db in try TensorReader(self, db, version, [(tensor, path)]) }
        let storage = Storage(uninitializedByteCount: tensor.byteCount)
        let request = TensorReader.Request(tensor: tensor, path: path, destination: storage.unsafeMutableBytes)
        try reader.read([request], verifiesHashes: true)
        return storage.withUnsafeBytes {
            SavePlan.contentID(of: view, storedID: tensor.contentID, packed: $0)
        }
    }
}
