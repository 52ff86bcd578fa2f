import CKernels
import Checkpoints
import ChunkStore
import Foundations
import Remotes
import TensorCodec

/// The plain files of one version, on their way to a remote, and the chunks that lie in them.
struct PlainFiles {
    let files: [PublishedFile]
    private let blobs: [BlobSource]
    /// The chunks of the tensors in them, where they lie. They are what their ids say: they were hashed there.
    let chunks: [RemoteChunk]

    /// Hashes files and the chunks in them, on all cores.
    ///
    /// - Complexity: O(bytes), read twice.
    init(_ files: [PublishedFile]) throws {
        self.files = files
        blobs = ConcurrentMap.map(files) { BlobSource($0.bytes) }
        var chunks: [RemoteChunk] = []
        for (file, blob) in zip(files, blobs) {
            let places = file.tensorRanges.flatMap { range in
                (0..<Chunking.chunkCount(byteCount: range.count)).map { index in
                    let part = Chunking.range(ofChunk: index, byteCount: range.count)
                    return range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
                }
            }
            try Task.checkCancellation()
            chunks += ConcurrentMap.map(places) { place in
                blob.bytes.withUnsafeBytes { bytes in
                    let chunk = UnsafeRawBufferPointer(rebasing: bytes[place])
                    return RemoteChunk(
                        id: ContentID(hashing: chunk), byteCount: chunk.count,
                        checksum: mr_crc32c(0, chunk.baseAddress, chunk.count), codec: .raw, base: nil,
                        pack: blob.digest, packByteCount: blob.bytes.count, range: place)
                }
            }
        }
        self.chunks = chunks
    }

    var digests: [ContentID] { blobs.map(\.digest) }

    /// The files as layers, by the CNCF ModelPack specification; with the names that `oras pull` writes.
    var layers: [OCIDescriptor] {
        zip(files, blobs).map { file, blob in
            OCIDescriptor(
                mediaType: file.kind.rawValue, digest: blob.digest, size: blob.bytes.count,
                annotations: [Annotation.filePath: file.path, Annotation.title: file.path])
        }
    }

    /// Writes the files that the remote lacks.
    func send(to store: any BlobStore, progress: (@Sendable (Int) -> Void)?) throws {
        for blob in blobs {
            try Task.checkCancellation()
            if try store.byteCount(of: blob.digest) == blob.bytes.count {
                progress?(blob.bytes.count)
            } else {
                try store.write(blob, progress: progress)
            }
        }
    }
}
