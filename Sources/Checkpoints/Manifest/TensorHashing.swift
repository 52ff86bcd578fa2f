package import Foundations
package import Tensors

/// How tensors are cut into chunks and named. Part of the format: another size would be other ids.
package enum Chunking {
    /// Bytes per chunk before compression; the last chunk of a tensor may be shorter.
    ///
    /// 1 MiB compresses as well as 4 MiB and shares more between versions.
    package static let chunkByteCount = 1 << 20

    /// Number of chunks of a tensor of `byteCount` bytes. An empty tensor has none.
    package static func chunkCount(byteCount: Int) -> Int {
        byteCount / chunkByteCount + (byteCount % chunkByteCount == 0 ? 0 : 1)
    }

    /// The bytes of chunk `index` within a tensor of `byteCount` bytes.
    package static func range(ofChunk index: Int, byteCount: Int) -> Range<Int> {
        index * chunkByteCount..<min((index + 1) * chunkByteCount, byteCount)
    }
}

/// Where a chunk is in a plan.
package struct ChunkPlace: Hashable, Sendable {
    /// Which of ``SavePlan/storedTensors``.
    package let stored: Int
    /// Which of its chunks.
    package let index: Int

    /// Names a place.
    package init(stored: Int, index: Int) {
        self.stored = stored
        self.index = index
    }
}

/// A tensor's content id and those of its chunks.
package struct TensorHash: Hashable, Sendable {
    /// SHA-256 of dtype, shape and chunk ids.
    package let id: ContentID
    /// SHA-256 of each chunk's bytes, in order.
    package let chunks: [ContentID]

    /// Names a tensor by its chunks.
    ///
    /// The id is the SHA-256 of the line `tensor float32 [256,20]\n` (UTF-8) and the 32 bytes of each chunk id.
    package init(dtype: DType, shape: [Int], chunks: [ContentID]) {
        var hasher = ContentHasher()
        let line = "tensor \(dtype.rawValue) [\(shape.map(String.init).joined(separator: ","))]\n"
        Array(line.utf8).withUnsafeBytes { hasher.add($0) }
        for chunk in chunks { chunk.withUnsafeBytes { hasher.add($0) } }
        id = hasher.end()
        self.chunks = chunks
    }
}

extension SavePlan.StoredTensor {
    /// Calls `body` with the packed bytes.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try storage.withUnsafeBytes { bytes in try body(UnsafeRawBufferPointer(rebasing: bytes[byteRange])) }
    }

    /// Calls `body` with the bytes of one chunk.
    package func withUnsafeBytes<Result>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try withUnsafeBytes { bytes in
            let range = Chunking.range(ofChunk: index, byteCount: bytes.count)
            return try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }

    /// Number of chunks.
    package var chunkCount: Int { Chunking.chunkCount(byteCount: byteCount) }
}

extension SavePlan {
    /// Reads and names every stored tensor, on all cores, without keeping any bytes.
    ///
    /// - Throws: `FileError`, `FileChangedError` where storages are those of a file that cannot be read any more.
    /// - Complexity: O(bytes).
    package func hashes() throws -> Hashes {
        let pairs = chunkPairs()
        let ids = try ConcurrentMap.map(pairs) { try contentIDs(of: $0) }
        return try hashes(Dictionary(uniqueKeysWithValues: zip(pairs.joined(), ids.joined())))
    }

    /// All chunks of all stored tensors, two by two: of about a length, and neighbours where they can be.
    package func chunkPairs() -> [[ChunkPlace]] {
        let places = storedTensors.enumerated().flatMap { tensor, stored in
            (0..<stored.chunkCount).map { ChunkPlace(stored: tensor, index: $0) }
        }
        let byteCounts = places.map(byteCount)
        let order = places.indices.sorted { (byteCounts[$1], $0) < (byteCounts[$0], $1) }
        return stride(from: 0, to: order.count, by: 2).map { start in
            order[start..<min(start + 2, order.count)].map { places[$0] }
        }
    }

    /// The content ids of one or two chunks, which are named at once.
    package func contentIDs(of pair: [ChunkPlace]) throws -> [ContentID] {
        try withUnsafeBytes(of: pair[0]) { first in
            guard pair.count == 2 else { return [ContentID(hashing: first)] }
            let ids = try withUnsafeBytes(of: pair[1]) { ContentID.pair(hashing: first, $0) }
            return [ids.0, ids.1]
        }
    }

    /// Names what is stored, given the content id of each chunk.
    package func hashes(_ chunks: [ChunkPlace: ContentID]) throws -> Hashes {
        let stored = storedTensors.enumerated().map { tensor, stored in
            let ids = (0..<stored.chunkCount).map { index in
                guard let id = chunks[ChunkPlace(stored: tensor, index: index)] else {
                    preconditionFailure("chunk \(index) of tensor \(tensor) without a content id")
                }
                return id
            }
            return TensorHash(dtype: stored.dtype, shape: stored.shape, chunks: ids)
        }
        return Hashes(stored: stored, leaves: try leafIDs(stored: stored))
    }

    /// Calls `body` with the bytes of a chunk: a copy of those of a file, others where they lie.
    package func withUnsafeBytes<Result>(
        of place: ChunkPlace, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let stored = storedTensors[place.stored]
        guard stored.storage.file != nil else { return try stored.withUnsafeBytes(ofChunk: place.index, body) }
        return try SavePlan.chunkBuffers.withWorker { buffer in
            let target = UnsafeMutableRawBufferPointer(
                rebasing: buffer.unsafeMutableBytes[..<byteCount(of: place)])
            try copyBytes(of: place, into: target)
            return try body(UnsafeRawBufferPointer(target))
        }
    }

    private static let chunkBuffers = WorkerPool { Storage(uninitializedByteCount: Chunking.chunkByteCount) }

    /// Copies the bytes of a chunk to memory that nobody else can change.
    ///
    /// - Throws: `FileError`, `FileChangedError` where they are those of a file that cannot be read any more.
    package func copyBytes(of place: ChunkPlace, into target: UnsafeMutableRawBufferPointer) throws {
        let stored = storedTensors[place.stored]
        let range = Chunking.range(ofChunk: place.index, byteCount: stored.byteCount)
        let start = stored.byteRange.lowerBound
        try stored.storage.copyBytes(start + range.lowerBound..<start + range.upperBound, into: target)
    }

    /// The mapped files that stored tensors lie in.
    package var files: [MappedFile] {
        var seen: Set<ObjectIdentifier> = []
        return storedTensors.compactMap { stored in
            stored.storage.file.flatMap { seen.insert(ObjectIdentifier($0.file)).inserted ? $0.file : nil }
        }
    }

    /// Bytes of a chunk before compression.
    package func byteCount(of place: ChunkPlace) -> Int {
        Chunking.range(ofChunk: place.index, byteCount: storedTensors[place.stored].byteCount).count
    }

    /// The content id of each leaf that is a tensor, given those of the stored tensors.
    package func leafIDs(stored: [TensorHash]) throws -> [ContentID?] {
        try ConcurrentMap.map(leaves) { leaf in
            guard case .tensor(let index, let view, _) = leaf else { return nil }
            guard view.placement != nil else { return stored[index].id }
            let tensor = storedTensors[index]
            guard tensor.storage.file != nil else {
                return tensor.withUnsafeBytes { bytes in
                    SavePlan.contentID(of: view, storedID: stored[index].id, packed: bytes)
                }
            }
            return try SavePlan.contentID(
                of: view, storedID: stored[index].id, packedByteCount: tensor.byteCount
            ) { range in
                let copy = Storage(uninitializedByteCount: range.count)
                let start = tensor.byteRange.lowerBound
                try tensor.storage.copyBytes(
                    start + range.lowerBound..<start + range.upperBound, into: copy.unsafeMutableBytes)
                return copy
            }
        }
    }

    /// The names of what a plan stores.
    package struct Hashes: Sendable {
        /// For each stored tensor.
        package let stored: [TensorHash]
        /// For each leaf; `nil` for plain values.
        package let leaves: [ContentID?]
    }
}
