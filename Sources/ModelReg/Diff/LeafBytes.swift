import Checkpoints
import ChunkStore
import ModelRegistry
import Tensors

/// The elements of a leaf, wherever they are: mapped, in memory, or to be decoded.
struct LeafBytes: Sendable {
    enum Origin: Sendable {
        case memory(SavePlan.StoredTensor)
        case stored(StoredBytes)
    }

    let dtype: DType
    let shape: [Int]
    /// The chunks of the tensor that the leaf is a view of.
    let chunkIDs: [ContentID]
    /// Where its elements begin in that tensor, where they lie packed and in order.
    let packedOffset: Int?
    private let view: SavePlan.View
    private let origin: Origin
    private let storedByteCount: Int

    /// A view with more elements than its bytes explain is not compared, as it is not hashed: four bytes can be
    /// expanded to any size.
    private static let maximumExpansion = 64
    private static let freeExpansionByteCount = 64 << 20

    /// - Returns: `nil` for such a view.
    init?(_ view: SavePlan.View, _ origin: Origin, storedByteCount: Int, chunkIDs: [ContentID]) {
        self.view = view
        self.origin = origin
        self.storedByteCount = storedByteCount
        self.chunkIDs = chunkIDs
        dtype = view.dtype
        shape = view.shape
        guard let byteCount = try? TensorGeometry.byteCount(dtype: view.dtype, shape: view.shape),
            byteCount <= max(Self.freeExpansionByteCount, Self.maximumExpansion * storedByteCount)
        else { return nil }
        guard let placement = view.placement else {
            packedOffset = 0
            return
        }
        let isPacked = TensorGeometry.isContiguous(shape: view.shape, strides: placement.strides)
        packedOffset = isPacked ? placement.byteOffset : nil
    }

    /// Whether the leaf is all of its stored tensor, so that chunk n of it is chunk n of that.
    var isWhole: Bool { packedOffset == 0 && byteCount == storedByteCount }

    var elementCount: Int { shape.reduce(1, *) }

    /// Bytes of the packed elements.
    var byteCount: Int { elementCount * dtype.bitWidth / 8 }

    /// Whether decoding chunk `index` takes the decoded bytes of the one called `id`.
    func isDelta(chunk index: Int, of id: ContentID) -> Bool {
        if case .stored(let stored) = origin { stored.isDelta(chunk: index, of: id) } else { false }
    }

    /// Calls `body` with a stretch of the packed elements: where they lie if they are in memory, else read or decoded
    /// into `buffer`.
    ///
    /// - Precondition: The elements lie packed.
    func withPackedBytes<Result>(
        _ range: Range<Int>, in buffer: ByteBuffer, knowing known: KnownChunk? = nil,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let packedOffset else { preconditionFailure("a view with gaps has no packed bytes") }
        let stretch = packedOffset + range.lowerBound..<packedOffset + range.upperBound
        switch origin {
        case .memory(let stored) where stored.storage.file == nil:
            return try stored.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[stretch])) }
        case .memory(let stored):
            let start = stored.byteRange.lowerBound + stretch.lowerBound
            let target = buffer.reserve(stretch.count)
            try stored.storage.copyBytes(start..<start + stretch.count, into: target)
            return try body(UnsafeRawBufferPointer(target))
        case .stored(let stored):
            let target = buffer.reserve(stretch.count)
            try stored.read(stretch, into: target, knowing: known)
            return try body(UnsafeRawBufferPointer(target))
        }
    }

    /// All elements, packed and in order. A copy where they do not lie so.
    func gathered() throws -> Tensor {
        let start = packedOffset ?? view.placement?.byteOffset ?? 0
        let strides = view.placement?.strides ?? TensorGeometry.contiguousStrides(shape)
        let span =
            shape.contains(0)
            ? 0 : try TensorGeometry.span(dtype: dtype, shape: shape, strides: strides).upperBound
        switch origin {
        case .memory(let stored):
            let storage = Storage(uninitializedByteCount: span)
            let first = stored.byteRange.lowerBound + start
            try stored.storage.copyBytes(first..<first + span, into: storage.unsafeMutableBytes)
            return try Tensor(storage: storage, dtype: dtype, shape: shape, strides: strides).contiguous()
        case .stored(let stored):
            let storage = Storage(uninitializedByteCount: span)
            try stored.read(start..<start + span, into: storage.unsafeMutableBytes)
            return try Tensor(storage: storage, dtype: dtype, shape: shape, strides: strides).contiguous()
        }
    }
}

/// Memory that is used again and again, as long as what was longest so far.
final class ByteBuffer {
    private var storage = Storage(uninitializedByteCount: 0)

    /// The first `byteCount` bytes, of unspecified content.
    func reserve(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        if storage.byteCount < byteCount { storage = Storage(uninitializedByteCount: byteCount) }
        return UnsafeMutableRawBufferPointer(rebasing: storage.unsafeMutableBytes[..<byteCount])
    }
}
