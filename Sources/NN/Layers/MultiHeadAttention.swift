import Foundations
public import Tensors

/// Scaled dot-product attention in several heads.
///
/// Source: Vaswani et al. 2017; names and defaults of `torch.nn.MultiheadAttention`.
public final class MultiHeadAttention: Module {
    /// The projections of query, key and value, one above the other: shape `[3 · size, size]`.
    @Parameter public var inProjectionWeight: Tensor
    /// Shape `[3 · size]`.
    @Parameter public var inProjectionBias: Tensor?
    /// The projection of the joined heads.
    public let outProjection: Linear

    private let size: Int
    private let headCount: Int
    private let dropout: Dropout
    private let isBatchFirst: Bool

    /// Attention over vectors of `size` elements, divided among `headCount` heads.
    ///
    /// - Parameters:
    ///   - dropout: The probability that an attention weight is dropped in training.
    ///   - batchFirst: Whether sequences are `[count, length, size]` and not `[length, count, size]`.
    /// - Precondition: `size` is a multiple of `headCount`.
    public init(
        _ size: Int, headCount: Int, dropout: Double = 0, bias: Bool = true, batchFirst: Bool = false,
        dtype: DType = .float32, generator: RandomGenerator = .shared
    ) {
        require(headCount > 0 && size % headCount == 0, "attention of size \(size) in \(headCount) heads")
        self.size = size
        self.headCount = headCount
        self.dropout = Dropout(dropout, generator: generator)
        isBatchFirst = batchFirst
        inProjectionWeight = .zeros([3 * size, size], dtype: dtype)
        inProjectionBias = bias ? .zeros([3 * size], dtype: dtype) : nil
        outProjection = OutputProjection(size, size, bias: bias, dtype: dtype, generator: generator)
        super.init()
        inProjectionWeight.initialize(.xavierUniform(), generator: generator)
        outProjection.bias?.initialize(.zeros)
    }

    /// in_proj_weight, in_proj_bias and out_proj.
    public override var members: [Member] {
        [.parameter("in_proj_weight", inProjectionWeight)]
            + (inProjectionBias.map { [.parameter("in_proj_bias", $0)] } ?? []) + [
                .module("out_proj", outProjection)
            ]
    }

    /// PyTorch's name of the class.
    public override var typeName: String { "MultiheadAttention" }

    /// Attends with each query to all keys, and mixes their values.
    ///
    /// - Parameters:
    ///   - query: Shape `[length, count, size]`, or as `batchFirst` says, or `[length, size]`.
    ///   - key: As `query`, with a length of its own; the query itself where `nil`.
    ///   - value: As `key`; the key itself where `nil`.
    ///   - mask: Shape `[length, keyLength]`, or one for each sequence and head. Booleans say which keys must not be
    ///     attended to; numbers are added to the scores.
    ///   - keyPaddingMask: Shape `[count, keyLength]`, booleans: which keys are padding.
    /// - Returns: The shape of `query`, and the weights averaged over the heads, `[count, length, keyLength]`.
    public func callAsFunction(
        _ query: Tensor, key: Tensor? = nil, value: Tensor? = nil, mask: Tensor? = nil,
        keyPaddingMask: Tensor? = nil
    ) -> (output: Tensor, weights: Tensor) {
        let key = key ?? query
        let value = value ?? key
        if query.rank == 2 {
            let result = self(
                query.unsqueezed(isBatchFirst ? 0 : 1), key: key.unsqueezed(isBatchFirst ? 0 : 1),
                value: value.unsqueezed(isBatchFirst ? 0 : 1), mask: mask,
                keyPaddingMask: keyPaddingMask?.unsqueezed(0))
            return (result.output.squeezed(isBatchFirst ? 0 : 1), result.weights.squeezed(0))
        }
        require(
            query.rank == 3 && query.shape[2] == size && key.shape[2] == size && key.shape == value.shape,
            "attention of size \(size) with query \(query.shape), key \(key.shape), value \(value.shape)")
        let weights = inProjectionWeight.split(size)
        let biases = inProjectionBias?.split(size)
        let inputs = [query, key, value].map { isBatchFirst ? $0 : $0.transposed(0, 1) }
        let (count, length, keyLength) = (inputs[0].shape[0], inputs[0].shape[1], inputs[1].shape[1])
        let headSize = size / headCount
        // [count, heads, length, headSize]
        let heads = inputs.indices.map { index in
            inputs[index].linear(weights[index], bias: biases?[index])
                .reshaped(to: [count, inputs[index].shape[1], headCount, headSize]).transposed(1, 2)
        }
        var scores = (heads[0] * (1 / Double(headSize).squareRoot())).matmul(heads[1].transposed())
        if let mask {
            let shaped = mask.rank == 3 ? mask.reshaped(to: [count, headCount, length, keyLength]) : mask
            scores = shaped.dtype == .bool ? scores.maskedFill(shaped, -.infinity) : scores + shaped
        }
        if let keyPaddingMask {
            scores = scores.maskedFill(keyPaddingMask.reshaped(to: [count, 1, 1, keyLength]), -.infinity)
        }
        let attention = scores.softmax()
        let dropped = isTraining ? dropout(attention) : attention
        let mixed = dropped.matmul(heads[2]).transposed(1, 2).reshaped(to: [count, length, size])
        let output = outProjection(mixed)
        return (isBatchFirst ? output : output.transposed(0, 1), attention.mean(alongAxis: 1))
    }
}

/// A linear layer that prints under PyTorch's name for it.
private final class OutputProjection: Linear {
    override var typeName: String { "NonDynamicallyQuantizableLinear" }
}
