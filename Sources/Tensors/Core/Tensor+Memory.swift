internal import CKernels
import Foundations

// What kernels need: pointers to elements, and tensors to write results into.

/// An element type that kernels compute with.
protocol ComputeScalar: TensorScalar, BinaryFloatingPoint {}
extension Float: ComputeScalar {}
extension Double: ComputeScalar {}

extension Tensor {
    /// The first element. Valid while the tensor's storage lives: keep the tensor with `withExtendedLifetime`.
    @inline(__always)
    func pointer<Scalar>(_ type: Scalar.Type) -> UnsafeMutablePointer<Scalar> {
        (storage.baseAddress + offset * MemoryLayout<Scalar>.stride).assumingMemoryBound(to: Scalar.self)
    }

    /// The first element, whatever it is.
    var rawPointer: UnsafeMutableRawPointer { storage.baseAddress + offset * byteWidth }

    /// Bytes of one element.
    ///
    /// - Precondition: Elements are not packed below a byte.
    var byteWidth: Int {
        guard let width = dtype.byteWidth else { trap("\(dtype) elements cannot be addressed one by one") }
        return width
    }

    /// A row-major tensor whose elements the caller writes before anybody reads them.
    package convenience init(uninitialized shape: [Int], dtype: DType) {
        let count = shape.reduce(1, *)
        guard let bytes = dtype.byteCount(elementCount: count) else { trap("size of \(shape) overflows") }
        self.init(
            unchecked: Storage(uninitializedByteCount: bytes), dtype: dtype, shape: shape,
            strides: TensorGeometry.contiguousStrides(shape), offset: 0, elementCount: count, isContiguous: true
        )
    }

    /// A row-major tensor of the shape of `other`, to be written. Shares the arrays of shape and strides.
    convenience init(uninitializedLike other: Tensor, dtype: DType? = nil) {
        let dtype = dtype ?? other.dtype
        guard let bytes = dtype.byteCount(elementCount: other.elementCount) else { trap("size overflows") }
        self.init(
            unchecked: Storage(uninitializedByteCount: bytes), dtype: dtype, shape: other.shape,
            strides: other.isContiguous ? other.strides : TensorGeometry.contiguousStrides(other.shape),
            offset: 0,
            elementCount: other.elementCount, isContiguous: true)
    }

    /// A view of the same storage without a history.
    func alias(shape: [Int], strides: [Int], offset: Int) -> Tensor {
        Tensor(
            unchecked: storage, dtype: dtype, shape: shape, strides: strides, offset: offset,
            elementCount: shape.reduce(1, *),
            isContiguous: TensorGeometry.isContiguous(shape: shape, strides: strides))
    }

    /// The same view without a history.
    func alias() -> Tensor {
        Tensor(
            unchecked: storage, dtype: dtype, shape: shape, strides: strides, offset: offset,
            elementCount: elementCount, isContiguous: isContiguous)
    }

    /// Element `position` in row-major order, of whatever dtype.
    func element(at position: Int) -> Double {
        var result = 0.0
        var rest = position
        var place = offset
        for axis in shape.indices.reversed() {
            place += rest % shape[axis] * strides[axis]
            rest /= shape[axis]
        }
        mr_convert(dtype.kernelType, MR_F64, 1, storage.baseAddress + place * byteWidth, &result)
        withExtendedLifetime(self) {}
        return result
    }
}

extension DType {
    /// How kernels call this type.
    ///
    /// - Precondition: The engine computes with the type or converts it.
    var kernelType: mr_type {
        switch self {
        case .bool: MR_BOOL
        case .uint8: MR_U8
        case .int8: MR_I8
        case .uint16: MR_U16
        case .int16: MR_I16
        case .uint32: MR_U32
        case .int32: MR_I32
        case .uint64: MR_U64
        case .int64: MR_I64
        case .float16: MR_F16
        case .bfloat16: MR_BF16
        case .float32: MR_F32
        case .float64: MR_F64
        default: trap("\(self) is stored only, not computed with or converted")
        }
    }
}
