import Tensors
import Testing

struct EmptyViewTests {
    /// `torch.zeros(3, 0)[1:]` has offset 1 in a storage of no bytes.
    @Test func offsetOfAnEmptyViewMayLieAnywhere() throws {
        let storage = Storage(zeroedByteCount: 0)
        let view = try Tensor(storage: storage, dtype: .float32, shape: [2, 0], strides: [1, 1], offset: 1)
        #expect(view.offset == 1)
        #expect(view.storageSpan == 0..<0)
        #expect(view.bytes == [])
    }
}
