internal import CKernels
package import Tensors

/// What the values of a type are, as far as they can be compared.
package struct ElementValues: Sendable {
    let type: mr_health_type
    /// Real numbers in an element: a complex one has two.
    package let numberCount: Int
    /// Bytes of one of them.
    package let byteWidth: Int

    /// The values of `dtype`; `nil` where elements are packed below a byte: only their bytes can be compared.
    package init?(_ dtype: DType) {
        switch dtype {
        case .bool, .uint8: type = MR_HEALTH_UINT8
        case .int8: type = MR_HEALTH_INT8
        case .uint16: type = MR_HEALTH_UINT16
        case .int16: type = MR_HEALTH_INT16
        case .uint32: type = MR_HEALTH_UINT32
        case .int32: type = MR_HEALTH_INT32
        case .uint64: type = MR_HEALTH_UINT64
        case .int64: type = MR_HEALTH_INT64
        case .float16, .complex32: type = MR_HEALTH_FLOAT16
        case .bfloat16: type = MR_HEALTH_BFLOAT16
        case .float32, .complex64: type = MR_HEALTH_FLOAT32
        case .float64, .complex128: type = MR_HEALTH_FLOAT64
        case .float8e4m3fn: type = MR_HEALTH_FLOAT8_E4M3FN
        case .float8e4m3fnuz: type = MR_HEALTH_FLOAT8_E4M3FNUZ
        case .float8e5m2: type = MR_HEALTH_FLOAT8_E5M2
        case .float8e5m2fnuz: type = MR_HEALTH_FLOAT8_E5M2FNUZ
        case .float8e8m0fnu: type = MR_HEALTH_FLOAT8_E8M0FNU
        case .float6e2m3fn, .float6e3m2fn, .float4e2m1fn: return nil
        }
        numberCount = dtype.isComplex ? 2 : 1
        byteWidth = mr_health_width(type)
    }
}

/// What a tensor is like on its own: what equal tensors have in common.
package struct ElementSummary: Hashable, Sendable {
    /// Numbers: a complex element has two.
    package var numberCount: Int
    /// Numbers that are not a number.
    package var nanCount: Int
    /// Infinite numbers.
    package var infinityCount: Int
    /// The sum of the squares of finite numbers.
    package var sumOfSquares: Double

    /// Describes a tensor.
    package init(numberCount: Int, nanCount: Int, infinityCount: Int, sumOfSquares: Double) {
        self.numberCount = numberCount
        self.nanCount = nanCount
        self.infinityCount = infinityCount
        self.sumOfSquares = sumOfSquares
    }

    /// Looks at packed elements.
    ///
    /// - Complexity: O(bytes), several GB/s.
    package init(of bytes: UnsafeRawBufferPointer, _ values: ElementValues) {
        let health = mr_health_of(MR_CPU_IN_USE, values.type, bytes.baseAddress, bytes.count / values.byteWidth)
        self.init(
            numberCount: Int(health.element_count), nanCount: Int(health.nan_count),
            infinityCount: Int(health.infinity_count), sumOfSquares: health.sum_of_squares)
    }

    /// Adds further elements.
    package mutating func add(_ other: ElementSummary) {
        numberCount += other.numberCount
        nanCount += other.nanCount
        infinityCount += other.infinityCount
        sumOfSquares += other.sumOfSquares
    }
}
