import Foundations

/// What selects elements along an axis: an integer, a range, or `stride(from:to:by:)`.
public protocol TensorIndex {
    /// The selection, in the tensor's own terms.
    var axisSelection: AxisSelection { get }
}

/// A selection of elements along one axis.
public enum AxisSelection: Sendable {
    /// One element; the axis disappears. Negative counts from the end.
    case index(Int)
    /// From `start` up to, but not including, `end` (to the end where `nil`), every `step`-th. Negative ones count from
    /// the end.
    case range(start: Int, end: Int?, step: Int)
    /// A new axis of length 1.
    case newAxis
}

extension Int: TensorIndex {
    /// One element.
    public var axisSelection: AxisSelection { .index(self) }
}
extension Range<Int>: TensorIndex {
    /// The elements of the range. Negative bounds count from the end: `x[-3 ..< -1]`.
    public var axisSelection: AxisSelection { .range(start: lowerBound, end: upperBound, step: 1) }
}
extension ClosedRange<Int>: TensorIndex {
    /// The elements of the range.
    public var axisSelection: AxisSelection { .range(start: lowerBound, end: after(upperBound), step: 1) }
}
extension PartialRangeFrom<Int>: TensorIndex {
    /// The elements from the bound on.
    public var axisSelection: AxisSelection { .range(start: lowerBound, end: nil, step: 1) }
}
extension PartialRangeUpTo<Int>: TensorIndex {
    /// The elements before the bound.
    public var axisSelection: AxisSelection { .range(start: 0, end: upperBound, step: 1) }
}
extension PartialRangeThrough<Int>: TensorIndex {
    /// The elements up to and at the bound.
    public var axisSelection: AxisSelection { .range(start: 0, end: after(upperBound), step: 1) }
}
extension StrideTo<Int>: TensorIndex {
    /// Every step-th element, such as `stride(from: 0, to: 10, by: 2)`.
    public var axisSelection: AxisSelection { strideSelection(Array(self)) }
}
extension StrideThrough<Int>: TensorIndex {
    /// Every step-th element.
    public var axisSelection: AxisSelection { strideSelection(Array(self)) }
}

/// The end of a range whose last index is `index`: of -1, the end of the axis.
private func after(_ index: Int) -> Int? { index == -1 ? nil : index + 1 }

private func strideSelection(_ indices: [Int]) -> AxisSelection {
    guard let first = indices.first, let last = indices.last else { return .range(start: 0, end: 0, step: 1) }
    return .range(start: first, end: after(last), step: indices.count > 1 ? indices[1] - first : 1)
}

/// As an index: a new axis of length 1, as `None` in PyTorch.
public struct NewAxis: TensorIndex {
    /// A new axis.
    public init() {}
    /// A new axis.
    public var axisSelection: AxisSelection { .newAxis }
}

extension Tensor {
    /// The part that the indices select, one for each axis from the first; later axes stay whole. A view.
    ///
    /// Assigning writes into this tensor, converted and broadcast: `x[0..<3, 1] = 0`, `x[2, 3] += 1`.
    /// - Precondition: Indices and ranges are within the shape. Steps are positive.
    public subscript(indices: any TensorIndex...) -> Tensor {
        get { part(indices.map(\.axisSelection)) }
        set { assignUnlessSame(newValue, indices.map(\.axisSelection)) }
    }

    /// All elements, or with indices after the dots the part that these select along the last axes: `x[..., 0]`.
    public subscript(_: UnboundedRange, indices: any TensorIndex...) -> Tensor {
        get { part(ellipsis(indices.map(\.axisSelection))) }
        set { assignUnlessSame(newValue, ellipsis(indices.map(\.axisSelection))) }
    }

    /// With a mask, the elements where it holds, as one axis; with integers, the rows they name.
    ///
    /// Assigning to a mask writes where it holds; the new elements are broadcast to the whole tensor. Assigning to integers
    /// writes the rows they name; of rows named twice the last one stays.
    /// - Precondition: A mask broadcasts to this shape; integers are within the first axis.
    public subscript(selector: Tensor) -> Tensor {
        get {
            if selector.dtype == .bool {
                let mask = selector.broadcast(to: shape).contiguous()
                return flattened().indexSelect(0, mask.flattened().nonzeroPositions())
            }
            let rows = indexSelect(0, selector.flattened())
            return rows.reshaped(to: selector.shape + shape.dropFirst())
        }
        set {
            let value = newValue.to(dtype)
            let merged = selector.dtype == .bool ? selector.select(value, self) : replacingRows(selector, value)
            require(
                merged.shape == shape, "mask of \(selector.shape), value of \(value.shape) for shape \(shape)")
            guard isRecordingGradients, requiresGrad || value.requiresGrad else {
                store(merged)
                return
            }
            // The merged tensor has the history; this one takes it over together with the elements.
            require(!isTrackedLeaf, "in-place change of a leaf of shape \(shape) that requires a gradient")
            require(!isTrackedView, "in-place change of a view of shape \(shape) whose base has a history")
            store(merged)
            node = merged.node
        }
    }

    /// A copy with other rows at the indices.
    private func replacingRows(_ indices: Tensor, _ value: Tensor) -> Tensor {
        require(indices.dtype.isInteger && rank > 0, "assignment to \(indices.dtype) indices of shape \(shape)")
        let rowSize = shape.dropFirst().reduce(1, *)
        let rows = value.broadcast(to: indices.shape + shape.dropFirst())
        let positions = indices.to(.int64).contiguous().scalars(as: Int64.self).flatMap { index -> [Int64] in
            require(
                index >= -Int64(shape[0]) && index < Int64(shape[0]),
                "index \(index) of axis 0 of a tensor of shape \(shape)")
            let start = ((Int(index) + shape[0]) % shape[0]) * rowSize
            return (start..<start + rowSize).map(Int64.init)
        }
        return replacing(positions, by: rows.reshaped(to: [rows.elementCount])).reshaped(to: shape)
    }

    private func part(_ selections: [AxisSelection]) -> Tensor {
        var result = self
        var axis = 0
        for selection in selections {
            if case .newAxis = selection {
                result = result.unsqueezed(axis)
                axis += 1
                continue
            }
            require(axis < result.rank, "\(selections.count) indices for shape \(shape)")
            switch selection {
            case .index(let index): result = result.selected(axis, index)
            case .range(let start, let end, let step):
                let length = result.shape[axis]
                let (first, last) = (start, end ?? length)
                let (start, end) = (first < 0 ? first + length : first, last < 0 ? last + length : last)
                require(
                    start >= 0 && start <= end && end <= length,
                    "range \(first)..<\(last) of axis \(axis) of a tensor of shape \(shape)")
                if start != 0 || end != length || step != 1 {
                    result = result.narrowed(axis, to: start..<end, by: step)
                }
                axis += 1
            case .newAxis: break
            }
        }
        return result
    }

    private func ellipsis(_ selections: [AxisSelection]) -> [AxisSelection] {
        let taken = selections.count { if case .newAxis = $0 { false } else { true } }
        require(taken <= rank, "\(taken) indices for shape \(shape)")
        return [AxisSelection](repeating: .range(start: 0, end: nil, step: 1), count: rank - taken) + selections
    }

    private func assignUnlessSame(_ value: Tensor, _ selections: [AxisSelection]) {
        assign(value) { $0.part(selections) }
    }
}
