import Checkpoints
import GRDB
import Tensors

/// What a verification found.
public struct VerificationReport: Hashable, Sendable {
    /// Number of versions that were checked.
    public let versionCount: Int
    /// Number of tensors that were read and hashed, each once.
    public let tensorCount: Int
    /// Uncompressed bytes of these.
    public let byteCount: Int
    /// Number of versions of which tensors were dropped to save space, so that these could not be checked.
    public let thinnedVersionCount: Int
    /// What is wrong; empty if all is well.
    public let problems: [RegistryError.Damage]
}

extension Registry {
    /// Reads everything there is and compares it with its hashes.
    ///
    /// Checks the database's own integrity, that every chunk decodes to what its id says, every tensor is made of
    /// the chunks that its id says, every version is what its content id says, and every source file can be
    /// given back.
    ///
    /// - Parameter reference: One version to check; all of them where it is `nil`.
    /// - Returns: The problems, if any. They do not make the call throw.
    /// - Throws: ``RegistryError`` where the registry cannot be read at all.
    /// - Complexity: O(bytes), each tensor once, on all cores.
    public func verify(_ reference: String? = nil, progress: ProgressHandler? = nil) throws
        -> VerificationReport
    {
        try read { db in
            var verification = Verification(db, progress: progress)
            let versions: [Version]
            if let reference {
                versions = [try VersionTable.resolve(db, VersionReference(reference), text: reference)]
            } else {
                try verification.checkDatabase()
                versions = try VersionTable.fetch(db, where: "version.deleted_at IS NULL", arguments: [])
            }
            for version in versions { try verification.check(version) }
            try verification.checkTensors()
            return VerificationReport(
                versionCount: versions.count, tensorCount: verification.tensors.count,
                byteCount: verification.tensors.keys.reduce(0) { $0 + $1.byteCount },
                thinnedVersionCount: versions.count { $0.droppedTensorCount > 0 },
                problems: verification.problems)
        }
    }
}

private struct Verification {
    private let db: Database
    private let progress: ProgressHandler?
    private(set) var problems: [RegistryError.Damage] = []
    /// The tensors to read, and who needs them first.
    private(set) var tensors: [TensorRow: (version: String, path: CheckpointPath)] = [:]
    private var views: [View] = []

    private struct View {
        let tensor: TensorRow
        let view: SavePlan.View
        let id: ContentID
        let version: String
        let path: CheckpointPath
    }

    /// Tensors whose bytes are in memory at once.
    private static let batchByteCount = 64 << 20

    init(_ db: Database, progress: ProgressHandler?) {
        self.db = db
        self.progress = progress
    }

    mutating func checkDatabase() throws {
        for text in try String.fetchAll(db, sql: "PRAGMA quick_check") where text != "ok" {
            problems.append(RegistryError.Damage(problem: text))
        }
        for row in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check") {
            let table: String = try row.value("table")
            let parent: String = try row.value("parent")
            problems.append(
                RegistryError.Damage(problem: "a row of \"\(table)\" names a missing row of \"\(parent)\""))
        }
    }

    /// Checks what a version's rows say, and notes the tensors to read.
    mutating func check(_ version: Version) throws {
        do {
            let content = try VersionContent(db, version, checksContentID: false)
            let manifest = content.manifest
            if manifest.contentID != version.contentID {
                problems.append(
                    RegistryError.Damage(
                        version: version.reference, problem: "it does not match its content id"))
            }
            for leaf in content.leaves {
                guard case .tensor(let row, let view, let id) = leaf.content else { continue }
                if tensors[row] == nil { tensors[row] = (version.reference, leaf.path) }
                if view.placement != nil {
                    views.append(
                        View(tensor: row, view: view, id: id, version: version.reference, path: leaf.path))
                }
            }
            if let source = try SourceFileRow(db, version) {
                let recipe = try source.recipe(leafCount: content.leaves.count)
                _ = try source.places(recipe, content)
            }
        } catch RegistryError.damaged(let damage) {
            problems.append(damage)
        } catch var damage as RegistryError.Damage {
            damage.version = version.reference
            problems.append(damage)
        }
    }

    /// Reads the tensors that were noted, a batch at a time.
    mutating func checkTensors() throws {
        let total = tensors.keys.reduce(0) { $0 + $1.byteCount }
        var done = 0
        var batch: [TensorRow] = []
        var batchByteCount = 0
        let viewsOfTensor = Dictionary(grouping: views, by: \.tensor)
        for tensor in tensors.keys.sorted(by: { $0.rowID < $1.rowID }) {
            batch.append(tensor)
            batchByteCount += tensor.byteCount
            if batchByteCount >= Verification.batchByteCount {
                try checkBatch(batch, viewsOfTensor)
                done += batchByteCount
                batch = []
                batchByteCount = 0
                progress?(done, total)
            }
        }
        try checkBatch(batch, viewsOfTensor)
        progress?(total, total)
    }

    private mutating func checkBatch(_ batch: [TensorRow], _ viewsOfTensor: [TensorRow: [View]]) throws {
        for tensor in batch {
            let (version, path) = tensors[tensor] ?? ("", .root)
            do {
                let storage = Storage(uninitializedByteCount: tensor.byteCount)
                let request = TensorReader.Request(
                    tensor: tensor, path: path, destination: storage.unsafeMutableBytes)
                try TensorReader(db, reference: version, verifiesHashes: true).read([request])
                for view in viewsOfTensor[tensor] ?? [] {
                    let id = storage.withUnsafeBytes {
                        SavePlan.contentID(of: view.view, storedID: tensor.contentID, packed: $0)
                    }
                    if id != view.id {
                        problems.append(
                            RegistryError.Damage(
                                version: view.version, path: view.path.text,
                                problem: "the view does not match its content id"))
                    }
                }
            } catch RegistryError.damaged(let damage) {
                problems.append(damage)
            }
        }
    }
}
