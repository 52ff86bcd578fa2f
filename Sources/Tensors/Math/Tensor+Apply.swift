internal import CKernels
import Foundations

// Elementwise operations without a history.

extension Tensor {
    /// Applies an operation of two elements.
    ///
    /// - Precondition: Both are of one compute type, and their shapes broadcast.
    static func apply(_ operation: mr_operation, _ x: Tensor, _ y: Tensor) -> Tensor {
        let isComparison =
            operation.rawValue >= MR_EQUAL.rawValue && operation.rawValue <= MR_GREATER_EQUAL.rawValue
        let dtype = isComparison ? DType.bool : x.dtype
        if x.isContiguous, x.dtype != .int64,
            y.elementCount == 1 ? x.rank >= y.rank : y.isContiguous && x.shape == y.shape
        {
            let result = Tensor(uninitializedLike: x, dtype: dtype)
            applyPacked(operation, x, y, into: result, yStride: y.elementCount == 1 ? 0 : 1)
            return result
        }
        let result = Tensor(uninitialized: TensorGeometry.broadcast(x.shape, y.shape), dtype: dtype)
        applyStrided(operation, x, y, into: result)
        return result
    }

    /// Applies an operation of one element.
    static func apply(_ operation: mr_operation, _ x: Tensor) -> Tensor {
        let result = Tensor(uninitializedLike: x)
        if x.isContiguous, x.dtype != .int64 {
            applyPacked(operation, x, x, into: result, yStride: 1)
        } else {
            applyStrided(operation, x, x, into: result)
        }
        return result
    }

    private static func applyPacked(
        _ operation: mr_operation, _ x: Tensor, _ y: Tensor, into result: Tensor, yStride: Int
    ) {
        let out = result.storage.baseAddress
        switch x.dtype {
        case .float32:
            mr_apply_packed_f32(
                operation, x.elementCount, x.pointer(Float.self), y.pointer(Float.self), yStride, out)
        case .float64:
            mr_apply_packed_f64(
                operation, x.elementCount, x.pointer(Double.self), y.pointer(Double.self), yStride, out)
        default: trap("no arithmetic in \(x.dtype)")
        }
        withExtendedLifetime((x, y, result)) {}
    }

    /// Applies an operation to operands broadcast to the shape of `result`, which may be one of them.
    static func applyStrided(_ operation: mr_operation, _ x: Tensor, _ y: Tensor, into result: Tensor) {
        let shape = result.shape
        let xStrides = TensorGeometry.broadcastStrides(of: x, to: shape)
        let yStrides = TensorGeometry.broadcastStrides(of: y, to: shape)
        let out = result.rawPointer
        switch x.dtype {
        case .float32:
            mr_apply_f32(
                operation, shape.count, shape, x.pointer(Float.self), xStrides, y.pointer(Float.self), yStrides,
                out,
                result.strides)
        case .float64:
            mr_apply_f64(
                operation, shape.count, shape, x.pointer(Double.self), xStrides, y.pointer(Double.self),
                yStrides,
                out, result.strides)
        case .int64:
            mr_apply_i64(
                operation, shape.count, shape, x.pointer(Int64.self), xStrides, y.pointer(Int64.self), yStrides,
                out,
                result.strides)
        default: trap("no arithmetic in \(x.dtype)")
        }
        withExtendedLifetime((x, y, result)) {}
    }

    /// Adds `other`, converted and broadcast, without a history; for gradients and optimisers.
    package func addInPlace(_ other: Tensor) {
        storage.version &+= 1
        let compute = dtype.computeType
        guard compute == dtype else {
            storeConverted(Tensor.apply(MR_ADD, to(compute), other.detach().to(compute)))
            return
        }
        Tensor.applyStrided(MR_ADD, self, other.detach().to(dtype), into: self)
    }

    /// Multiplies by a number, without a history; for gradient clipping and optimisers.
    package func multiplyInPlace(by factor: Double) {
        storage.version &+= 1
        let compute = dtype.computeType
        let factor = Tensor.full([], factor, dtype: compute)
        guard compute == dtype else {
            storeConverted(Tensor.apply(MR_MULTIPLY, alias().to(compute), factor))
            return
        }
        Tensor.applyStrided(MR_MULTIPLY, self, factor, into: self)
    }

    private func storeConverted(_ value: Tensor) { store(value.to(dtype)) }
}
