internal import CKernels
import Foundations

extension Tensor {
    /// The elements as another dtype; the tensor itself where it has it already.
    ///
    /// To float16 and bfloat16: rounded to nearest, halves to even. From floating-point numbers to integers:
    /// truncated, limited to the range, NaN to 0. To booleans: whether not zero. A gradient flows back between
    /// floating-point types.
    ///
    /// - Precondition: Neither is complex or narrower than a byte or an 8-bit float: those are stored only.
    public func to(_ dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        let packed = contiguous()
        let result = Tensor(uninitializedLike: self, dtype: dtype)
        mr_convert(
            self.dtype.kernelType, dtype.kernelType, elementCount, packed.rawPointer, result.storage.baseAddress
        )
        withExtendedLifetime((packed, result)) {}
        guard isRecorded, dtype.isFloatingPoint else { return result }
        let original = self.dtype
        return result.recorded("to", [self]) { [$0.to(original)] }
    }

    /// The single element as a number.
    ///
    /// - Precondition: There is exactly one element.
    public func item() -> Double {
        require(elementCount == 1, "item() of a tensor of shape \(shape); it needs exactly one element")
        return element(at: 0)
    }

    /// The elements in row-major order as numbers of type double, whatever the dtype.
    ///
    /// - Complexity: O(n).
    public func doubles() -> [Double] { detach().to(.float64).scalars() }
}
