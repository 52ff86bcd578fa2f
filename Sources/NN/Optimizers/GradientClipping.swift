public import Tensors

/// Scales all gradients down where their common Euclidean norm exceeds `maximum`.
///
/// - Returns: The norm before.
/// - Source: Pascanu, Mikolov & Bengio 2013; same as `torch.nn.utils.clip_grad_norm_`.
@discardableResult
public func clipGradNorm(_ parameters: [Tensor], maximum: Double) -> Double {
    let gradients = parameters.compactMap(\.grad)
    let norm = gradients.reduce(0) { $0 + $1.sumOfSquares() }.squareRoot()
    let factor = maximum / (norm + 1e-6)
    if factor < 1 {
        for gradient in gradients { gradient.multiplyInPlace(by: factor) }
    }
    return norm
}

/// Limits each element of each gradient to -maximum … maximum, as `torch.nn.utils.clip_grad_value_`.
public func clipGradValue(_ parameters: [Tensor], maximum: Double) {
    withoutGradient {
        for gradient in parameters.compactMap(\.grad) {
            gradient.copy(from: gradient.clamped(to: -maximum...maximum))
        }
    }
}
