import Checkpoints
import ChunkStore
import Synchronization
import Tensors
import WeightDiff

/// Two tensors to be compared, in parts that any core can take.
final class TensorPair: Sendable {
    /// A part of the work. Ranges of elements are of the packed tensors, or of their common part.
    enum Part: Sendable {
        /// Elements at the same places of both.
        case elements(Range<Int>)
        /// The same, known to be equal: they are only looked at.
        case equal(Range<Int>)
        /// Rows of a common part that both have at other places.
        case rows(Range<Int>)
        /// All of two tensors of which one does not lie packed.
        case whole
    }

    /// What came of a part.
    enum Found: Sendable {
        case difference(TensorDifference, offset: Int)
        case equal(ElementSummary)
    }

    let parts: [Part]
    private let old: LeafBytes
    private let new: LeafBytes
    private let values: (old: ElementValues, new: ElementValues)
    private let empty: TensorDifference
    /// The shape of what is compared.
    private let shape: [Int]
    private let isWhole: Bool
    /// All of both, where equal chunks are left out.
    private let summaries: (old: ElementSummary, new: ElementSummary)?
    private let results: Mutex<[Found?]>
    private let remaining: Atomic<Int>

    /// Plans a comparison.
    ///
    /// - Parameters:
    ///   - oldSummary: What is known of the old elements without reading them.
    ///   - newSummary: The same of the new ones.
    /// - Returns: `nil` where the elements cannot be compared: by their type, their shape, or because there are none.
    init?(_ old: LeafBytes, _ new: LeafBytes, oldSummary: ElementSummary?, newSummary: ElementSummary?) {
        guard let empty = TensorDifference(from: old.dtype, to: new.dtype),
            let oldValues = ElementValues(old.dtype), let newValues = ElementValues(new.dtype),
            let overlap = TensorPair.overlap(of: old.shape, and: new.shape),
            overlap.shape.allSatisfy({ $0 > 0 })
        else { return nil }
        self.old = old
        self.new = new
        self.empty = empty
        values = (oldValues, newValues)
        shape = overlap.shape
        isWhole = overlap.isWhole
        var summaries: (ElementSummary, ElementSummary)?
        if let oldSummary, let newSummary, overlap.isWhole { summaries = (oldSummary, newSummary) }
        let parts: [Part]
        if old.packedOffset == nil || new.packedOffset == nil {
            parts = [.whole]
        } else if overlap.isFlat {
            (parts, self.summaries) = TensorPair.flatParts(old, new, overlap.shape, summaries)
            self.parts = parts
            results = Mutex([Found?](repeating: nil, count: parts.count))
            remaining = Atomic(parts.count)
            return
        } else {
            parts = TensorPair.rowParts(old, new, rowCount: overlap.shape[0])
        }
        self.parts = parts
        self.summaries = nil
        results = Mutex([Found?](repeating: nil, count: parts.count))
        remaining = Atomic(parts.count)
    }

    // MARK: Plan

    /// What two shapes have in common, and whether it lies at the same places of both.
    private static func overlap(of old: [Int], and new: [Int]) -> (shape: [Int], isWhole: Bool, isFlat: Bool)? {
        if old == new { return (new, true, true) }
        guard old.count == new.count else {
            // Other axes around the same elements: those of length 1, or flattened.
            return old.reduce(1, *) == new.reduce(1, *) ? (new, true, true) : nil
        }
        let shape = zip(old, new).map { min($0, $1) }
        return (shape, false, old.dropFirst() == new.dropFirst())
    }

    private static func flatParts(
        _ old: LeafBytes, _ new: LeafBytes, _ shape: [Int], _ summaries: (ElementSummary, ElementSummary)?
    ) -> ([Part], (ElementSummary, ElementSummary)?) {
        let count = shape.reduce(1, *)
        let narrow = min(old.dtype.byteWidth ?? 1, new.dtype.byteWidth ?? 1)
        let step = Chunking.chunkByteCount / narrow
        let sharesChunks = old.dtype == new.dtype && old.packedOffset == 0 && new.packedOffset == 0
        var parts: [Part] = []
        var isAnyEqual = false
        for (chunk, start) in stride(from: 0, to: count, by: step).enumerated() {
            let range = start..<min(start + step, count)
            if sharesChunks, old.chunkIDs[chunk] == new.chunkIDs[chunk] {
                isAnyEqual = true
                if summaries == nil { parts.append(.equal(range)) }
            } else {
                parts.append(.elements(range))
            }
        }
        return (parts, isAnyEqual ? summaries : nil)
    }

    private static func rowParts(_ old: LeafBytes, _ new: LeafBytes, rowCount: Int) -> [Part] {
        let longest = max(old.byteCount / old.shape[0], new.byteCount / new.shape[0])
        let step = max(1, Chunking.chunkByteCount / max(1, longest))
        return stride(from: 0, to: rowCount, by: step).map { .rows($0..<min($0 + step, rowCount)) }
    }

    /// Decoded bytes that a part takes, of both sides.
    func byteCount(of part: Part) -> Int {
        switch part {
        case .elements(let range): range.count * ((old.dtype.byteWidth ?? 1) + (new.dtype.byteWidth ?? 1))
        case .equal(let range): range.count * (new.dtype.byteWidth ?? 1)
        case .rows(let rows): rows.count * (old.byteCount / old.shape[0] + new.byteCount / new.shape[0])
        case .whole: old.byteCount + new.byteCount
        }
    }

    // MARK: Work

    /// Compares part number `index`.
    ///
    /// - Returns: Whether all parts are done now, of which one caller hears.
    func compare(_ index: Int, _ buffers: PairBuffers) throws -> Bool {
        let found = try found(in: parts[index], buffers)
        results.withLock { $0[index] = found }
        return remaining.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    private func found(in part: Part, _ buffers: PairBuffers) throws -> Found {
        switch part {
        case .elements(let range):
            return try withBytes(range, buffers) { old, new in
                .difference(difference(old, new), offset: range.lowerBound * values.old.numberCount)
            }
        case .equal(let range):
            let width = new.dtype.byteWidth ?? 1
            return try new.withPackedBytes(range.lowerBound * width..<range.upperBound * width, in: buffers.new)
            {
                .equal(ElementSummary(of: $0, values.new))
            }
        case .rows(let rows):
            let oldRow = old.byteCount / old.shape[0]
            let newRow = new.byteCount / new.shape[0]
            let offset = rows.lowerBound * shape.dropFirst().reduce(1, *) * values.old.numberCount
            return try old.withPackedBytes(
                rows.lowerBound * oldRow..<rows.upperBound * oldRow, in: buffers.old
            ) { oldBytes in
                try new.withPackedBytes(
                    rows.lowerBound * newRow..<rows.upperBound * newRow, in: buffers.new
                ) { newBytes in
                    let old = try corner(
                        of: oldBytes, old.dtype, [rows.count] + old.shape.dropFirst(), rows.count)
                    let new = try corner(
                        of: newBytes, new.dtype, [rows.count] + new.shape.dropFirst(), rows.count)
                    return .difference(difference(old, new), offset: offset)
                }
            }
        case .whole:
            let (old, new) = (try old.gathered(), try new.gathered())
            if isWhole { return .difference(difference(old, new), offset: 0) }
            let oldCorner = try old.withUnsafeBytes { try corner(of: $0, old.dtype, old.shape, shape[0]) }
            let newCorner = try new.withUnsafeBytes { try corner(of: $0, new.dtype, new.shape, shape[0]) }
            return .difference(difference(oldCorner, newCorner), offset: 0)
        }
    }

    /// Calls `body` with the bytes of both sides; where one is a delta of the other, that is decoded only once.
    private func withBytes<Result>(
        _ range: Range<Int>, _ buffers: PairBuffers,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        func bytes(_ side: LeafBytes) -> Range<Int> {
            let width = side.dtype.byteWidth ?? 1
            return range.lowerBound * width..<range.upperBound * width
        }
        let chunk = bytes(old).lowerBound / Chunking.chunkByteCount
        let isChunk =
            old.isWhole && new.isWhole && bytes(old) == bytes(new) && chunk < old.chunkIDs.count
            && Chunking.range(ofChunk: chunk, byteCount: old.byteCount) == bytes(old)
        if isChunk, new.isDelta(chunk: chunk, of: old.chunkIDs[chunk]) {
            return try old.withPackedBytes(bytes(old), in: buffers.old) { oldBytes in
                let known = KnownChunk(id: old.chunkIDs[chunk], bytes: oldBytes)
                return try new.withPackedBytes(bytes(new), in: buffers.new, knowing: known) { newBytes in
                    try body(oldBytes, newBytes)
                }
            }
        }
        return try new.withPackedBytes(bytes(new), in: buffers.new) { newBytes in
            let known = isChunk ? KnownChunk(id: new.chunkIDs[chunk], bytes: newBytes) : nil
            return try old.withPackedBytes(bytes(old), in: buffers.old, knowing: known) { oldBytes in
                try body(oldBytes, newBytes)
            }
        }
    }

    /// The first `rowCount` rows of a packed tensor, cut to the common lengths of the other axes.
    private func corner(
        of bytes: UnsafeRawBufferPointer, _ dtype: DType, _ full: [Int], _ rowCount: Int
    ) throws -> Tensor {
        let storage = Storage(wrapping: UnsafeMutableRawBufferPointer(mutating: bytes), keepingAlive: ())
        return try Tensor(
            storage: storage, dtype: dtype, shape: [rowCount] + shape.dropFirst(),
            strides: TensorGeometry.contiguousStrides(full)
        ).copied()
    }

    private func difference(_ old: Tensor, _ new: Tensor) -> TensorDifference {
        old.withUnsafeBytes { old in new.withUnsafeBytes { new in difference(old, new) } }
    }

    private func difference(_ old: UnsafeRawBufferPointer, _ new: UnsafeRawBufferPointer) -> TensorDifference {
        TensorDifference(from: old, self.old.dtype, to: new, self.new.dtype) ?? empty
    }

    // MARK: Result

    /// The comparison, once all parts are done: added up in order, so that sums do not depend on the cores.
    var comparison: TensorComparison {
        var total = empty
        for case .difference(let part, let offset)? in results.withLock({ $0 }) { total.add(part, at: offset) }
        if let summaries { total.add(equal: total.rest(of: summaries.old, and: summaries.new)) }
        for case .equal(let part)? in results.withLock({ $0 }) { total.add(equal: part) }
        return TensorComparison(difference: total, shape: shape, isWhole: isWhole)
    }
}

/// A tensor that is the same in both, whose norm is to be known.
final class SoleTensor: Sendable {
    let parts: [Range<Int>]
    private let bytes: LeafBytes
    private let values: ElementValues
    private let results: Mutex<[ElementSummary?]>

    /// - Returns: `nil` where elements have no norm.
    init?(_ bytes: LeafBytes) {
        guard let values = ElementValues(bytes.dtype) else { return nil }
        self.bytes = bytes
        self.values = values
        let byteCount = bytes.byteCount
        parts =
            bytes.packedOffset == nil
            ? [0..<byteCount]
            : (0..<Chunking.chunkCount(byteCount: byteCount)).map {
                Chunking.range(ofChunk: $0, byteCount: byteCount)
            }
        results = Mutex([ElementSummary?](repeating: nil, count: parts.count))
    }

    /// Looks at part number `index`.
    func look(_ index: Int, _ buffers: PairBuffers) throws {
        let found =
            try bytes.packedOffset == nil
            ? bytes.gathered().withUnsafeBytes { ElementSummary(of: $0, values) }
            : bytes.withPackedBytes(parts[index], in: buffers.new) { ElementSummary(of: $0, values) }
        results.withLock { $0[index] = found }
    }

    /// The sum of the squares, once all parts are done.
    var sumOfSquares: Double { results.withLock { $0.reduce(0) { $0 + ($1?.sumOfSquares ?? 0) } } }
}

/// Memory of one worker.
final class PairBuffers {
    let old = ByteBuffer()
    let new = ByteBuffer()
}
