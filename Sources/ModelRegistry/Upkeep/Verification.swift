import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Tensors

/// One verification: the database, then rows version by version, then chunks, each in short transactions.
final class Verification {
    private let registry: Registry
    private let progress: ProgressHandler?
    private let rows: RowVerification
    private var problems: [RegistryError.Damage] = []
    private var found: Set<RegistryError.Damage> = []

    private typealias Use = RowVerification.Use

    /// Bytes of the tensors whose chunks are found in one transaction.
    private static let batchByteCount = 64 << 20

    init(_ registry: Registry, progress: ProgressHandler?) {
        self.registry = registry
        self.progress = progress
        rows = RowVerification(registry)
    }

    func run(_ reference: String?) throws -> VerificationReport {
        if let reference {
            try rows.check(
                registry.read { db in
                    try VersionTable.resolve(db, VersionReference(reference), text: reference)
                })
        } else {
            try rows.check()
        }
        problems = rows.problems
        try checkTensors()
        return VerificationReport(
            versionCount: rows.versionCount, tensorCount: rows.tensors.count,
            byteCount: rows.tensors.keys.reduce(0) { $0 + $1.byteCount },
            thinnedVersionCount: rows.thinnedCount, problems: problems)
    }

    /// Reads the tensors that were noted, chunk by chunk, and then the views of each, a part at a time.
    private func checkTensors() throws {
        let throttled = progress.map {
            ThrottledProgress($0, total: rows.tensors.keys.reduce(0) { $0 + $1.byteCount })
        }
        var checked: Set<ContentID> = []
        var rest = rows.tensors.sorted { $0.key.rowID < $1.key.rowID }[...]
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
        for (tensor, _) in batch { for view in rows.views[tensor] ?? [] { try check(view, of: tensor) } }
    }

    private func check(_ view: RowVerification.View, of tensor: TensorRow) throws {
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
        return try SavePlan.contentID(
            of: view, storedID: tensor.contentID, packedByteCount: tensor.byteCount
        ) { range in
            let storage = Storage(uninitializedByteCount: range.count)
            try reader.read(
                [
                    TensorReader.Request(
                        tensor: tensor, byteRange: range, path: path, destination: storage.unsafeMutableBytes)
                ], verifiesHashes: true)
            return storage
        }
    }
}
