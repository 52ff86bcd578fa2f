public import Tensors

/// A recurrent layer whose hidden state is tanh(W·x + b + U·h + c), or max(0, …), in one or more levels and directions.
///
/// Source: Elman 1990; names, defaults and numbers of `torch.nn.RNN`.
public final class RNN: RecurrentLayer {
    /// What follows the sums.
    public enum Nonlinearity: Sendable {
        /// The hyperbolic tangent.
        case tanh
        /// max(0, x).
        case relu

        var unit: RecurrentUnit { self == .tanh ? .tanh : .relu }
    }

    /// A layer from `inputSize` to `hiddenSize` elements.
    ///
    /// - Parameters:
    ///   - layerCount: Levels, each on the outputs of the one before.
    ///   - batchFirst: Whether sequences are `[count, length, size]` and not `[length, count, size]`.
    ///   - dropout: The probability that an element between two levels is dropped in training.
    ///   - bidirectional: Whether sequences are read from the end, too.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, layerCount: Int = 1, nonlinearity: Nonlinearity = .tanh,
        bias: Bool = true,
        batchFirst: Bool = false, dropout: Double = 0, bidirectional: Bool = false, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        super.init(
            nonlinearity.unit, inputSize, hiddenSize, layerCount: layerCount, bias: bias,
            batchFirst: batchFirst,
            dropout: dropout, bidirectional: bidirectional, dtype: dtype, generator: generator)
    }

    /// Reads sequences.
    ///
    /// - Parameters:
    ///   - x: Shape `[length, count, size]`, or as `batchFirst` says, or `[length, size]`.
    ///   - hidden: The first state, `[levels · directions, count, size]`; 0 where `nil`.
    ///   - lengths: Steps of each sequence; all where `nil`. Outputs beyond are 0, as of a packed sequence.
    /// - Returns: The outputs of the last level, `[length, count, directions · size]`, and the last states.
    public func callAsFunction(_ x: Tensor, hidden: Tensor? = nil, lengths: [Int]? = nil) -> (
        output: Tensor, hidden: Tensor
    ) {
        let result = run(x, hidden: hidden, cells: nil, lengths: lengths)
        return (result.output, result.hidden)
    }
}

/// A layer of gated recurrent units in one or more levels and directions.
///
/// Source: Cho et al. 2014; names, defaults and numbers of `torch.nn.GRU`.
public final class GRU: RecurrentLayer {
    /// A layer from `inputSize` to `hiddenSize` elements. Parameters are those of ``RNN``.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, layerCount: Int = 1, bias: Bool = true, batchFirst: Bool = false,
        dropout: Double = 0, bidirectional: Bool = false, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        super.init(
            .gru, inputSize, hiddenSize, layerCount: layerCount, bias: bias, batchFirst: batchFirst,
            dropout: dropout,
            bidirectional: bidirectional, dtype: dtype, generator: generator)
    }

    /// Reads sequences. Shapes are those of ``RNN/callAsFunction(_:hidden:lengths:)``.
    public func callAsFunction(_ x: Tensor, hidden: Tensor? = nil, lengths: [Int]? = nil) -> (
        output: Tensor, hidden: Tensor
    ) {
        let result = run(x, hidden: hidden, cells: nil, lengths: lengths)
        return (result.output, result.hidden)
    }
}

/// Long short-term memory in one or more levels and directions.
///
/// Source: Hochreiter & Schmidhuber 1997, with forget gates; names, defaults and numbers of `torch.nn.LSTM`.
public final class LSTM: RecurrentLayer {
    /// A layer from `inputSize` to `hiddenSize` elements. Parameters are those of ``RNN``.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, layerCount: Int = 1, bias: Bool = true, batchFirst: Bool = false,
        dropout: Double = 0, bidirectional: Bool = false, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        super.init(
            .lstm, inputSize, hiddenSize, layerCount: layerCount, bias: bias, batchFirst: batchFirst,
            dropout: dropout,
            bidirectional: bidirectional, dtype: dtype, generator: generator)
    }

    /// Reads sequences. Shapes are those of ``RNN/callAsFunction(_:hidden:lengths:)``; cells are as hidden states.
    public func callAsFunction(
        _ x: Tensor, state: (hidden: Tensor, cell: Tensor)? = nil, lengths: [Int]? = nil
    ) -> (output: Tensor, state: (hidden: Tensor, cell: Tensor)) {
        let result = run(x, hidden: state?.hidden, cells: state?.cell, lengths: lengths)
        return (result.output, (result.hidden, result.cells ?? result.hidden))
    }
}
