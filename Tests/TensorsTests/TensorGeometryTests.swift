import Tensors
import Testing

@Suite struct TensorGeometryTests {
    @Test func hostileShapesAreRefused() {
        #expect(throws: TensorError.negativeLength(shape: [2, -1])) {
            try TensorGeometry.elementCount([2, -1])
        }
        #expect(throws: TensorError.overflow(shape: [Int.max, 2])) {
            try TensorGeometry.elementCount([.max, 2])
        }
        // Strides are made of the lengths that are not zero, so these may not overflow either.
        #expect(throws: TensorError.overflow(shape: [0, Int.max, 2])) {
            try TensorGeometry.elementCount([0, .max, 2])
        }
        #expect(throws: TensorError.tooManyAxes(count: 65)) {
            try TensorGeometry.elementCount([Int](repeating: 1, count: 65))
        }
        #expect(throws: TensorError.overflow(shape: [Int.max])) {
            try TensorGeometry.byteCount(dtype: .float32, shape: [.max])
        }
    }

    @Test func viewsBeyondTheirStorageAreRefused() {
        let storage = Storage(zeroedByteCount: 16)
        #expect(throws: TensorError.outOfStorage(shape: [5], needs: 20, has: 16)) {
            try Tensor(storage: storage, dtype: .float32, shape: [5])
        }
        #expect(throws: TensorError.outOfStorage(shape: [2], needs: 20, has: 16)) {
            try Tensor(storage: storage, dtype: .float32, shape: [2], strides: [4])
        }
        #expect(throws: TensorError.negativeStride(strides: [-1])) {
            try Tensor(storage: storage, dtype: .float32, shape: [2], strides: [-1])
        }
        #expect(throws: TensorError.overflow(shape: [2, 2])) {
            try Tensor(storage: storage, dtype: .float32, shape: [2, 2], strides: [.max, .max])
        }
        #expect(throws: TensorError.strideCount(shape: [2], strides: [1, 1])) {
            try Tensor(storage: storage, dtype: .float32, shape: [2], strides: [1, 1])
        }
        #expect(throws: TensorError.negativeOffset(-1)) {
            try Tensor(storage: storage, dtype: .float32, shape: [1], offset: -1)
        }
    }

    @Test func packedElementsMustFillBytesAndCannotBeStrided() throws {
        #expect(DType.float4e2m1fn.byteCount(elementCount: 6) == 3)
        #expect(DType.float4e2m1fn.byteCount(elementCount: 5) == nil)
        #expect(DType.float6e3m2fn.byteCount(elementCount: 4) == 3)
        let storage = Storage(zeroedByteCount: 8)
        #expect(throws: TensorError.packedView(dtype: .float4e2m1fn)) {
            try Tensor(storage: storage, dtype: .float4e2m1fn, shape: [4], offset: 4)
        }
        #expect(try Tensor(storage: storage, dtype: .float4e2m1fn, shape: [2, 8]).byteCount == 8)
    }

    @Test func errorsNameBothSides() {
        #expect(
            TensorError.outOfStorage(shape: [5], needs: 20, has: 16).description
                == "shape [5] needs 20 bytes of storage, but there are 16")
    }
}
