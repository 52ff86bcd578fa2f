import Checkpoints
import Dispatch
import Foundations
import Glibc
import Tensors

/// The values of a checkpoint at one moment, in memory that nobody writes to meanwhile.
struct CheckpointSnapshot: Sendable {
    private let structure: Structure
    private let leaves: [CheckpointLeaf<TensorLayout<Storage>>]

    /// Bytes that were copied.
    let byteCount: Int

    /// Copies all tensors of `checkpoint` into `buffer`. Ties and views of one storage stay such.
    ///
    /// - Throws: ``CheckpointError`` when it is nested too deeply, ``FileError`` without memory.
    /// - Complexity: O(bytes), on all cores.
    init(_ checkpoint: Checkpoint, in buffer: SnapshotBuffer) throws {
        let (structure, leaves) = try checkpoint.disassembled()
        self.structure = structure
        let spans = StorageSpans(leaves.lazy.compactMap(\.tensor))
        let copies = try buffer.copy(spans.stretches)
        self.leaves = leaves.map { leaf in leaf.mapTensor { spans.layout(of: $0, in: copies) } }
        byteCount = copies.reduce(0) { $0 + $1.byteCount }
        withExtendedLifetime(checkpoint) {}
    }

    /// The checkpoint, with the snapshot's storages: to be read only.
    ///
    /// - Throws: Nothing, for a snapshot of a checkpoint that was valid.
    func checkpoint() throws -> Checkpoint {
        let leaves = try leaves.map { leaf in try leaf.mapTensor { try Tensor($0) } }
        return try structure.assembled(from: leaves) ?? .dictionary(CheckpointDictionary())
    }
}

/// Memory for one snapshot after the other, so that its pages are fetched from the system once.
///
/// Used by one thread at a time: the next snapshot overwrites the last.
final class SnapshotBuffer: @unchecked Sendable {
    private var block: MemoryBlock?

    /// A stretch to copy.
    private struct Piece: @unchecked Sendable {
        let source: UnsafeRawPointer
        let target: UnsafeMutableRawPointer
        let byteCount: Int
    }

    /// Bytes that one thread copies at a time.
    private static let pieceByteCount = 2 << 20

    /// Copies a range of each storage.
    ///
    /// - Throws: ``FileError`` when the system has no memory.
    func copy(_ ranges: [(storage: Storage, range: Range<Int>)]) throws -> [Storage] {
        let alignment = Storage.alignment
        let offsets = ranges.reduce(into: [0]) { offsets, next in
            offsets.append(
                (offsets[offsets.count - 1] + next.range.count + alignment - 1) / alignment * alignment)
        }
        let block = try block(of: offsets[ranges.count])
        var pieces: [Piece] = []
        var copies: [Storage] = []
        for (offset, (storage, range)) in zip(offsets, ranges) {
            let target = UnsafeMutableRawBufferPointer(
                rebasing: block.bytes[offset..<offset + range.count])
            copies.append(Storage(wrapping: target, keepingAlive: block))
            guard let start = target.baseAddress else { continue }
            storage.withUnsafeBytes { bytes in
                guard let source = bytes.baseAddress else { return }
                for piece in stride(from: 0, to: range.count, by: SnapshotBuffer.pieceByteCount) {
                    pieces.append(
                        Piece(
                            source: source + range.lowerBound + piece, target: start + piece,
                            byteCount: min(SnapshotBuffer.pieceByteCount, range.count - piece)))
                }
            }
        }
        let all = pieces
        if offsets[ranges.count] <= SnapshotBuffer.pieceByteCount {
            for piece in all { piece.target.copyMemory(from: piece.source, byteCount: piece.byteCount) }
        } else {
            DispatchQueue.concurrentPerform(iterations: all.count) { index in
                all[index].target.copyMemory(from: all[index].source, byteCount: all[index].byteCount)
            }
        }
        return copies
    }

    private func block(of byteCount: Int) throws -> MemoryBlock {
        if let block, block.bytes.count >= byteCount { return block }
        // The old one goes first: both at once would be twice the memory.
        block = nil
        let new = try MemoryBlock(byteCount: byteCount)
        block = new
        return new
    }
}

/// Pages of the system, large ones where it has them.
private final class MemoryBlock: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) throws {
        let length = max(byteCount, 1)
        let address = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address, address != MAP_FAILED else {
            throw FileError(path: "memory for a snapshot", operation: .open, code: errno)
        }
        madvise(address, length, MADV_HUGEPAGE)
        bytes = UnsafeMutableRawBufferPointer(start: address, count: length)
    }

    deinit { munmap(bytes.baseAddress, bytes.count) }
}
