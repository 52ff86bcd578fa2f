public import Checkpoints
import Formats
import Foundations
public import ModelRegistry
import OrderedCollections
import Tensors
import WeightDiff

/// Where weights to compare come from: a version, a file, or a checkpoint in memory.
public struct WeightSource: Sendable {
    enum Origin: Sendable {
        case version(Registry, reference: String)
        case values(HashedCheckpoint)
    }

    let origin: Origin
    let facts: CheckpointFacts

    /// Whether it is a version of a file that was saved as it is.
    public let isOpaqueFile: Bool

    /// A version of a registry. Nothing of its tensors is read yet.
    ///
    /// - Throws: ``RegistryError``.
    public init(version reference: String, of registry: Registry) throws {
        let version = try registry.version(reference)
        let details = try registry.details(of: version)
        var facts = CheckpointFacts()
        facts.metrics = version.metrics.mapValues { "\($0)" }
        func texts(_ attributes: Attributes) -> [String: String] {
            Dictionary(uniqueKeysWithValues: attributes.map { ($0.key, $0.value.json) })
        }
        facts.attributes = texts(details.attributes)
        // Only some formats have a place for it.
        let metadata = texts(details.fileFacts)
        let formats = [FileFormat.safetensors.rawValue, SourceFile.folderFormat]
        if !metadata.isEmpty || details.sourceFile.map({ formats.contains($0.format) }) == true {
            facts.metadata = metadata
        }
        facts.attachments = Dictionary(
            uniqueKeysWithValues: details.attachments.map { attachment in
                let file = AttachedFile(id: attachment.contentID, byteCount: attachment.byteCount) {
                    try registry.attachment(attachment.name, of: version)
                }
                return (attachment.name, file)
            })
        isOpaqueFile = details.sourceFile?.format == SourceFile.opaqueFormat
        // Pinned, so that an alias that moves meanwhile changes nothing.
        origin = .version(registry, reference: version.reference)
        self.facts = facts
    }

    /// What the weights are, without their bytes.
    ///
    /// - Throws: ``RegistryError``.
    public func manifest() throws -> Manifest {
        switch origin {
        case .version(let registry, let reference): try registry.manifest(of: reference)
        case .values(let checkpoint): checkpoint.manifest
        }
    }

    /// A file, or the folder of a model, that has been read. Its tensors stay mapped.
    ///
    /// - Throws: ``CheckpointError``; `FileError`, `FileChangedError` where its storages are those of a file.
    /// - Complexity: O(bytes): tensors are hashed, on all cores.
    public init(_ source: ModelSource) throws {
        origin = .values(try HashedCheckpoint(source.checkpoint))
        isOpaqueFile = false
        var facts = CheckpointFacts()
        if source.file.map({ [.safetensors, .gguf].contains($0.format) || !$0.facts.isEmpty }) ?? true {
            let texts = source.metadata.map { ($0.key, JSONText.quoted($0.value)) }
            facts.metadata = Dictionary(source.fileFacts.map { ($0.key, $0.value.json) } + texts) { $1 }
        }
        // Nobody knows what belongs to a file alone.
        if source.file == nil || !source.attachments.isEmpty {
            facts.attachments = Dictionary(
                uniqueKeysWithValues: source.attachments.map { name, bytes in
                    (name, AttachedFile(id: ContentID(hashing: bytes), byteCount: bytes.count) { bytes })
                })
        }
        self.facts = facts
    }

    /// A checkpoint in memory, which must not change while it is compared.
    ///
    /// - Throws: ``CheckpointError``; `FileError`, `FileChangedError` where its storages are those of a file.
    /// - Complexity: O(bytes): tensors are hashed, on all cores.
    public init(_ checkpoint: Checkpoint) throws {
        origin = .values(try HashedCheckpoint(checkpoint))
        isOpaqueFile = false
        facts = CheckpointFacts()
    }
}

/// A checkpoint whose tensors have names.
struct HashedCheckpoint: Sendable {
    let plan: SavePlan
    let hashes: SavePlan.Hashes
    let manifest: Manifest

    init(_ checkpoint: Checkpoint) throws {
        plan = try SavePlan(checkpoint)
        hashes = try plan.hashes()
        manifest = Manifest(plan, ids: hashes.leaves)
    }
}

/// A source that can be read from, on any thread. Holds no lock.
struct OpenWeights: Sendable {
    private enum Origin: Sendable {
        case version(VersionReader, [Int: StoredHealth])
        case values(HashedCheckpoint)
    }

    private let origin: Origin
    let manifest: Manifest

    /// Opens a source.
    ///
    /// - Parameter comparesValues: Whether elements are looked at, too.
    init(_ source: WeightSource, comparesValues: Bool) throws {
        switch source.origin {
        case .values(let values):
            origin = .values(values)
            manifest = values.manifest
        case .version(let registry, let reference):
            let reader = try registry.readers(of: [reference])[0]
            origin = .version(reader, comparesValues ? try reader.storedHealth() : [:])
            manifest = reader.manifest
        }
    }

    /// The bytes of a leaf; `nil` for a plain value.
    func bytes(ofLeaf ordinal: Int) throws -> LeafBytes? {
        switch origin {
        case .version(let reader, _):
            guard let view = reader.view(ofLeaf: ordinal), let stored = try reader.storedBytes(ofLeaf: ordinal)
            else { return nil }
            return LeafBytes(
                view, .stored(stored), storedByteCount: stored.byteCount, chunkIDs: stored.chunkIDs)
        case .values(let values):
            guard case .tensor(let index, let view, _) = values.plan.leaves[ordinal] else { return nil }
            let stored = values.plan.storedTensors[index]
            return LeafBytes(
                view, .memory(stored), storedByteCount: stored.byteCount,
                chunkIDs: values.hashes.stored[index].chunks)
        }
    }

    /// What is known of the elements of a leaf without reading them.
    func summary(ofLeaf ordinal: Int) -> ElementSummary? {
        guard case .version(_, let health) = origin, let known = health[ordinal],
            case .tensor(let tensor) = manifest.leaves[ordinal].content
        else { return nil }
        return ElementSummary(
            numberCount: tensor.shape.reduce(1, *) * (tensor.dtype.isComplex ? 2 : 1),
            nanCount: known.nanCount, infinityCount: known.infinityCount, sumOfSquares: known.sumOfSquares)
    }
}
