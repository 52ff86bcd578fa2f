package import Checkpoints
import Foundations
import TensorCodec
package import Tensors

/// Structure, tensors and chunks of a version: all of it but its bytes, and where these are.
///
/// `docs/remote.md` gives the fields.
package struct VersionTree: Sendable {
    /// A tensor as it is stored.
    package struct StoredTensor: Sendable {
        package let dtype: DType
        package let shape: [Int]
        package let id: ContentID
        /// Its chunks, in order, as indices into ``VersionTree/chunks``.
        package let chunks: [Int]
        package let health: Health?

        package init(dtype: DType, shape: [Int], id: ContentID, chunks: [Int], health: Health?) {
            self.dtype = dtype
            self.shape = shape
            self.id = id
            self.chunks = chunks
            self.health = health
        }
    }

    /// What is known of a tensor's elements.
    package struct Health: Hashable, Sendable {
        package var nanCount: Int?
        package var infinityCount: Int?
        package var zeroCount: Int?
        package var minimum: Double?
        package var maximum: Double?
        package var l2Norm: Double?

        package init(
            nanCount: Int?, infinityCount: Int?, zeroCount: Int?, minimum: Double?, maximum: Double?,
            l2Norm: Double?
        ) {
            self.nanCount = nanCount
            self.infinityCount = infinityCount
            self.zeroCount = zeroCount
            self.minimum = minimum
            self.maximum = maximum
            self.l2Norm = l2Norm
        }
    }

    /// The file that the version was saved from.
    package struct SourceFile: Sendable {
        package let name: String
        package let format: String
        package let byteCount: Int
        package let recipe: [UInt8]

        package init(name: String, format: String, byteCount: Int, recipe: [UInt8]) {
            self.name = name
            self.format = format
            self.byteCount = byteCount
            self.recipe = recipe
        }
    }

    package let structure: Structure
    package let tensors: [StoredTensor]
    package let leaves: [SavePlan.Leaf]
    /// Content ids of the leaves that are tensors.
    package let leafIDs: [ContentID?]
    package let sourceFile: SourceFile?
    /// The chunks of all tensors and those that they are decoded by way of; each after its base.
    package let chunks: [RemoteChunk]

    package init(
        structure: Structure, tensors: [StoredTensor], leaves: [SavePlan.Leaf], leafIDs: [ContentID?],
        sourceFile: SourceFile?, chunks: [RemoteChunk]
    ) {
        self.structure = structure
        self.tensors = tensors
        self.leaves = leaves
        self.leafIDs = leafIDs
        self.sourceFile = sourceFile
        self.chunks = chunks
    }

    /// The manifest that the version's content id is the hash of.
    package var manifest: Manifest { Manifest(structure, leaves, ids: leafIDs) }

    /// A million leaves take a quarter of the limit.
    package static let file = CompressedFields("RT", name: "a tree", maximumByteCount: 256 << 20)
}

// MARK: Writing

extension VersionTree {
    /// The tree's bytes.
    ///
    /// - Parameter packs: The packs in the order of the manifest's layers; all that chunks name.
    package func encoded(packs: [ContentID]) -> [UInt8] {
        let places = Dictionary(packs.enumerated().map { ($1, $0) }) { first, _ in first }
        let indices = Dictionary(chunks.enumerated().map { ($1.id, $0) }) { first, _ in first }
        var fields = FieldWriter()
        fields.text(structure.json)
        fields.list(chunks) { fields, chunk in
            guard let place = places[chunk.pack] else {
                preconditionFailure("a chunk of a pack that is not named")
            }
            fields.id(chunk.id)
            fields.number(chunk.byteCount)
            fields.word(chunk.checksum)
            fields.byte(chunk.codec.rawValue)
            fields.number(chunk.base.flatMap { indices[$0] }.map { $0 + 1 } ?? 0)
            fields.number(place)
            fields.number(chunk.range.lowerBound)
            fields.number(chunk.range.count)
        }
        fields.list(tensors) { fields, tensor in
            fields.text(tensor.dtype.rawValue)
            fields.list(tensor.shape) { $0.number($1) }
            fields.id(tensor.id)
            fields.list(tensor.chunks) { $0.number($1) }
            fields.optional(tensor.health) { $0.health($1) }
        }
        fields.list(Array(zip(leaves, leafIDs))) { $0.leaf($1.0, id: $1.1) }
        fields.optional(sourceFile) { fields, source in
            fields.text(source.name)
            fields.text(source.format)
            fields.number(source.byteCount)
            fields.data(source.recipe)
        }
        return VersionTree.file.encoded(fields)
    }
}

extension FieldWriter {
    fileprivate mutating func health(_ health: VersionTree.Health) {
        for count in [health.nanCount, health.infinityCount, health.zeroCount] {
            optional(count) { $0.number($1) }
        }
        for number in [health.minimum, health.maximum, health.l2Norm] {
            optional(number) { $0.word($1.bitPattern) }
        }
    }
}

// MARK: Reading

extension VersionTree {
    /// Reads a tree, which may come from anybody, and checks all that can be checked without its bytes.
    ///
    /// - Parameter packs: The packs that the manifest names, in order.
    package init(
        decoding bytes: [UInt8], packs: [(id: ContentID, byteCount: Int)]
    ) throws(FieldProblem) {
        self = try VersionTree.file.decoded(bytes) { reader throws(FieldProblem) in
            try VersionTree(&reader, packs: packs)
        }
    }

    private init(
        _ reader: inout FieldReader, packs: [(id: ContentID, byteCount: Int)]
    ) throws(FieldProblem) {
        let json = try reader.text()
        do { structure = try Structure(json: json) } catch { throw FieldProblem("an invalid structure") }
        var chunks: [RemoteChunk] = []
        var ids: Set<ContentID> = []
        _ = try reader.list(elementByteCount: ContentID.byteCount) { reader throws(FieldProblem) in
            let chunk = try reader.chunk(after: chunks, packs: packs)
            guard ids.insert(chunk.id).inserted else { throw FieldProblem("a chunk that is there twice") }
            chunks.append(chunk)
        }
        self.chunks = chunks
        let all = chunks
        let tensors = try reader.list(elementByteCount: ContentID.byteCount) { reader throws(FieldProblem) in
            try reader.tensor(of: all)
        }
        self.tensors = tensors
        let views = tensors.map { (dtype: $0.dtype, shape: $0.shape, id: $0.id) }
        var leafIDs: [ContentID?] = []
        leaves = try reader.list { reader throws(FieldProblem) in
            let (leaf, id) = try reader.leaf(of: views)
            leafIDs.append(id)
            return leaf
        }
        self.leafIDs = leafIDs
        sourceFile = try reader.optional { reader throws(FieldProblem) in
            SourceFile(
                name: try reader.text(), format: try reader.text(), byteCount: try reader.number(),
                recipe: try reader.data())
        }
        try structure.check(leaves, tensorCount: tensors.count)
    }
}

extension FieldReader {
    fileprivate mutating func chunk(
        after earlier: [RemoteChunk], packs: [(id: ContentID, byteCount: Int)]
    ) throws(FieldProblem) -> RemoteChunk {
        let id = try id()
        let byteCount = try number()
        let checksum: UInt32 = try word()
        let codec = ChunkCodec(rawValue: try byte())
        let base = try number()
        let place = try number()
        let offset = try number()
        let storedByteCount = try number()
        // Each base comes before what is a difference from it: there are no cycles.
        guard base <= earlier.count, codec.needsBase == (base > 0) else {
            throw FieldProblem("a chunk whose base is not before it")
        }
        guard (1...Chunking.chunkByteCount).contains(byteCount),
            storedByteCount <= RemoteChunk.maximumStoredByteCount, packs.indices.contains(place),
            offset <= packs[place].byteCount, storedByteCount <= packs[place].byteCount - offset
        else { throw FieldProblem("a chunk that is not within its pack") }
        if base > 0, earlier[base - 1].byteCount != byteCount {
            throw FieldProblem("a difference from a chunk of another length")
        }
        return RemoteChunk(
            id: id, byteCount: byteCount, checksum: checksum, codec: codec,
            base: base > 0 ? earlier[base - 1].id : nil, pack: packs[place].id,
            packByteCount: packs[place].byteCount, range: offset..<offset + storedByteCount)
    }

    fileprivate mutating func tensor(of chunks: [RemoteChunk]) throws(FieldProblem) -> VersionTree.StoredTensor
    {
        let dtype = try dtype()
        let shape = try numbers()
        let id = try id()
        guard let byteCount = try? TensorGeometry.byteCount(dtype: dtype, shape: shape) else {
            throw FieldProblem("an impossible shape")
        }
        let indices = try numbers()
        guard indices.count == Chunking.chunkCount(byteCount: byteCount),
            indices.allSatisfy(chunks.indices.contains)
        else { throw FieldProblem("a tensor whose chunks are not there") }
        for (ordinal, index) in indices.enumerated() {
            guard chunks[index].byteCount == Chunking.range(ofChunk: ordinal, byteCount: byteCount).count else {
                throw FieldProblem("a chunk of a wrong length")
            }
        }
        guard TensorHash(dtype: dtype, shape: shape, chunks: indices.map { chunks[$0].id }).id == id else {
            throw FieldProblem("a tensor whose chunks do not match its hash")
        }
        let health = try optional { reader throws(FieldProblem) in try reader.health() }
        return VersionTree.StoredTensor(dtype: dtype, shape: shape, id: id, chunks: indices, health: health)
    }

    private mutating func health() throws(FieldProblem) -> VersionTree.Health {
        func count(_ reader: inout FieldReader) throws(FieldProblem) -> Int? {
            try reader.optional { reader throws(FieldProblem) in try reader.number() }
        }
        func number(_ reader: inout FieldReader) throws(FieldProblem) -> Double? {
            try reader.optional { reader throws(FieldProblem) in Double(bitPattern: try reader.word()) }
        }
        return VersionTree.Health(
            nanCount: try count(&self), infinityCount: try count(&self), zeroCount: try count(&self),
            minimum: try number(&self), maximum: try number(&self), l2Norm: try number(&self))
    }
}
