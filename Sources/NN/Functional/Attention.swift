import Foundations
public import Tensors

/// softmax(query · keyᵀ / sqrt(size) + mask) · value, as `torch.nn.functional.scaled_dot_product_attention`.
///
/// - Parameters:
///   - query: Shape `[…, length, size]`.
///   - key: Shape `[…, keyLength, size]`.
///   - value: Shape `[…, keyLength, valueSize]`.
///   - mask: Broadcasts to `[…, length, keyLength]`. Booleans say which keys *take part*; numbers are added.
///   - dropout: The probability that an attention weight is dropped. Give 0 in evaluation.
///   - isCausal: Whether each place sees only itself and those before it.
///   - scale: In place of 1 / sqrt(size).
/// - Returns: Shape `[…, length, valueSize]`.
public func scaledDotProductAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, dropout probability: Double = 0,
    isCausal: Bool = false, scale: Double? = nil, generator: RandomGenerator = .shared
) -> Tensor {
    require(
        query.rank >= 2 && key.rank >= 2 && query.shape[query.rank - 1] == key.shape[key.rank - 1],
        "attention of query \(query.shape) to key \(key.shape)")
    require(!(isCausal && mask != nil), "causal attention with another mask; combine them in one")
    let factor = scale ?? 1 / Double(query.shape[query.rank - 1]).squareRoot()
    var scores = (query * factor).matmul(key.transposed())
    if isCausal {
        let (length, keyLength) = (scores.shape[scores.rank - 2], scores.shape[scores.rank - 1])
        scores = scores + causalMask(length, keyLength, dtype: scores.dtype)
    } else if let mask {
        scores = mask.dtype == .bool ? scores.maskedFill(mask .== 0, -.infinity) : scores + mask
    }
    var weights = scores.softmax()
    if probability > 0 { weights = dropped(weights, probability, generator) }
    return weights.matmul(value)
}

/// -infinity where a place would see later ones, else 0: shape `[length, keyLength]`, as
/// `nn.Transformer.generate_square_subsequent_mask`.
public func causalMask(_ length: Int, _ keyLength: Int? = nil, dtype: DType = .float32) -> Tensor {
    let columns = keyLength ?? length
    let numbers = (0..<length).flatMap { row in (0..<columns).map { $0 > row ? -Double.infinity : 0 } }
    return Tensor(numbers, shape: [length, columns]).to(dtype)
}

/// Sets elements to 0 with a probability and scales the others up to keep the mean.
///
/// - Parameter training: Without it, `x` itself is returned.
public func dropout(
    _ x: Tensor, _ probability: Double = 0.5, training: Bool = true, generator: RandomGenerator = .shared
) -> Tensor {
    require((0...1).contains(probability), "dropout with probability \(probability)")
    return training && probability > 0 ? dropped(x, probability, generator) : x
}

/// Dropout in training.
func dropped(_ x: Tensor, _ probability: Double, _ generator: RandomGenerator, shape: [Int]? = nil) -> Tensor {
    if probability == 1 { return x * 0 }
    let kept = generator.bernoulli(shape ?? x.shape, probability: 1 - probability).to(x.dtype)
    return x * (kept / (1 - probability))
}
