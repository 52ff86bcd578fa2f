import Foundations

extension Tensor {
    /// The elements in the opposite order along the axes, as `torch.flip`. A copy; a gradient flows back.
    public func flipped(_ axes: [Int]) -> Tensor {
        axes.reduce(self) { tensor, axis in
            let length = tensor.shape[TensorGeometry.axis(axis, rank: rank)]
            return tensor.indexSelect(axis, Tensor((0..<Int64(length)).reversed().map { $0 }))
        }
    }

    /// The elements moved on by `shift` places along an axis, those beyond the end to the start, as `torch.roll`.
    public func rolled(_ shift: Int, alongAxis axis: Int) -> Tensor {
        let length = shape[TensorGeometry.axis(axis, rank: rank)]
        guard length > 0 else { return self }
        let cut = ((-shift % length) + length) % length
        if cut == 0 { return self }
        return Tensor.concatenate(
            [narrowed(axis, to: cut..<length), narrowed(axis, to: 0..<cut)], alongAxis: axis)
    }

    /// The parts at each index of an axis, which disappears, as `torch.unbind`. Views.
    public func unbound(alongAxis axis: Int = 0) -> [Tensor] {
        (0..<shape[TensorGeometry.axis(axis, rank: rank)]).map { selected(axis, $0) }
    }

    /// What stands around a padded tensor.
    public enum Padding: Sendable, Equatable {
        /// A number.
        case constant(Double)
        /// The elements next to the edge, mirrored at it; the edge itself is there once.
        case reflect
        /// The element at the edge.
        case replicate
        /// The elements at the other end.
        case circular
    }

    /// The tensor with more elements around it, as `torch.nn.functional.pad`. A gradient flows back.
    ///
    /// - Parameter counts: Elements before and after, for the last axis first: `[left, right, top, bottom]`. Negative
    ///   numbers, with a constant, take elements away.
    /// - Precondition: At most one pair for each axis; to reflect, fewer than the axis is long.
    public func padded(_ counts: [Int], _ padding: Padding = .constant(0)) -> Tensor {
        require(
            counts.count % 2 == 0 && counts.count / 2 <= rank, "padding \(counts) of a tensor of shape \(shape)"
        )
        return (0..<counts.count / 2).reduce(self) { tensor, pair in
            tensor.padded(
                rank - 1 - pair, before: counts[2 * pair], after: counts[2 * pair + 1], padding)
        }
    }

    private func padded(_ axis: Int, before: Int, after: Int, _ padding: Padding) -> Tensor {
        if before == 0 && after == 0 { return self }
        let length = shape[axis]
        require(
            length + before + after >= 0, "padding of (\(before), \(after)) at axis \(axis) of shape \(shape)")
        if case .constant(let value) = padding {
            let kept = narrowed(axis, to: Swift.max(-before, 0)..<length - Swift.max(-after, 0))
            func block(_ count: Int) -> [Tensor] {
                var size = shape
                size[axis] = count
                return count > 0 ? [.full(size, value, dtype: dtype)] : []
            }
            return Tensor.concatenate(block(before) + [kept] + block(after), alongAxis: axis)
        }
        require(
            before >= 0 && after >= 0 && length > 0,
            "padding of (\(before), \(after)) at axis \(axis) of shape \(shape)")
        let places = (-before..<length + after).map { place -> Int64 in
            switch padding {
            case .replicate, .constant: return Int64(Swift.min(Swift.max(place, 0), length - 1))
            case .reflect:
                require(
                    before < length && after < length,
                    "reflecting (\(before), \(after)) elements at axis \(axis) of shape \(shape)")
                return Int64(place < 0 ? -place : place >= length ? 2 * (length - 1) - place : place)
            case .circular:
                require(
                    before <= length && after <= length,
                    "circular padding of (\(before), \(after)) at axis \(axis) of shape \(shape)")
                return Int64((place + length) % length)
            }
        }
        return indexSelect(axis, Tensor(places))
    }

    /// Tensors of one shape with the coordinates of each place of a grid, as `torch.meshgrid` with `indexing="ij"`.
    ///
    /// - Precondition: Each has one axis.
    public static func meshgrid(_ axes: [Tensor]) -> [Tensor] {
        require(axes.allSatisfy { $0.rank == 1 }, "meshgrid of shapes \(axes.map(\.shape))")
        let shape = axes.map(\.elementCount)
        return axes.enumerated().map { index, axis in
            var lengths = [Int](repeating: 1, count: axes.count)
            lengths[index] = axis.elementCount
            return axis.reshaped(to: lengths).broadcast(to: shape)
        }
    }

    /// The elements on a diagonal of a matrix, `offset` above the main one, as `torch.diagonal`. A gradient flows back.
    ///
    /// - Precondition: Rank 2.
    public func diagonal(offset: Int = 0) -> Tensor {
        require(rank == 2, "diagonal of a tensor of shape \(shape); it needs rank 2")
        let rows =
            Swift.max(-offset, 0)..<Swift.max(Swift.min(shape[0], shape[1] - offset), Swift.max(-offset, 0))
        let positions = rows.map { Int64($0 * shape[1] + $0 + offset) }
        return reshaped(to: [elementCount]).indexSelect(0, Tensor(positions))
    }
}
