import Foundations

extension Tensor {
    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], dtype: DType = .float32) -> Tensor {
        let count = checked(shape).reduce(1, *)
        guard let byteCount = dtype.byteCount(elementCount: count) else {
            trap("size of \(shape) overflows")
        }
        // A large one may be a parameter that is about to get other values: it takes memory when it is first used.
        let storage =
            byteCount < smallestDeferred
            ? Storage(zeroedByteCount: byteCount) : Storage(deferredByteCount: byteCount)
        return Tensor(contiguous: storage, dtype: dtype, shape: shape)
    }

    /// Below this, zeros cost less than to remember that they are wanted.
    private static let smallestDeferred = 16 << 10

    /// Whether all bytes of the storage are this tensor's, in order.
    package var isWholeStorage: Bool { isContiguous && offset == 0 && byteCount == storage.byteCount }

    /// Whether, besides, the bytes are not made yet.
    package var isWholeDeferredStorage: Bool { storage.isDeferred && isWholeStorage }

    /// A tensor of ones.
    public static func ones(_ shape: [Int], dtype: DType = .float32) -> Tensor { full(shape, 1, dtype: dtype) }

    /// A tensor of which each element is `value`, converted to `dtype`.
    public static func full(_ shape: [Int], _ value: Double, dtype: DType = .float32) -> Tensor {
        let result = Tensor(uninitialized: checked(shape), dtype: dtype)
        switch dtype {
        case .float32:
            result.pointer(Float.self).initialize(repeating: Float(value), count: result.elementCount)
        case .float64:
            result.pointer(Double.self).initialize(repeating: value, count: result.elementCount)
        default:
            let scalar = Tensor([value], shape: []).to(dtype)
            result.store(scalar)
        }
        return result
    }

    /// Zeros of this tensor's shape and dtype.
    public func zerosLike() -> Tensor { .zeros(shape, dtype: dtype) }

    /// Sets the elements at `index` along the first axis to 0, without a history; those of deferred values, when they are
    /// made.
    package func deferZeros(atRow index: Int) {
        guard isWholeDeferredStorage else {
            alias().selected(0, index).store(.zeros([], dtype: dtype))
            return
        }
        let row = byteCount / shape[0]
        storage.version &+= 1
        storage.deferFill(replacingAll: false) { bytes in
            for i in index * row..<(index + 1) * row { bytes[i] = 0 }
        }
    }

    /// Ones of this tensor's shape and dtype.
    public func onesLike() -> Tensor { .ones(shape, dtype: dtype) }

    /// The numbers from `start` up to but not including `end`, `step` apart.
    ///
    /// - Precondition: `step` is not 0.
    public static func arange(
        _ start: Double, _ end: Double, step: Double = 1, dtype: DType = .float32
    ) -> Tensor {
        require(step != 0, "arange with a step of 0")
        let count = Swift.max(0, Int(((end - start) / step).rounded(.up)))
        return Tensor((0..<count).map { start + Double($0) * step }).to(dtype)
    }

    /// The whole numbers of `range`, as int64.
    public static func arange(_ range: Range<Int>) -> Tensor { Tensor(range.map(Int64.init)) }

    /// `count` numbers from `start` to `end`, both included, equally spaced.
    public static func linspace(_ start: Double, _ end: Double, count: Int, dtype: DType = .float32) -> Tensor {
        require(count >= 0, "linspace of \(count) numbers")
        let step = count > 1 ? (end - start) / Double(count - 1) : 0
        return Tensor((0..<count).map { $0 == count - 1 && count > 1 ? end : start + Double($0) * step }).to(
            dtype)
    }

    /// The identity matrix, or the first columns of a larger one.
    public static func eye(_ rows: Int, _ columns: Int? = nil, dtype: DType = .float32) -> Tensor {
        let columns = columns ?? rows
        let result = zeros([rows, columns], dtype: dtype)
        let one = Tensor([1.0], shape: []).to(dtype)
        result.alias(shape: [Swift.min(rows, columns)], strides: [columns + 1], offset: 0).store(one)
        return result
    }

    /// A matrix from its rows.
    ///
    /// - Precondition: Rows are of one length.
    public convenience init<Scalar: TensorScalar>(_ rows: [[Scalar]]) {
        let width = rows.first?.count ?? 0
        require(rows.allSatisfy { $0.count == width }, "rows of lengths \(rows.map(\.count))")
        self.init(rows.flatMap { $0 }, shape: [rows.count, width])
    }

    /// A number in an expression with `other`.
    static func weak(_ value: Double) -> Tensor {
        let storage = Storage(uninitializedByteCount: 8)
        storage.baseAddress.storeBytes(of: value, as: Double.self)
        return Tensor(
            unchecked: storage, dtype: .float64, shape: [], strides: [], offset: 0, elementCount: 1,
            isContiguous: true, isWeakScalar: true)
    }

    private static func checked(_ shape: [Int]) -> [Int] {
        require(shape.allSatisfy { $0 >= 0 }, "negative length in shape \(shape)")
        return shape
    }
}

extension Tensor: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    /// A number in an expression, such as `x + 0.5`: a scalar tensor that adopts the other operand's dtype.
    public convenience init(floatLiteral value: Double) { self.init(weak: value) }

    /// A number in an expression, such as `x[0, 0] = 42`: a scalar tensor that adopts the other operand's dtype.
    public convenience init(integerLiteral value: Int) { self.init(weak: Double(value)) }

    private convenience init(weak value: Double) {
        let storage = Storage(uninitializedByteCount: 8)
        storage.baseAddress.storeBytes(of: value, as: Double.self)
        self.init(
            unchecked: storage, dtype: .float64, shape: [], strides: [], offset: 0, elementCount: 1,
            isContiguous: true, isWeakScalar: true)
    }
}
