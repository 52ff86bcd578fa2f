import Tensors

/// What can be said about a tensor's elements at a glance.
struct TensorHealth: Sendable {
    var nanCount: Int?
    var infinityCount: Int?
    var zeroCount: Int?
    var minimum: Double?
    var maximum: Double?
    var l2Norm: Double?

    init(of bytes: UnsafeRawBufferPointer, dtype: DType) {
    }
}
