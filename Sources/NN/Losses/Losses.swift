import Foundations
public import Tensors

/// How the losses of single elements become one.
public enum Reduction: Sendable {
    /// They do not.
    case none
    /// Their mean.
    case mean
    /// Their sum.
    case sum

    func callAsFunction(_ losses: Tensor) -> Tensor {
        switch self {
        case .none: losses
        case .mean: losses.mean()
        case .sum: losses.sum()
        }
    }
}

/// The square of the difference.
///
/// - Precondition: Shapes are equal; a loss that broadcasts is a mistake more often than not.
public func mseLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    requireSameShape(input, target)
    return reduction((input - target).square())
}

/// The absolute difference.
///
/// - Precondition: Shapes are equal.
public func l1Loss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    requireSameShape(input, target)
    return reduction((input - target).abs())
}

/// Half the square of a difference up to `delta`, beyond it delta · (|difference| - delta / 2).
///
/// Source: Huber 1964; same as `torch.nn.functional.huber_loss`.
/// - Precondition: Shapes are equal.
public func huberLoss(
    _ input: Tensor, _ target: Tensor, delta: Double = 1, reduction: Reduction = .mean
) -> Tensor {
    requireSameShape(input, target)
    let distance = (input - target).abs()
    return reduction(
        Tensor.where(distance .<= delta, distance.square() * 0.5, (distance - 0.5 * delta) * delta))
}

/// -log of the probability of the target class, from logits.
///
/// - Parameters:
///   - input: Logits of shape `[classes]`, `[count, classes]` or `[count, classes, …]`.
///   - target: Class indices (int64) of that shape without `classes`, or probabilities of the same shape.
///   - weight: One for each class. The mean is then divided by the sum of the targets' weights.
///   - ignoreIndex: Elements with this target count for nothing.
///   - labelSmoothing: The share of each target that is spread over all classes (Szegedy et al. 2016).
/// - Precondition: Targets are in range.
public func crossEntropy(
    _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100,
    labelSmoothing: Double = 0,
    reduction: Reduction = .mean
) -> Tensor {
    if target.dtype.isFloatingPoint {
        return crossEntropyOfProbabilities(input, target, weight, labelSmoothing, reduction)
    }
    let rows = classesLast(input, target)
    let flatTarget = target.reshaped(to: [target.elementCount])
    guard weight != nil || labelSmoothing != 0 else {
        let losses = rows.rowCrossEntropy(flatTarget, ignoring: ignoreIndex)
        switch reduction {
        case .none: return losses.reshaped(to: target.shape)
        case .sum: return losses.sum()
        case .mean:
            let counted = flatTarget.scalars(as: Int64.self).count { $0 != Int64(ignoreIndex) }
            return losses.sum() / Double(counted)
        }
    }
    let logProbabilities = rows.logSoftmax()
    let plain = nllLoss(
        logProbabilities, flatTarget, weight: weight, ignoreIndex: ignoreIndex,
        reduction: labelSmoothing == 0 ? reduction : .none)
    if labelSmoothing == 0 { return reduction == .none ? plain.reshaped(to: target.shape) : plain }
    let isCounted = (flatTarget .!= Double(ignoreIndex)).to(rows.dtype)
    let classWeights = weight ?? .ones([rows.shape[1]], dtype: rows.dtype)
    let spread = -(logProbabilities * classWeights).sum(alongAxis: 1) * isCounted
    let losses = plain * (1 - labelSmoothing) + spread * (labelSmoothing / Double(rows.shape[1]))
    switch reduction {
    case .none: return losses.reshaped(to: target.shape)
    case .sum: return losses.sum()
    case .mean: return losses.sum() / targetWeights(flatTarget, weight, ignoreIndex, rows.dtype).sum()
    }
}

private func crossEntropyOfProbabilities(
    _ input: Tensor, _ target: Tensor, _ weight: Tensor?, _ labelSmoothing: Double, _ reduction: Reduction
) -> Tensor {
    requireSameShape(input, target)
    let axis = input.rank == 1 ? 0 : 1
    let classCount = input.shape[axis]
    let smoothed =
        labelSmoothing == 0 ? target : target * (1 - labelSmoothing) + labelSmoothing / Double(classCount)
    var products = input.logSoftmax(alongAxis: axis) * smoothed
    if let weight {
        products =
            products * weight.reshaped(to: [classCount] + [Int](repeating: 1, count: input.rank - 1 - axis))
    }
    let losses = -products.sum(alongAxis: axis)
    // The mean is per prediction, as in PyTorch.
    return reduction(losses)
}

/// -(log-probability of the target class).
///
/// - Parameters:
///   - input: Log-probabilities of shape `[classes]`, `[count, classes]` or `[count, classes, …]`.
///   - target: Class indices (int64) of that shape without `classes`.
///   - weight: One for each class. The mean is divided by the sum of the targets' weights.
///   - ignoreIndex: Elements with this target count for nothing.
public func nllLoss(
    _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100,
    reduction: Reduction = .mean
) -> Tensor {
    let rows = classesLast(input, target)
    let flatTarget = target.reshaped(to: [target.elementCount])
    let weights = targetWeights(flatTarget, weight, ignoreIndex, rows.dtype)
    let chosen = rows.gather(1, safe(flatTarget, ignoreIndex).unsqueezed(1)).squeezed(1)
    let losses = -(chosen * weights)
    switch reduction {
    case .none: return losses.reshaped(to: target.shape)
    case .sum: return losses.sum()
    case .mean: return losses.sum() / weights.sum()
    }
}

/// The cross-entropy of a probability, from its logit: -(target · log σ(x) + (1 - target) · log(1 - σ(x))).
///
/// - Parameters:
///   - weight: For each element, broadcast.
///   - positiveWeight: Counts positive targets as often, broadcast.
/// - Precondition: Shapes are equal.
public func bceWithLogitsLoss(
    _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, positiveWeight: Tensor? = nil,
    reduction: Reduction = .mean
) -> Tensor {
    requireSameShape(input, target)
    // -log σ(x) = softplus(-x) and -log(1 - σ(x)) = softplus(x) = softplus(-x) + x.
    let negative = (-input).softplus()
    var losses = (1 - target) * input
    if let positiveWeight {
        losses = losses + ((positiveWeight - 1) * target + 1) * negative
    } else {
        losses = losses + negative
    }
    if let weight { losses = losses * weight }
    return reduction(losses)
}

func requireSameShape(_ input: Tensor, _ target: Tensor) {
    require(input.shape == target.shape, "loss of input \(input.shape) against target \(target.shape)")
}

/// Logits with one row for each target.
private func classesLast(_ input: Tensor, _ target: Tensor) -> Tensor {
    let expected = input.rank == 1 ? [] : [input.shape[0]] + input.shape.dropFirst(2)
    require(
        input.rank > 0 && target.shape == expected && target.dtype.isInteger,
        "loss of input \(input.shape) against \(target.dtype) target of shape \(target.shape)")
    if input.rank == 1 { return input.unsqueezed(0) }
    if input.rank == 2 { return input }
    return input.permuted([0] + Array(2..<input.rank) + [1]).reshaped(to: [-1, input.shape[1]])
}

/// The weight of each target, 0 where it is ignored.
private func targetWeights(_ target: Tensor, _ weight: Tensor?, _ ignored: Int, _ dtype: DType) -> Tensor {
    let isCounted = (target .!= Double(ignored)).to(dtype)
    return weight.map { $0.to(dtype).indexSelect(0, safe(target, ignored)) * isCounted } ?? isCounted
}

/// Targets that can be looked up: 0 in place of ignored ones.
private func safe(_ target: Tensor, _ ignored: Int) -> Tensor {
    Tensor.where(target .== Double(ignored), target.zerosLike(), target)
}
