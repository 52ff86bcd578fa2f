import Checkpoints
import Tensors
import TestSupport
import Testing

struct ViewHashingTests {
    private let stored = ContentID(hashing: [1])

    /// What was read of a tensor.
    private struct Reading {
        var ranges: [Range<Int>] = []
        var largest: Int { ranges.map(\.count).max() ?? 0 }
        var total: Int { ranges.reduce(0) { $0 + $1.count } }
    }

    private func id(
        _ view: SavePlan.View, _ bytes: [UInt8], partByteCount: Int, spanByteCount: Int? = nil,
        _ reading: inout Reading
    ) -> ContentID {
        SavePlan.contentID(
            of: view, storedID: stored, packedByteCount: bytes.count, partByteCount: partByteCount,
            spanByteCount: spanByteCount
        ) { range in
            reading.ranges.append(range)
            return bytes[range].withUnsafeBytes { Storage(copying: $0) }
        }
    }

    /// The id that the elements have when they are put together first.
    private func packedID(_ view: SavePlan.View, _ bytes: [UInt8]) throws -> ContentID {
        let placement = try #require(view.placement)
        let storage = bytes[placement.byteOffset...].withUnsafeBytes { Storage(copying: $0) }
        let tensor = try Tensor(
            storage: storage, dtype: view.dtype, shape: view.shape, strides: placement.strides)
        let packed = tensor.bytes
        let chunks = (0..<Chunking.chunkCount(byteCount: packed.count)).map { index in
            ContentID(hashing: Array(packed[Chunking.range(ofChunk: index, byteCount: packed.count)]))
        }
        return TensorHash(dtype: view.dtype, shape: view.shape, chunks: chunks).id
    }

    private func view(_ dtype: DType, _ shape: [Int], _ strides: [Int], at byteOffset: Int) -> SavePlan.View {
        SavePlan.View(
            dtype: dtype, shape: shape,
            placement: SavePlan.Placement(byteOffset: byteOffset, strides: strides), sharing: nil)
    }

    /// A slice was read whole, and with it all of the tensor that it is a slice of: 4.2 GB of memory for one of 4.3 GB.
    @Test func aSliceIsReadOnceAndInParts() throws {
        let bytes = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let slice = view(.float32, [500, 1000], [1000, 1], at: 4000)
        var reading = Reading()
        let found = id(slice, bytes, partByteCount: 100_000, &reading)
        #expect(try found == packedID(slice, bytes))
        #expect(reading.largest <= 100_000 && reading.total == 2_000_000)
        #expect(reading.ranges.first?.lowerBound == 4000)
    }

    /// Each part of a transposed matrix has elements from everywhere.
    @Test func aTransposedMatrixIsReadInParts() throws {
        let bytes = (0..<1_200_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        let transposed = view(.float32, [600, 500], [1, 600], at: 0)
        var reading = Reading()
        let found = id(transposed, bytes, partByteCount: 300_000, &reading)
        #expect(try found == packedID(transposed, bytes))
        #expect(reading.largest <= 300_000 && reading.total <= 5 * bytes.count)
    }

    /// Any view has the id of the same elements packed, however small the parts.
    @Test func partsMakeTheSameID() throws {
        var generator = SeededGenerator(seed: 7)
        let types: [DType] = [.uint8, .float16, .float32, .complex128]
        for _ in 0..<400 {
            let dtype = types[Int.random(in: 0..<types.count, using: &generator)]
            let shape = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                Int.random(in: 0...6, using: &generator)
            }
            // Contiguous axes in any order, some of them repeated, some with gaps.
            var strides = [Int](repeating: 0, count: shape.count)
            var next = 1
            for axis in shape.indices.shuffled(using: &generator) {
                strides[axis] = Int.random(in: 0...3, using: &generator) == 0 ? 0 : next
                next *= max(1, shape[axis]) + Int.random(in: 0...1, using: &generator)
            }
            let width = try #require(dtype.byteWidth)
            let offset = width * Int.random(in: 0...3, using: &generator)
            let span = try TensorGeometry.span(dtype: dtype, shape: shape, strides: strides).upperBound
            let bytes = (0..<offset + span + 5).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let view = view(dtype, shape, strides, at: offset)
            let packed = try packedID(view, bytes)
            #expect(
                bytes.withUnsafeBytes { SavePlan.contentID(of: view, storedID: stored, packed: $0) } == packed)
            var reading = Reading()
            let part = Int.random(in: 1...100, using: &generator)
            let spanLimit = Int.random(in: 1...100, using: &generator)
            #expect(
                id(view, bytes, partByteCount: part, spanByteCount: spanLimit, &reading) == packed,
                "\(dtype) \(shape) by \(strides), \(part), \(spanLimit)")
            #expect(reading.largest <= max(part, spanLimit, width), "\(dtype) \(shape) by \(strides)")
        }
    }

    @Test func elementsBelowAByteAreReadInPartsToo() throws {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let view = view(.float4e2m1fn, [1800], [1], at: 7)
        var reading = Reading()
        #expect(try id(view, bytes, partByteCount: 64, &reading) == packedID(view, bytes))
        #expect(reading.largest == 64 && reading.total == 900)
    }
}
