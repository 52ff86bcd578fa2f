import Foundations
public import Tensors

/// The cross-entropy of a probability: -(target · log x + (1 - target) · log(1 - x)), with logarithms of at least -100.
///
/// - Parameters:
///   - input: Probabilities, from 0 to 1.
///   - weight: For each element, broadcast.
/// - Precondition: Shapes are equal.
public func bceLoss(
    _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
    requireSameShape(input, target)
    let least = Tensor.full([], -100, dtype: input.dtype)
    let losses = -(target * input.log().maximum(least) + (1 - target) * (1 - input).log().maximum(least))
    return reduction(weight.map { losses * $0 } ?? losses)
}

/// Half the square of a difference over `beta` up to `beta`, beyond it |difference| - beta / 2.
///
/// Source: Girshick 2015; same as `torch.nn.functional.smooth_l1_loss`.
/// - Precondition: Shapes are equal. `beta` is not negative.
public func smoothL1Loss(
    _ input: Tensor, _ target: Tensor, beta: Double = 1, reduction: Reduction = .mean
) -> Tensor {
    requireSameShape(input, target)
    require(beta >= 0, "smooth L1 loss with beta \(beta)")
    let distance = (input - target).abs()
    if beta == 0 { return reduction(distance) }
    return reduction(
        Tensor.where(distance .< beta, distance.square() * (0.5 / beta), distance - 0.5 * beta))
}

/// target · (log target - input): the divergence of Kullback & Leibler 1951, for an input of log-probabilities.
///
/// - Parameters:
///   - logTarget: Whether the target has log-probabilities, too.
///   - batchMean: Divides the sum by the first axis, in place of `reduction`: PyTorch's "batchmean", which is the divergence
///     itself.
/// - Precondition: Shapes are equal.
public func klDivLoss(
    _ input: Tensor, _ target: Tensor, logTarget: Bool = false, batchMean: Bool = false,
    reduction: Reduction = .mean
) -> Tensor {
    requireSameShape(input, target)
    let losses: Tensor
    if logTarget {
        losses = target.exp() * (target - input)
    } else {
        // 0 · log 0 is 0.
        let isZero = target .== 0
        let entropy = Tensor.where(
            isZero, target.zerosLike(), target * Tensor.where(isZero, target.onesLike(), target).log())
        losses = entropy - target * input
    }
    if batchMean { return losses.sum() / Double(max(input.shape.first ?? 1, 1)) }
    return reduction(losses)
}

/// 1 - cos of the angle between pairs of vectors where the target is 1, and max(0, cos - margin) where it is -1.
///
/// - Parameters:
///   - first: Shape `[count, size]`, or `[size]`.
///   - target: Shape `[count]`, or a scalar: 1 or -1.
public func cosineEmbeddingLoss(
    _ first: Tensor, _ second: Tensor, _ target: Tensor, margin: Double = 0, reduction: Reduction = .mean
) -> Tensor {
    requireSameShape(first, second)
    require(
        target.shape == Array(first.shape.dropLast()),
        "cosine loss of \(first.shape) against target \(target.shape)")
    // PyTorch's epsilon here is inside the root.
    let product = (first * second).sum(alongAxis: -1)
    let squares = (first.square().sum(alongAxis: -1) + 1e-12) * (second.square().sum(alongAxis: -1) + 1e-12)
    let cosine = product / squares.sqrt()
    let apart = (cosine - margin).maximum(cosine.zerosLike())
    return reduction(Tensor.where(target .== 1, 1 - cosine, apart))
}

/// max(0, distance to the positive - distance to the negative + margin).
///
/// Source: Balntas et al. 2016; same as `torch.nn.functional.triplet_margin_loss`.
/// - Precondition: Shapes are equal.
public func tripletMarginLoss(
    _ anchor: Tensor, _ positive: Tensor, _ negative: Tensor, margin: Double = 1, p: Double = 2,
    reduction: Reduction = .mean
) -> Tensor {
    requireSameShape(anchor, positive)
    requireSameShape(anchor, negative)
    func distance(_ other: Tensor) -> Tensor { (anchor - other + 1e-6).norm(p, alongAxes: [-1]) }
    let losses = distance(positive) - distance(negative) + margin
    return reduction(losses.maximum(losses.zerosLike()))
}
