internal import CKernels
public import Tensors

/// How the elements of one tensor differ from those of another, place by place.
///
/// Values are widened to double precision (integers of 64 bits are rounded) and subtracted as such, new minus old.
/// Sums and the maximum are over the places where both are finite; NaN and infinity are counted, and compared with
/// nothing. A complex element is two numbers, its real and its imaginary part, and counts as two. Sums do not depend
/// on the processor or the number of its cores, to the last bit.
public struct TensorDifference: Sendable {
    var sums = mr_difference_empty()
    /// Whether both have one type, so that there is a last place to count in.
    let isOneType: Bool

    /// The difference of no elements.
    ///
    /// - Returns: `nil` where values of these types cannot be compared: elements below a byte, and complex numbers
    ///   with real ones.
    public init?(from old: DType, to new: DType) {
        guard ElementValues(old) != nil, ElementValues(new) != nil, old.isComplex == new.isComplex else {
            return nil
        }
        isOneType = old == new
    }

    /// Compares packed elements: `old` of one type with as many of another.
    ///
    /// - Returns: `nil` as above.
    /// - Complexity: O(bytes), several GB/s.
    public init?(
        from old: UnsafeRawBufferPointer, _ oldType: DType, to new: UnsafeRawBufferPointer, _ newType: DType
    ) {
        self.init(from: oldType, to: newType)
        guard let oldValues = ElementValues(oldType), let newValues = ElementValues(newType) else { return nil }
        let count = old.count / oldValues.byteWidth
        precondition(count == new.count / newValues.byteWidth, "\(old.count) and \(new.count) bytes to compare")
        sums = mr_difference_of(
            MR_CPU_IN_USE, oldValues.type, old.baseAddress, newValues.type, new.baseAddress, count)
    }

    /// Adds the elements from number `offset` on.
    ///
    /// The same parts in the same order make the same sums, to the last bit.
    public mutating func add(_ part: TensorDifference, at offset: Int) {
        var other = part.sums
        mr_difference_add(&sums, &other, UInt64(offset))
    }

    /// Adds elements that are equal in both.
    package mutating func add(equal elements: ElementSummary) {
        let finiteCount = UInt64(elements.numberCount - elements.nanCount - elements.infinityCount)
        sums.element_count += UInt64(elements.numberCount)
        sums.finite_count += finiteCount
        sums.old_nan_count += UInt64(elements.nanCount)
        sums.new_nan_count += UInt64(elements.nanCount)
        sums.old_infinity_count += UInt64(elements.infinityCount)
        sums.new_infinity_count += UInt64(elements.infinityCount)
        mr_sum_add(&sums.products, elements.sumOfSquares)
        mr_sum_add(&sums.old_squares, elements.sumOfSquares)
        mr_sum_add(&sums.new_squares, elements.sumOfSquares)
        if isOneType { sums.ulps.0 += finiteCount }
    }

    /// What is left of the equal elements of two tensors when those compared here are taken away.
    ///
    /// - Parameters:
    ///   - old: All of the old tensor.
    ///   - new: All of the new one.
    package func rest(of old: ElementSummary, and new: ElementSummary) -> ElementSummary {
        // The smaller of the two leaves fewer digits behind.
        let isOldSmaller = old.sumOfSquares <= new.sumOfSquares
        let squares =
            isOldSmaller
            ? old.sumOfSquares - value(sums.old_squares) - value(sums.lone_old_squares)
            : new.sumOfSquares - value(sums.new_squares) - value(sums.lone_new_squares)
        return ElementSummary(
            numberCount: old.numberCount - Int(sums.element_count),
            nanCount: old.nanCount - Int(sums.old_nan_count),
            infinityCount: old.infinityCount - Int(sums.old_infinity_count), sumOfSquares: max(0, squares))
    }

    private func value(_ sum: mr_sum) -> Double { mr_sum_value(sum) }
}

extension TensorDifference {
    /// Numbers compared.
    public var elementCount: Int { Int(sums.element_count) }

    /// Numbers that are finite in both: those that sums are over.
    public var finiteCount: Int { Int(sums.finite_count) }

    /// Numbers that have other bits; between two types, another value.
    public var changedCount: Int { Int(sums.changed_count) }

    /// The share of numbers that changed, 0 to 1; 0 of none.
    public var changedShare: Double { elementCount == 0 ? 0 : Double(changedCount) / Double(elementCount) }

    /// The L2 norm of new minus old.
    public var l2Norm: Double { value(sums.squares).squareRoot() }

    /// The L2 norm of all finite old numbers.
    public var oldL2Norm: Double { (value(sums.old_squares) + value(sums.lone_old_squares)).squareRoot() }

    /// The L2 norm of all finite new numbers.
    public var newL2Norm: Double { (value(sums.new_squares) + value(sums.lone_new_squares)).squareRoot() }

    /// The L2 norm of the difference in terms of the old one: 0 where nothing differs, infinite where only the
    /// old norm is 0.
    public var relativeL2: Double { l2Norm == 0 ? 0 : l2Norm / oldL2Norm }

    /// The greatest absolute difference; 0 where nothing differs.
    public var maximumAbsolute: Double { sums.maximum }

    /// The first number that differs by as much: its place in row-major order, a complex element counting as two.
    /// `nil` where nothing differs.
    public var maximumPosition: Int? { sums.maximum > 0 ? Int(sums.maximum_position) : nil }

    /// The mean of new minus old; `nil` of no finite numbers.
    public var mean: Double? { finiteCount == 0 ? nil : value(sums.difference) / Double(finiteCount) }

    /// The mean of absolute differences; `nil` of no finite numbers.
    public var meanAbsolute: Double? { finiteCount == 0 ? nil : value(sums.absolute) / Double(finiteCount) }

    /// The cosine of the angle between old and new, over numbers finite in both; `nil` where one of them is zero, or
    /// too large to be squared.
    public var cosineSimilarity: Double? {
        let norms = value(sums.old_squares).squareRoot() * value(sums.new_squares).squareRoot()
        let cosine = value(sums.products) / norms
        return cosine.isNaN ? nil : max(-1, min(1, cosine))
    }

    /// Old numbers that are not a number.
    public var oldNaNCount: Int { Int(sums.old_nan_count) }
    /// New numbers that are not a number.
    public var newNaNCount: Int { Int(sums.new_nan_count) }
    /// NaN now, and not before.
    public var appearedNaNCount: Int { Int(sums.nan_appeared_count) }
    /// NaN before, and not now.
    public var goneNaNCount: Int { Int(sums.nan_gone_count) }
    /// Infinite old numbers.
    public var oldInfinityCount: Int { Int(sums.old_infinity_count) }
    /// Infinite new numbers.
    public var newInfinityCount: Int { Int(sums.new_infinity_count) }
    /// Infinite now, and not before.
    public var appearedInfinityCount: Int { Int(sums.infinity_appeared_count) }
    /// Infinite before, and not now.
    public var goneInfinityCount: Int { Int(sums.infinity_gone_count) }

    /// Numbers finite in both by how many representable values lie between old and new: none, 1, 2 to 3, 4 to 7, …,
    /// 2^(i-1) to 2^i - 1 at index i; up to the last that is not 0. Of integers, by the absolute difference. Empty
    /// between two types, which have no last place in common.
    public var ulpHistogram: [Int] {
        guard isOneType else { return [] }
        let counts = withUnsafeBytes(of: sums.ulps) { $0.bindMemory(to: UInt64.self).map { Int($0) } }
        let end = counts.lastIndex { $0 > 0 }.map { $0 + 1 } ?? 0
        return Array(counts[..<end])
    }

    /// The least distance, in units in the last place, that is counted at `index` of ``ulpHistogram``.
    public static func ulpLowerBound(_ index: Int) -> UInt64 { index == 0 ? 0 : 1 << UInt64(index - 1) }
}
