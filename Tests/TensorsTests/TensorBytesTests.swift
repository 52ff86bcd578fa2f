import Tensors
import Testing

@Suite struct TensorBytesTests {
    @Test func stridedViewIsPackedRowMajor() throws {
        let matrix = Tensor([Float](arrayLiteral: 0, 1, 2, 3, 4, 5), shape: [2, 3])
        let transposed = try Tensor(storage: matrix.storage, dtype: .float32, shape: [3, 2], strides: [1, 3])
        #expect(!transposed.isContiguous)
        #expect(transposed.scalars(as: Float.self) == [0, 3, 1, 4, 2, 5])
        #expect(transposed.contiguous().isContiguous)
        #expect(matrix.contiguous() === matrix)
    }

    @Test func offsetViewReadsFromItsOffset() throws {
        let row = Tensor([Int64](0..<10))
        let slice = try Tensor(storage: row.storage, dtype: .int64, shape: [3], offset: 4)
        #expect(slice.scalars(as: Int64.self) == [4, 5, 6])
        #expect(slice.storageSpan == 32..<56)
    }

    @Test func expandedViewRepeatsItsElement() throws {
        let one = Tensor([Float(7)])
        let expanded = try Tensor(storage: one.storage, dtype: .float32, shape: [2, 3], strides: [0, 0])
        #expect(expanded.scalars(as: Float.self) == [7, 7, 7, 7, 7, 7])
        #expect(expanded.storageSpan.count == 4)
    }

    @Test func scalarAndEmptyTensorsHaveTheirByteCounts() throws {
        #expect(try Tensor(bytes: [1, 2], dtype: .bfloat16, shape: []).elementCount == 1)
        let empty = try Tensor(bytes: [], dtype: .float64, shape: [0, 3])
        #expect(empty.byteCount == 0)
        #expect(empty.isContiguous)
        #expect(empty.copied().bytes.isEmpty)
    }

    @Test func wrongByteCountIsRefused() {
        #expect(throws: TensorError.byteCount(dtype: .float32, shape: [2], needs: 8, has: 7)) {
            try Tensor(bytes: [UInt8](repeating: 0, count: 7), dtype: .float32, shape: [2])
        }
    }

    @Test func ownedStorageIsAligned() {
        for count in [0, 1, 63, 64, 65, 4097] {
            Storage(zeroedByteCount: count).withUnsafeBytes { bytes in
                #expect(Int(bitPattern: bytes.baseAddress) % Storage.alignment == 0)
            }
        }
    }
}
