import Checkpoints
import OrderedCollections
import Tensors

/// What a patch says before its chunks: which version it changes, and all of the version that it makes except bytes.
struct PatchHeader {
    /// A version elsewhere.
    struct Origin {
        let contentID: ContentID
        /// What it is called where the patch was made; for messages.
        let reference: String
    }

    /// A tensor as it is stored.
    struct StoredTensor {
        let dtype: DType
        let shape: [Int]
        let id: ContentID
        /// Its chunks; `nil` where the base has the tensor.
        let chunks: [Chunk]?
    }

    /// A chunk of a tensor.
    struct Chunk {
        let id: ContentID
        let place: Place
    }

    /// Where the bytes of a chunk are.
    enum Place: UInt8 {
        /// In the base.
        case base = 0
        /// In the patch; records follow the header in the order in which chunks are named so.
        case record = 1
        /// In a record that was named before.
        case earlierRecord = 2
    }

    /// A fact about the version.
    struct Attribute {
        let isFromFile: Bool
        let key: String
        let json: String
    }

    /// A small file.
    struct Attachment {
        let name: String
        let id: ContentID
        /// `nil` where an attachment of the base has them.
        let bytes: [UInt8]?
    }

    /// The file that the version was saved from.
    struct SourceFile {
        let name: String
        let format: String
        let byteCount: Int
        let recipeID: ContentID
        /// The recipe as `source_file` holds it; `nil` where that of the base is the same.
        let recipe: [UInt8]?
    }

    var base: Origin
    var target: Origin
    var message: String
    /// The training step of the version.
    var step: Int?
    var metrics: [(name: String, value: Double)]
    /// The code and machine that saved the version, which are not those that apply the patch.
    var environment: RunEnvironment?
    var attributes: [Attribute]
    var attachments: [Attachment]
    var sourceFile: SourceFile?
    var structure: Structure
    var tensors: [StoredTensor]
    var leaves: [SavePlan.Leaf]
    /// Content ids of the leaves that are tensors.
    var leafIDs: [ContentID?]

    /// The manifest of the version that the patch makes.
    var manifest: Manifest { Manifest(structure, leaves, ids: leafIDs) }
}

// MARK: Writing

extension PatchHeader {
    /// The header's bytes; `docs/format.md` gives them field by field.
    var encoded: [UInt8] {
        var writer = FieldWriter()
        for origin in [base, target] {
            writer.id(origin.contentID)
            writer.text(origin.reference)
        }
        writer.text(message)
        writer.optional(step) { $0.number($1) }
        writer.list(metrics) { writer, metric in
            writer.text(metric.name)
            writer.word(metric.value.bitPattern)
        }
        writer.optional(environment) { $0.environment($1) }
        writer.list(attributes) { writer, attribute in
            writer.byte(attribute.isFromFile ? 1 : 0)
            writer.text(attribute.key)
            writer.text(attribute.json)
        }
        writer.list(attachments) { writer, attachment in
            writer.text(attachment.name)
            writer.id(attachment.id)
            writer.optional(attachment.bytes) { $0.data($1) }
        }
        writer.optional(sourceFile) { writer, source in
            writer.text(source.name)
            writer.text(source.format)
            writer.number(source.byteCount)
            writer.id(source.recipeID)
            writer.optional(source.recipe) { $0.data($1) }
        }
        writer.text(structure.json)
        writer.list(tensors) { writer, tensor in
            writer.text(tensor.dtype.rawValue)
            writer.list(tensor.shape) { $0.number($1) }
            writer.id(tensor.id)
            writer.optional(tensor.chunks) { writer, chunks in
                writer.list(chunks) { writer, chunk in
                    writer.byte(chunk.place.rawValue)
                    writer.id(chunk.id)
                }
            }
        }
        writer.list(Array(zip(leaves, leafIDs))) { $0.leaf($1.0, id: $1.1) }
        return writer.bytes
    }
}

extension FieldWriter {
    fileprivate mutating func environment(_ environment: RunEnvironment) {
        optional(environment.host) { $0.text($1) }
        optional(environment.user) { $0.text($1) }
        list(environment.command) { $0.text($1) }
        optional(environment.gitCommit) { $0.text($1) }
        optional(environment.gitBranch) { $0.text($1) }
        optional(environment.isDirty) { $0.byte($1 ? 1 : 0) }
        list(Array(environment.packages)) { writer, package in
            writer.text(package.key)
            writer.text(package.value)
        }
    }
}

// MARK: Reading

extension PatchHeader {
    /// Reads a header, and checks all that can be checked without the base.
    init(decoding bytes: UnsafeRawBufferPointer) throws(FieldProblem) {
        var reader = FieldReader(bytes)
        base = Origin(contentID: try reader.id(), reference: try reader.text())
        target = Origin(contentID: try reader.id(), reference: try reader.text())
        message = try reader.text()
        step = try reader.optional { reader throws(FieldProblem) in try reader.number() }
        metrics = try reader.list { reader throws(FieldProblem) in
            (name: try reader.text(), value: Double(bitPattern: try reader.word()))
        }
        environment = try reader.optional { reader throws(FieldProblem) in try reader.environment() }
        attributes = try reader.list { reader throws(FieldProblem) in
            Attribute(isFromFile: try reader.flag(), key: try reader.text(), json: try reader.text())
        }
        attachments = try reader.list { reader throws(FieldProblem) in
            Attachment(
                name: try reader.text(), id: try reader.id(),
                bytes: try reader.optional { reader throws(FieldProblem) in try reader.data() })
        }
        sourceFile = try reader.optional { reader throws(FieldProblem) in
            SourceFile(
                name: try reader.text(), format: try reader.text(), byteCount: try reader.number(),
                recipeID: try reader.id(),
                recipe: try reader.optional { reader throws(FieldProblem) in try reader.data() })
        }
        do {
            structure = try Structure(json: try reader.text())
        } catch let problem as FieldProblem {
            throw problem
        } catch {
            throw FieldProblem("an invalid structure")
        }
        tensors = try reader.list(elementByteCount: ContentID.byteCount) { reader throws(FieldProblem) in
            try reader.storedTensor()
        }
        var leafIDs: [ContentID?] = []
        let tensors = tensors.map { (dtype: $0.dtype, shape: $0.shape, id: $0.id) }
        leaves = try reader.list { reader throws(FieldProblem) in
            let (leaf, id) = try reader.leaf(of: tensors)
            leafIDs.append(id)
            return leaf
        }
        self.leafIDs = leafIDs
        try reader.requireEnd()
        try check()
    }

    private func check() throws(FieldProblem) {
        try structure.check(leaves, tensorCount: tensors.count)
        var records: Set<ContentID> = []
        for chunk in tensors.lazy.compactMap(\.chunks).joined() {
            switch chunk.place {
            case .base: break
            case .record:
                guard records.insert(chunk.id).inserted else {
                    throw FieldProblem("a chunk that is there twice")
                }
            case .earlierRecord:
                guard records.contains(chunk.id) else { throw FieldProblem("a chunk that is not there") }
            }
        }
        func areUnique(_ names: [String]) -> Bool { Set(names).count == names.count }
        guard areUnique(metrics.map(\.name)), areUnique(attachments.map(\.name)),
            areUnique(attributes.map { "\($0.isFromFile) \($0.key)" })
        else { throw FieldProblem("two metrics, attributes or attachments of one name") }
        guard attachments.allSatisfy({ $0.bytes.map { ContentID(hashing: $0) } ?? $0.id == $0.id }) else {
            throw FieldProblem("an attachment that does not match its hash")
        }
        guard manifest.contentID == target.contentID else {
            throw FieldProblem("it does not make the version that it says")
        }
    }
}

extension FieldReader {
    private mutating func optionalText() throws(FieldProblem) -> String? {
        try optional { reader throws(FieldProblem) in try reader.text() }
    }

    fileprivate mutating func environment() throws(FieldProblem) -> RunEnvironment {
        var environment = RunEnvironment(
            host: try optionalText(), user: try optionalText(),
            command: try list { reader throws(FieldProblem) in try reader.text() },
            gitCommit: try optionalText(), gitBranch: try optionalText(),
            isDirty: try optional { reader throws(FieldProblem) in try reader.flag() })
        let packages = try list { reader throws(FieldProblem) in
            (name: try reader.text(), version: try reader.text())
        }
        for package in packages { environment.packages[package.name] = package.version }
        guard environment.packages.count == packages.count else {
            throw FieldProblem("two packages of one name")
        }
        return environment
    }
}

extension FieldReader {
    fileprivate mutating func storedTensor() throws(FieldProblem) -> PatchHeader.StoredTensor {
        let dtype = try dtype()
        let shape = try numbers()
        let id = try id()
        guard let byteCount = try? TensorGeometry.byteCount(dtype: dtype, shape: shape) else {
            throw FieldProblem("an impossible shape")
        }
        let chunks = try optional { reader throws(FieldProblem) in
            try reader.list(elementByteCount: ContentID.byteCount + 1) { reader throws(FieldProblem) in
                guard let place = PatchHeader.Place(rawValue: try reader.byte()) else {
                    throw FieldProblem("a chunk that is nowhere")
                }
                return PatchHeader.Chunk(id: try reader.id(), place: place)
            }
        }
        if let chunks {
            guard chunks.count == Chunking.chunkCount(byteCount: byteCount),
                TensorHash(dtype: dtype, shape: shape, chunks: chunks.map(\.id)).id == id
            else { throw FieldProblem("a tensor whose chunks do not match its hash") }
        }
        return PatchHeader.StoredTensor(dtype: dtype, shape: shape, id: id, chunks: chunks)
    }
}
