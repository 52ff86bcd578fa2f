import Checkpoints
import Foundations
import Tensors
import Testing

// Expected ids are by Python: sha256(b"tensor uint8 [3]\n" + sha256(bytes([1, 2, 3])).digest()).hexdigest().
struct TensorHashingTests {
    private func id(_ tensor: Tensor) throws -> String {
        let plan = try SavePlan(.tensor(tensor))
        return try #require(plan.hashes().leaves.first ?? nil).hex
    }

    @Test func namesTensorsAsDocumented() throws {
        #expect(
            try id(Tensor([UInt8(1), 2, 3]))
                == "789b8319fd849d1d862910c9a17199312abba6185c2e0750064702b55695086c")
        #expect(
            try id(Tensor([Float(1.5)], shape: []))
                == "d6ae3a9413af52e3c4eca2793d8db038675ec6d53c652a4fe06936d024168076")
        #expect(
            try id(Tensor([Double](), shape: [0, 3]))
                == "deaa44f4a2965e3a4159159bea5987497f9ba8f5c28ff693e47a519ed980ebfc")
    }

    @Test func chunksAreOneMebibyte() throws {
        let tensor = try Tensor(
            storage: Storage(zeroedByteCount: 1 << 20 + 1), dtype: .uint8, shape: [1 << 20 + 1])
        let hashes = try SavePlan(.tensor(tensor)).hashes()
        #expect(hashes.stored[0].chunks.count == 2)
        #expect(
            hashes.stored[0].id.hex == "447b9e5ea479436b91a8110dae592d3f9ea404fd933132df0c2476c1ae464fef")
        #expect(hashes.stored[0].chunks[1] == ContentID(hashing: [0]))
    }

    @Test(arguments: [(0, 0), (1, 1), (1 << 20, 1), (1 << 20 + 1, 2), (7 << 19, 4), (Int.max, 1 << 43)])
    func countsChunks(byteCount: Int, chunkCount: Int) {
        #expect(Chunking.chunkCount(byteCount: byteCount) == chunkCount)
    }

    @Test func lastChunkIsShorter() {
        #expect(Chunking.range(ofChunk: 3, byteCount: 7 << 19) == 3 << 20..<7 << 19)
        #expect(Chunking.range(ofChunk: 0, byteCount: 5) == 0..<5)
    }

    @Test func viewsHaveTheIDOfTheSameElementsAlone() throws {
        let matrix = Tensor([UInt8](0..<6), shape: [2, 3])
        let transposed = try Tensor(storage: matrix.storage, dtype: .uint8, shape: [3, 2], strides: [1, 3])
        #expect(try id(transposed) == id(Tensor([UInt8(0), 3, 1, 4, 2, 5], shape: [3, 2])))
        let tied = try SavePlan(.list([.tensor(matrix), .tensor(transposed)])).hashes()
        #expect(try tied.leaves[1]?.hex == id(transposed))
    }

    @Test func expandedTensorHasTheIDOfItsElements() throws {
        let expanded = try Tensor(
            storage: Tensor([UInt8(7)]).storage, dtype: .uint8, shape: [2, 2], strides: [0, 0])
        #expect(try id(expanded) == id(Tensor([UInt8](repeating: 7, count: 4), shape: [2, 2])))
    }

    @Test func hugeExpandedTensorIsNamedWithoutBeingRead() throws {
        func expanded(_ byte: UInt8, _ shape: [Int]) throws -> Tensor {
            try Tensor(
                storage: Tensor([byte]).storage, dtype: .uint8, shape: shape, strides: shape.map { _ in 0 })
        }
        let large = try id(expanded(1, [1 << 50]))
        #expect(try large == id(expanded(1, [1 << 50])))
        #expect(try large != id(expanded(2, [1 << 50])))
        #expect(try large != id(expanded(1, [1 << 25, 1 << 25])))
    }

    @Test func dtypeAndShapeAreInTheID() throws {
        let storage = Storage(zeroedByteCount: 8)
        let tensors = [
            try Tensor(storage: storage, dtype: .float32, shape: [2]),
            try Tensor(storage: storage, dtype: .int32, shape: [2]),
            try Tensor(storage: storage, dtype: .float32, shape: [2, 1]),
            try Tensor(storage: storage, dtype: .float64, shape: [1]),
            try Tensor(storage: storage, dtype: .float64, shape: []),
        ]
        #expect(try Set(tensors.map { try id($0) }).count == tensors.count)
    }

    @Test func everyBitIsInTheID() throws {
        let numbers: [Float] = [
            0, -0.0, .nan, Float(bitPattern: 0x7fc0_0001), Float(bitPattern: 0x7f80_0001), .infinity,
        ]
        #expect(try Set(numbers.map { try id(Tensor([$0])) }).count == numbers.count)
    }
}
