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

    /// The single element as a floating-point number of another type: `let loss: Float = loss.item()`.
    ///
    /// - Precondition: There is exactly one element.
    public func item<Number: BinaryFloatingPoint>() -> Number { Number(item() as Double) }

    /// The single element as an integer: `t.item(as: Int.self)`. Fractions are cut off.
    ///
    /// - Precondition: There is exactly one element, within the range of the type.
    public func item<Number: FixedWidthInteger>(as type: Number.Type) -> Number {
        require(elementCount == 1, "item() of a tensor of shape \(shape); it needs exactly one element")
        // Integers beyond 2^53 are no doubles.
        let wide: Number? =
            dtype.isFloatingPoint
            ? Number(exactly: (item() as Double).rounded(.towardZero))
            : Number(exactly: detach().to(.int64).scalars(as: Int64.self)[0])
        guard let wide else { trap("item \(item() as Double) does not fit \(type)") }
        return wide
    }

    /// The elements in row-major order as numbers of type double, whatever the dtype.
    ///
    /// - Complexity: O(n).
    public func doubles() -> [Double] { detach().to(.float64).scalars() }
}
