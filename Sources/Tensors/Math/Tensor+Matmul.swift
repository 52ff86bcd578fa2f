internal import CKernels
import Foundations

extension Tensor {
    /// Multiplies two matrices, broadcasting leading dimensions.
    ///
    /// A vector is a row on the left and a column on the right, and its axis disappears, as in PyTorch.
    /// - Parameter other: Shape `[..., k, n]`, same dtype.
    /// - Returns: Shape `[..., m, n]`, where `self` is `[..., m, k]`. Row-major, newly allocated.
    /// - Precondition: Inner dimensions agree, leading ones broadcast.
    /// - Complexity: O(m·k·n) per matrix.
    public func matmul(_ other: Tensor) -> Tensor {
        require(rank > 0 && other.rank > 0, "matmul of shapes \(shape) and \(other.shape)")
        let inner = other.rank == 1 ? other.shape[0] : other.shape[other.rank - 2]
        require(
            shape[rank - 1] == inner, "matmul of shapes \(shape) and \(other.shape): inner dimensions differ")
        let type = dtype.computeType
        if dtype != other.dtype || type != dtype {
            let common = DType.ofExpression(self, other)
            let compute: DType = common.computeType == .int64 ? .float64 : common.computeType
            return to(compute).matmul(other.to(compute)).to(common)
        }
        if rank == 1 { return unsqueezed(0).matmul(other).squeezed(other.rank == 1 ? 0 : -2) }
        if other.rank == 1 { return matmul(other.unsqueezed(1)).squeezed(-1) }
        // All rows of a stack of matrices by one matrix are one product.
        if rank > 2, other.rank == 2 {
            return flattened(from: 0, through: -2).matmul(other).reshaped(
                to: Array(shape.dropLast()) + [other.shape[1]])
        }
        let result = Tensor.product(self, other)
        guard isRecorded || other.isRecorded else { return result }
        let savedA = other.requiresGrad ? SavedTensor(self, for: "matmul") : nil
        let savedB = requiresGrad ? SavedTensor(other, for: "matmul") : nil
        let (aShape, bShape) = (shape, other.shape)
        return result.recorded("matmul", [self, other]) { g in
            [
                savedB.map { Tensor.product(g, $0.value.swappingLastAxes()).summed(to: aShape) },
                savedA.map { Tensor.product($0.value.swappingLastAxes(), g).summed(to: bShape) },
            ]
        }
    }

    /// The last two axes swapped, without a history.
    func swappingLastAxes() -> Tensor {
        var (newShape, newStrides) = (shape, strides)
        newShape.swapAt(rank - 2, rank - 1)
        newStrides.swapAt(rank - 2, rank - 1)
        return alias(shape: newShape, strides: newStrides, offset: offset)
    }

    /// The product of (stacks of) matrices without a history.
    static func product(_ a: Tensor, _ b: Tensor) -> Tensor {
        let (m, k, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1], b.shape[b.rank - 1])
        let (aRow, aColumn) = (a.strides[a.rank - 2], a.strides[a.rank - 1])
        let (bRow, bColumn) = (b.strides[b.rank - 2], b.strides[b.rank - 1])
        defer { withExtendedLifetime((a, b)) {} }
        if a.rank == 2 && b.rank == 2 {
            let result = Tensor(uninitialized: [m, n], dtype: a.dtype)
            multiply(a, b, into: result, m, n, k, bias: nil)
            return result
        }
        let lead = TensorGeometry.broadcast(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
        let result = Tensor(uninitialized: lead + [m, n], dtype: a.dtype)
        let aOffsets = matrixOffsets(a, lead)
        let bOffsets = matrixOffsets(b, lead)
        if a.dtype == .float32 {
            mr_sgemm_batch(
                aOffsets.count, m, n, k, a.pointer(Float.self), aOffsets, aRow, aColumn, b.pointer(Float.self),
                bOffsets,
                bRow, bColumn, result.pointer(Float.self))
        } else {
            mr_dgemm_batch(
                aOffsets.count, m, n, k, a.pointer(Double.self), aOffsets, aRow, aColumn,
                b.pointer(Double.self),
                bOffsets, bRow, bColumn, result.pointer(Double.self))
        }
        return result
    }

    /// Writes a · b, plus `bias` in each row, into `result`.
    static func multiply(
        _ a: Tensor, _ b: Tensor, into result: Tensor, _ m: Int, _ n: Int, _ k: Int, bias: Tensor?,
        adding: Bool = false
    ) {
        let start = bias != nil ? MR_GEMM_BIAS : adding ? MR_GEMM_ADD : MR_GEMM_SET
        if a.dtype == .float32 {
            mr_sgemm(
                m, n, k, a.pointer(Float.self), a.strides[0], a.strides[1], b.pointer(Float.self), b.strides[0],
                b.strides[1], result.pointer(Float.self), n, start, bias?.pointer(Float.self))
        } else {
            mr_dgemm(
                m, n, k, a.pointer(Double.self), a.strides[0], a.strides[1], b.pointer(Double.self),
                b.strides[0],
                b.strides[1], result.pointer(Double.self), n, start, bias?.pointer(Double.self))
        }
        withExtendedLifetime((a, b, result, bias)) {}
    }

    /// Where each matrix of a stack that is broadcast to `lead` begins, in elements from the first.
    private static func matrixOffsets(_ x: Tensor, _ lead: [Int]) -> [Int] {
        let stack = x.alias(
            shape: Array(x.shape.dropLast(2)), strides: Array(x.strides.dropLast(2)), offset: x.offset)
        let strides = TensorGeometry.broadcastStrides(of: stack, to: lead)
        var offsets = [0]
        for (length, stride) in zip(lead, strides) {
            offsets = offsets.flatMap { start in (0..<length).map { start + $0 * stride } }
        }
        return offsets
    }

    /// x · weightᵀ + bias: a fully connected layer.
    ///
    /// - Parameters:
    ///   - weight: Shape `[out, in]`.
    ///   - bias: Shape `[out]`.
    /// - Returns: Shape `[..., out]`, where `self` is `[..., in]`.
    public func linear(_ weight: Tensor, bias: Tensor? = nil) -> Tensor {
        require(
            weight.rank == 2 && rank > 0 && shape[rank - 1] == weight.shape[1],
            "linear of input \(shape) with weight \(weight.shape)")
        require(
            bias.map { $0.shape == [weight.shape[0]] } ?? true,
            "linear with weight \(weight.shape) and bias \(bias?.shape ?? [])")
        guard rank == 2 else {
            let rows = reshaped(to: [-1, weight.shape[1]]).linear(weight, bias: bias)
            return rows.reshaped(to: Array(shape.dropLast()) + [weight.shape[0]])
        }
        guard dtype == weight.dtype, bias.map({ $0.dtype == dtype }) ?? true, dtype.computeType == dtype else {
            let product = matmul(weight.t)
            return bias.map { product + $0 } ?? product
        }
        let (rows, inputs, outputs) = (shape[0], weight.shape[1], weight.shape[0])
        let result = Tensor(uninitialized: [rows, outputs], dtype: dtype)
        let packedBias = bias?.detach().contiguous()
        Tensor.multiply(self, weight.swappingLastAxes(), into: result, rows, outputs, inputs, bias: packedBias)
        guard isRecorded || weight.isRecorded || bias?.isRecorded ?? false else { return result }
        let savedInput = weight.requiresGrad ? SavedTensor(self, for: "linear") : nil
        let savedWeight = requiresGrad ? SavedTensor(weight, for: "linear") : nil
        let needsBias = bias?.requiresGrad ?? false
        return result.recorded("linear", bias.map { [self, weight, $0] } ?? [self, weight]) { g in
            [
                savedWeight.map { Tensor.product(g, $0.value) },
                savedInput.map { Tensor.product(g.swappingLastAxes(), $0.value) },
                needsBias ? g.sum(alongAxis: 0) : nil,
            ]
        }
    }
}
