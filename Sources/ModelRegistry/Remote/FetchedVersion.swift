import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import Remotes
import TensorCodec
import Tensors

/// A version of a remote, read and checked, and which of its tensors are wanted.
struct FetchedVersion {
    let remote: RemoteVersion
    let tree: VersionTree
    let model: String
    /// For each leaf, whether its bytes are wanted. Plain values always are.
    let isWanted: [Bool]

    /// Reads the tree of a version.
    ///
    /// - Parameters:
    ///   - model: What it is to be called here.
    ///   - selects: For each leaf, whether it is wanted.
    /// - Throws: ``RemoteError``, and what `selects` throws.
    init(_ remote: RemoteVersion, as model: String, selecting selects: (Manifest) throws -> [Bool]) throws {
        self.remote = remote
        self.model = model
        let tree = try remote.tree()
        self.tree = tree
        isWanted = zip(tree.leaves, try selects(tree.manifest)).map { leaf, isSelected in
            if case .tensor = leaf { isSelected } else { true }
        }
    }

    /// Whether all of it is wanted.
    var isWhole: Bool { !isWanted.contains(false) }

    private var wantedTensors: Set<Int> {
        Set(
            zip(tree.leaves, isWanted).compactMap { leaf, isWanted in
                if isWanted, case .tensor(let stored, _, _) = leaf { stored } else { nil }
            })
    }

    /// The chunks of the tensors that are wanted.
    var wantedChunks: Set<ContentID> {
        Set(wantedTensors.flatMap { tree.tensors[$0].chunks.map { tree.chunks[$0].id } })
    }

    /// What each chunk is of.
    var kinds: [ContentID: ElementKind] {
        var kinds: [ContentID: ElementKind] = [:]
        for tensor in tree.tensors {
            for chunk in tensor.chunks { kinds[tree.chunks[chunk].id] = ElementKind(tensor.dtype) }
        }
        return kinds
    }

    // MARK: Views

    /// Compares views of parts of tensors with their content ids. Their chunks are here.
    ///
    /// - Throws: ``RemoteError/damaged(_:problem:)``.
    /// - Complexity: O(bytes of the tensors that have such views), which are held in memory one at a time.
    func proveViews(in ours: Registry) throws {
        var views: [Int: [(view: SavePlan.View, id: ContentID)]] = [:]
        for (index, leaf) in tree.leaves.enumerated() where isWanted[index] {
            guard case .tensor(let stored, let view, _) = leaf, view.placement != nil,
                let id = tree.leafIDs[index]
            else { continue }
            views[stored, default: []].append((view, id))
        }
        for (stored, views) in views {
            let storage = try bytes(ofTensor: stored, in: ours)
            for (view, id) in views {
                let found = storage.withUnsafeBytes { bytes in
                    SavePlan.contentID(of: view, storedID: tree.tensors[stored].id, packed: bytes)
                }
                guard found == id else {
                    throw RemoteError.damaged(
                        remote.store.name, problem: "a view that does not match its content id")
                }
            }
        }
    }

    private func bytes(ofTensor index: Int, in ours: Registry) throws -> Storage {
        let tensor = tree.tensors[index]
        let byteCount = try TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape)
        let storage = Storage(uninitializedByteCount: byteCount)
        let (locations, session) = try ours.read { db in
            var finder = try ChunkFinder(db)
            let locations = try tensor.chunks.map { index in
                guard let location = try finder.chunk(tree.chunks[index].id) else {
                    throw ChunkGone(id: tree.chunks[index].id)
                }
                return location
            }
            return (locations, try ReadSession(ours.store, db))
        }
        let requests = locations.enumerated().map { ordinal, location in
            ReadSession.Request(
                location,
                into: UnsafeMutableRawBufferPointer(
                    rebasing: storage.unsafeMutableBytes[Chunking.range(ofChunk: ordinal, byteCount: byteCount)]
                ))
        }
        try translatingErrors { try session.read(requests) }
        return storage
    }

    // MARK: Rows

    /// The version as it is inserted here.
    ///
    /// - Parameters:
    ///   - hasParent: Whether its parent is here; its key is 0.
    ///   - hasRun: Whether its run is here; its key is 0.
    /// - Throws: ``RemoteError``, ``RegistryError``.
    func imported(
        hasParent: Bool, hasRun: Bool, attachments: [(name: String, content: AttachmentTable.Content)]
    ) throws -> ImportedVersion {
        let facts = try CheckedFacts(remote.facts, model: model, from: remote.store.name)
        guard facts.version.kind == tree.structure.kind else {
            throw RemoteError.damaged(remote.store.name, problem: "a version with impossible facts")
        }
        let manifest = tree.manifest
        return ImportedVersion(
            content: VersionContent(
                version: facts.version, structure: tree.structure, leaves: try rows(manifest)),
            summary: VersionTable.Summary(manifest, contentID: manifest.contentID),
            parent: hasParent ? 0 : nil, run: hasRun ? 0 : nil,
            step: facts.version.step, environment: facts.environment, tensors: newTensors,
            droppedAt: isWhole ? nil : Timestamp.now(), metrics: facts.metrics, attributes: facts.attributes,
            attachments: attachments,
            sourceFile: isWhole
                ? tree.sourceFile.map {
                    NewSourceFile(name: $0.name, format: $0.format, byteCount: $0.byteCount, recipe: $0.recipe)
                } : nil,
            notes: facts.notes, lineage: facts.lineage)
    }

    private func rows(_ manifest: Manifest) throws -> [StoredLeaf] {
        try zip(manifest.leaves, tree.leaves).enumerated().map { index, pair in
            let (named, leaf) = pair
            switch leaf {
            case .value(let value):
                return StoredLeaf(path: named.path, role: .unspecified, content: .value(value))
            case .tensor(let stored, let view, let role):
                guard case .tensor(let content) = named.content, isWanted[index] else {
                    guard case .tensor(let content) = named.content else {
                        preconditionFailure("a tensor without content")
                    }
                    return StoredLeaf(path: named.path, role: role, content: .dropped(content))
                }
                let tensor = tree.tensors[stored]
                let row = TensorRow(
                    rowID: Int64(stored), contentID: tensor.id, dtype: tensor.dtype, shape: tensor.shape,
                    byteCount: try TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape))
                return StoredLeaf(
                    path: named.path, role: role, content: .tensor(row, view: view, id: content.id))
            }
        }
    }

    private var newTensors: [Int64: NewTensor] {
        var new: [Int64: NewTensor] = [:]
        for index in wantedTensors {
            new[Int64(index)] = newTensor(index, chunks: tree.tensors[index].chunks.map { tree.chunks[$0].id })
        }
        return new
    }

    /// The tensors that are not wanted, as rows without chunks: what is known of their elements is known nevertheless.
    ///
    /// For a registry that is gone afterwards; no other may have such rows.
    var unwantedTensors: [NewTensor] {
        let wanted = wantedTensors
        return tree.tensors.indices.filter { !wanted.contains($0) }.map { newTensor($0, chunks: []) }
    }

    private func newTensor(_ index: Int, chunks: [ContentID]) -> NewTensor {
        let tensor = tree.tensors[index]
        return NewTensor(
            id: tensor.id, dtype: tensor.dtype, shape: tensor.shape,
            byteCount: (try? TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape)) ?? 0,
            chunks: chunks, health: tensor.health.map { TensorHealth($0) })
    }
}
