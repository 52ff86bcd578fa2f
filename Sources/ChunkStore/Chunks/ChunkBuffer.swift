import CKernels
import Checkpoints

/// Memory for one chunk.
final class ChunkBuffer {
    let unsafeMutableBytes = UnsafeMutableRawBufferPointer(
        start: mr_allocate(Chunking.chunkByteCount), count: Chunking.chunkByteCount)

    deinit { mr_deallocate(unsafeMutableBytes.baseAddress, unsafeMutableBytes.count) }
}
