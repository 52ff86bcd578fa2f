internal import CKernels

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .& : LogicalConjunctionPrecedence
infix operator .| : LogicalDisjunctionPrecedence

// Elementwise comparisons are spelt with a period, as for SIMD vectors: `==` returns one Bool in Swift. None has a
// gradient.

extension Tensor {
    private static func compare(_ operation: mr_operation, _ a: Tensor, _ b: Tensor) -> Tensor {
        inCommonType(a, b) { apply(operation, $0, $1) }
    }

    /// Whether each two elements are equal, with broadcasting, as bool.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { compare(MR_EQUAL, a, b) }
    /// Whether each two elements differ.
    public static func .!= (a: Tensor, b: Tensor) -> Tensor { compare(MR_NOT_EQUAL, a, b) }
    /// Whether each element of `a` is less.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { compare(MR_LESS, a, b) }
    /// Whether each element of `a` is less or equal.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor { compare(MR_LESS_EQUAL, a, b) }
    /// Whether each element of `a` is greater.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { compare(MR_GREATER, a, b) }
    /// Whether each element of `a` is greater or equal.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor { compare(MR_GREATER_EQUAL, a, b) }

    /// Whether the elements are equal to a number.
    public static func .== <Number: BinaryFloatingPoint>(a: Tensor, b: Number) -> Tensor {
        a .== weak(Double(b))
    }
    /// Whether the elements differ from a number.
    public static func .!= <Number: BinaryFloatingPoint>(a: Tensor, b: Number) -> Tensor {
        a .!= weak(Double(b))
    }
    /// Whether the elements are less than a number.
    public static func .< <Number: BinaryFloatingPoint>(a: Tensor, b: Number) -> Tensor { a .< weak(Double(b)) }
    /// Whether the elements are at most a number.
    public static func .<= <Number: BinaryFloatingPoint>(a: Tensor, b: Number) -> Tensor {
        a .<= weak(Double(b))
    }
    /// Whether the elements are greater than a number.
    public static func .> <Number: BinaryFloatingPoint>(a: Tensor, b: Number) -> Tensor { a .> weak(Double(b)) }
    /// Whether the elements are at least a number.
    public static func .>= <Number: BinaryFloatingPoint>(a: Tensor, b: Number) -> Tensor {
        a .>= weak(Double(b))
    }

    /// Where both masks hold.
    public static func .& (a: Tensor, b: Tensor) -> Tensor {
        (a.to(.bool).to(.int64) * b.to(.bool).to(.int64)).to(.bool)
    }
    /// Where either mask holds.
    public static func .| (a: Tensor, b: Tensor) -> Tensor {
        (a.to(.bool).to(.int64) + b.to(.bool).to(.int64)).to(.bool)
    }
    /// Where the mask does not hold.
    public static prefix func ! (a: Tensor) -> Tensor { a.to(.bool).to(.int64) .== 0 }

    /// Whether the single element is greater than a number.
    public static func > (a: Tensor, b: Double) -> Bool { a.item() > b }
    /// Whether the single element is less than a number.
    public static func < (a: Tensor, b: Double) -> Bool { a.item() < b }
    /// Whether the single element is at least a number.
    public static func >= (a: Tensor, b: Double) -> Bool { a.item() >= b }
    /// Whether the single element is at most a number.
    public static func <= (a: Tensor, b: Double) -> Bool { a.item() <= b }

    /// Whether each element is NaN.
    public var isNaN: Tensor { self .!= self }

    /// Whether all elements hold (are not zero). True where there are none.
    public func all() -> Bool { to(.bool).withUnsafeBytes { $0.allSatisfy { $0 != 0 } } }

    /// Whether any element holds (is not zero).
    public func any() -> Bool { to(.bool).withUnsafeBytes { $0.contains { $0 != 0 } } }

    /// Whether dtype, shape and every bit of the elements agree.
    public func isIdentical(to other: Tensor) -> Bool {
        guard dtype == other.dtype, shape == other.shape else { return false }
        return withUnsafeBytes { mine in other.withUnsafeBytes { mine.elementsEqual($0) } }
    }

    /// Whether |a - b| ≤ absolute + relative · |b| for all elements, as in `torch.allclose`.
    public func isClose(to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8) -> Bool {
        guard shape == other.shape else { return false }
        return zip(doubles(), other.doubles()).allSatisfy { a, b in
            a == b || Swift.abs(a - b) <= absolute + relative * Swift.abs(b)
        }
    }
}
