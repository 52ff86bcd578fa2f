import Foundations
package import Tensors

// A view's content id is made of its elements in row-major order, wherever they lie. They are read a part at a time: a tensor
// may be larger than memory.

extension SavePlan {
    /// A view with more elements than its stored bytes explain is not read to be named, beyond this factor
    /// and this many bytes: four bytes can be expanded to any size.
    static let maximumExpansion = 64
    static let freeExpansionByteCount = 64 << 20

    /// The content id of the leaf `view` of a stored tensor called `storedID`: that of the same elements stored
    /// on their own, so that it does not depend on how the tensor lay in memory.
    ///
    /// - Parameter packed: The stored tensor's bytes.
    package static func contentID(
        of view: View, storedID: ContentID, packed: UnsafeRawBufferPointer
    ) -> ContentID {
        // Nothing is copied to be read, so that all may be read at once.
        contentID(of: view, storedID: storedID, packedByteCount: packed.count, spanByteCount: .max) { range in
            let window = UnsafeMutableRawBufferPointer(
                mutating: UnsafeRawBufferPointer(rebasing: packed[range]))
            return Storage(wrapping: window, keepingAlive: ())
        }
    }

    /// The same for bytes that are read when they are wanted.
    ///
    /// - Parameters:
    ///   - packedByteCount: Bytes of the stored tensor.
    ///   - partByteCount: Bytes of the elements that are put together at once, about.
    ///   - spanByteCount: Bytes that are read at once, about. `nil`: as many.
    ///   - window: Reads some bytes of the stored tensor.
    /// - Complexity: O(bytes of the view) where its elements lie nearly in row-major order; where they do not, each part
    ///   reads all that lies between its elements.
    package static func contentID(
        of view: View, storedID: ContentID, packedByteCount: Int, partByteCount: Int = 32 << 20,
        spanByteCount: Int? = nil, window: (Range<Int>) throws -> Storage
    ) rethrows -> ContentID {
        guard let placement = view.placement else { return storedID }
        let width = view.dtype.byteWidth ?? 1
        guard view.shape.reduce(1, *) * width <= max(freeExpansionByteCount, maximumExpansion * packedByteCount)
        else {
            let line =
                "view \(view.dtype.rawValue) \(view.shape) \(placement.strides) \(placement.byteOffset) \(storedID)\n"
            return ContentID(hashing: Array(line.utf8))
        }
        var box = ViewHashing.Box(
            byteOffset: placement.byteOffset, shape: view.shape, strides: placement.strides)
        var dtype = view.dtype
        if dtype.byteWidth == nil {
            // Elements below a byte lie side by side: their bytes are as good.
            (box.shape, box.strides) = ([dtype.byteCount(elementCount: box.elementCount) ?? 0], [1])
            dtype = .uint8
        }
        var hashing = ViewHashing(
            dtype: dtype, width: width, partByteCount: partByteCount,
            spanByteCount: spanByteCount ?? partByteCount)
        if !box.shape.contains(0) { try hashing.add(box, window) }
        return TensorHash(dtype: view.dtype, shape: view.shape, chunks: hashing.chunks.end()).id
    }
}

/// Hashes the elements of a view in row-major order.
private struct ViewHashing {
    let dtype: DType
    let width: Int
    let partByteCount: Int
    let spanByteCount: Int
    var chunks = ChunkHasher()

    init(dtype: DType, width: Int, partByteCount: Int, spanByteCount: Int) {
        self.dtype = dtype
        self.width = width
        self.partByteCount = partByteCount
        self.spanByteCount = spanByteCount
    }

    /// Neighbouring elements along each axis; at least one.
    struct Box {
        var byteOffset: Int
        var shape: [Int]
        var strides: [Int]

        var elementCount: Int { shape.reduce(1, *) }

        /// Elements from the first to the last one, whatever lies between.
        var spanCount: Int { zip(shape, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 } }

        /// The axis that can be cut and is the first to fulfil a condition.
        func axis(where isWanted: (Int) -> Bool = { _ in true }) -> Int? {
            shape.indices.first { shape[$0] > 1 && isWanted($0) }
        }

        /// Calls `body` with parts of some length along an axis.
        func forEachPart(
            along axis: Int, length: Int, width: Int, _ body: (Box, _ start: Int) throws -> Void
        ) rethrows {
            for start in stride(from: 0, to: shape[axis], by: length) {
                var part = self
                part.byteOffset += start * strides[axis] * width
                part.shape[axis] = min(length, shape[axis] - start)
                try body(part, start)
            }
        }
    }

    mutating func add(_ box: Box, _ window: (Range<Int>) throws -> Storage) rethrows {
        let byteCount = box.elementCount * width
        if byteCount <= partByteCount || box.axis() == nil {
            if box.spanCount <= spanByteCount / width || box.axis() == nil {
                let tensor = try read(box, window)
                tensor.withUnsafeBytes { chunks.add($0) }
            } else {
                try gather(box, window).withUnsafeBytes { chunks.add($0) }
            }
            return
        }
        guard let axis = box.axis() else { return }
        let length = max(1, partByteCount / max(1, byteCount / box.shape[axis]))
        try box.forEachPart(along: axis, length: length, width: width) { part, _ in try add(part, window) }
    }

    /// The elements of a box, as they lie.
    private func read(_ box: Box, _ window: (Range<Int>) throws -> Storage) rethrows -> Tensor {
        let storage = try window(box.byteOffset..<box.byteOffset + box.spanCount * width)
        guard let tensor = try? Tensor(storage: storage, dtype: dtype, shape: box.shape, strides: box.strides)
        else { preconditionFailure("planned view \(box) does not fit its stored tensor") }
        return tensor
    }

    /// The elements of a box that lie far from each other: read in the order in which they lie, each once.
    private func gather(_ box: Box, _ window: (Range<Int>) throws -> Storage) rethrows -> Storage {
        let target = Storage(uninitializedByteCount: box.elementCount * width)
        let strides = TensorGeometry.contiguousStrides(box.shape)
        var rest = [(source: box, target: 0)]
        while let (source, offset) = rest.popLast() {
            let axis = source.axis { axis in
                source.shape.indices.allSatisfy {
                    source.shape[$0] == 1 || source.strides[$0] <= source.strides[axis]
                }
            }
            guard source.spanCount > spanByteCount / width, let axis else {
                guard
                    let place = try? Tensor(
                        storage: target, dtype: dtype, shape: source.shape, strides: strides, offset: offset)
                else { preconditionFailure("a part of a view beyond it") }
                place.copy(from: try read(source, window))
                continue
            }
            // The span of one step along the axis tells how many steps fit into a part.
            var step = source
            step.shape[axis] = 1
            let room = spanByteCount / width - step.spanCount
            let length = max(1, room / max(1, source.strides[axis]) + 1)
            source.forEachPart(along: axis, length: room < 0 ? 1 : length, width: width) { part, start in
                rest.append((part, offset + start * strides[axis]))
            }
        }
        return target
    }
}

/// The content ids of chunks of bytes that come in pieces.
private struct ChunkHasher {
    private var ids: [ContentID] = []
    private var hasher = ContentHasher()
    private var byteCount = 0

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(Chunking.chunkByteCount - byteCount)
            hasher.add(UnsafeRawBufferPointer(rebasing: part))
            byteCount += part.count
            rest = rest.dropFirst(part.count)
            if byteCount == Chunking.chunkByteCount { finish() }
        }
    }

    mutating func end() -> [ContentID] {
        if byteCount > 0 { finish() }
        return ids
    }

    private mutating func finish() {
        ids.append(hasher.end())
        hasher = ContentHasher()
        byteCount = 0
    }
}
