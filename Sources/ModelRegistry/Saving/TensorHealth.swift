import CKernels
import Checkpoints
import Tensors

/// What can be said about a tensor's elements at a glance; `nil` where the type has no such thing.
struct TensorHealth: Sendable {
    var nanCount: Int?
    var infinityCount: Int?
    var zeroCount: Int?
    /// Of the finite elements; `nil` if there are none.
    var minimum: Double?
    var maximum: Double?
    var l2Norm: Double?

    /// Looks at the elements of a tensor that is to be stored, chunk by chunk.
    ///
    /// - Parameter known: The health of chunks that have been looked at already.
    /// - Throws: `FileError`, `FileChangedError`.
    /// - Complexity: O(bytes), several GB/s.
    init(of plan: SavePlan, stored: Int, known: [Int: ChunkHealth] = [:]) throws {
        let dtype = plan.storedTensors[stored].dtype
        let chunks = try (0..<plan.storedTensors[stored].chunkCount).map { index in
            try known[index]
                ?? plan.withUnsafeBytes(of: ChunkPlace(stored: stored, index: index)) {
                    ChunkHealth(of: $0, dtype: dtype)
                }
        }
        self.init(adding: chunks, dtype: dtype)
    }

    /// Adds up what was seen of a tensor's chunks, in order.
    init(adding chunks: [ChunkHealth?], dtype: DType) {
        guard TensorHealth.kernel(for: dtype) != nil else { return }
        var total = mr_health_empty()
        for chunk in chunks {
            if var counted = chunk?.counted { mr_health_add(&total, &counted) }
        }
        if dtype.isFloatingPoint || dtype.isComplex {
            nanCount = Int(total.nan_count)
            infinityCount = Int(total.infinity_count)
        }
        zeroCount = Int(total.zero_count)
        minimum = total.minimum.isFinite ? total.minimum : nil
        maximum = total.maximum.isFinite ? total.maximum : nil
        l2Norm = total.sum_of_squares.squareRoot()
    }

    fileprivate static func kernel(for dtype: DType) -> (type: mr_health_type, width: Int)? {
        switch dtype {
        case .bool, .uint8: (MR_HEALTH_UINT8, 1)
        case .int8: (MR_HEALTH_INT8, 1)
        case .uint16: (MR_HEALTH_UINT16, 2)
        case .int16: (MR_HEALTH_INT16, 2)
        case .uint32: (MR_HEALTH_UINT32, 4)
        case .int32: (MR_HEALTH_INT32, 4)
        case .uint64: (MR_HEALTH_UINT64, 8)
        case .int64: (MR_HEALTH_INT64, 8)
        case .float16, .complex32: (MR_HEALTH_FLOAT16, 2)
        case .bfloat16: (MR_HEALTH_BFLOAT16, 2)
        case .float32, .complex64: (MR_HEALTH_FLOAT32, 4)
        case .float64, .complex128: (MR_HEALTH_FLOAT64, 8)
        case .float8e4m3fn: (MR_HEALTH_FLOAT8_E4M3FN, 1)
        case .float8e4m3fnuz: (MR_HEALTH_FLOAT8_E4M3FNUZ, 1)
        case .float8e5m2: (MR_HEALTH_FLOAT8_E5M2, 1)
        case .float8e5m2fnuz: (MR_HEALTH_FLOAT8_E5M2FNUZ, 1)
        case .float8e8m0fnu: (MR_HEALTH_FLOAT8_E8M0FNU, 1)
        case .float6e2m3fn, .float6e3m2fn, .float4e2m1fn: nil
        }
    }
}

/// The health of one chunk.
struct ChunkHealth: @unchecked Sendable {
    fileprivate let counted: mr_health

    /// Looks at a chunk's elements; `nil` for a type that has no health.
    init?(of bytes: UnsafeRawBufferPointer, dtype: DType) {
        guard let (type, width) = TensorHealth.kernel(for: dtype) else { return nil }
        counted = mr_health_of(MR_CPU_IN_USE, type, bytes.baseAddress, bytes.count / width)
    }
}
