import Foundations
public import Tensors

/// What cells, single steps of recurrent layers, share.
public class RecurrentCell: Module {
    /// Shape `[gates · hidden, input]`.
    @Parameter public final var inputWeight: Tensor
    /// Shape `[gates · hidden, hidden]`.
    @Parameter public final var hiddenWeight: Tensor
    /// Shape `[gates · hidden]`.
    @Parameter public final var inputBias: Tensor?
    /// Shape `[gates · hidden]`.
    @Parameter public final var hiddenBias: Tensor?

    private let unit: RecurrentUnit

    init(
        _ unit: RecurrentUnit, _ inputSize: Int, _ hiddenSize: Int, bias: Bool, dtype: DType,
        generator: RandomGenerator
    ) {
        require(inputSize > 0 && hiddenSize > 0, "recurrent cell from \(inputSize) to \(hiddenSize) elements")
        self.unit = unit
        let width = unit.gateCount * hiddenSize
        inputWeight = .zeros([width, inputSize], dtype: dtype)
        hiddenWeight = .zeros([width, hiddenSize], dtype: dtype)
        inputBias = bias ? .zeros([width], dtype: dtype) : nil
        hiddenBias = bias ? .zeros([width], dtype: dtype) : nil
        super.init()
        for tensor in tensors { tensor.initialize(.layerDefault(fanIn: hiddenSize), generator: generator) }
    }

    private var tensors: [Tensor] {
        [inputWeight, hiddenWeight] + [inputBias, hiddenBias].compactMap { $0 }
    }

    /// weight_ih, weight_hh, bias_ih and bias_hh, where there are.
    public override var members: [Member] {
        zip(["weight_ih", "weight_hh", "bias_ih", "bias_hh"], tensors).map { .parameter($0, $1) }
    }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "\(inputWeight.shape[1]), \(hiddenWeight.shape[1])" + (inputBias == nil ? ", bias=False" : "")
            + (unit == .relu ? ", nonlinearity=relu" : "")
    }

    final func step(_ x: Tensor, hidden: Tensor?, cell: Tensor?) -> RecurrentState {
        if x.rank == 1 {
            let state = step(
                x.unsqueezed(0), hidden: hidden?.unsqueezed(0), cell: cell?.unsqueezed(0))
            return RecurrentState(hidden: state.hidden.squeezed(0), cell: state.cell?.squeezed(0))
        }
        require(
            x.rank == 2 && x.shape[1] == inputWeight.shape[1],
            "\(typeName)(\(settingsDescription)) of input \(x.shape)")
        let zeros = Tensor.zeros([x.shape[0], hiddenWeight.shape[1]], dtype: x.dtype)
        let start = RecurrentState(hidden: hidden ?? zeros, cell: unit == .lstm ? cell ?? zeros : nil)
        return unit.run(x.unsqueezed(0), tensors, from: start).state
    }
}

/// One step of ``RNN``.
public final class RNNCell: RecurrentCell {
    /// A cell from `inputSize` to `hiddenSize` elements.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, bias: Bool = true, nonlinearity: RNN.Nonlinearity = .tanh,
        dtype: DType = .float32, generator: RandomGenerator = .shared
    ) {
        super.init(nonlinearity.unit, inputSize, hiddenSize, bias: bias, dtype: dtype, generator: generator)
    }

    /// The next hidden state, `[count, hidden]`, from an input `[count, input]` and the last; 0 where `nil`.
    public func callAsFunction(_ x: Tensor, hidden: Tensor? = nil) -> Tensor {
        step(x, hidden: hidden, cell: nil).hidden
    }
}

/// One step of ``GRU``.
public final class GRUCell: RecurrentCell {
    /// A cell from `inputSize` to `hiddenSize` elements.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, bias: Bool = true, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        super.init(.gru, inputSize, hiddenSize, bias: bias, dtype: dtype, generator: generator)
    }

    /// The next hidden state, `[count, hidden]`, from an input `[count, input]` and the last; 0 where `nil`.
    public func callAsFunction(_ x: Tensor, hidden: Tensor? = nil) -> Tensor {
        step(x, hidden: hidden, cell: nil).hidden
    }
}

/// One step of ``LSTM``.
public final class LSTMCell: RecurrentCell {
    /// A cell from `inputSize` to `hiddenSize` elements.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, bias: Bool = true, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        super.init(.lstm, inputSize, hiddenSize, bias: bias, dtype: dtype, generator: generator)
    }

    /// The next state, each `[count, hidden]`, from an input `[count, input]` and the last; 0 where `nil`.
    public func callAsFunction(_ x: Tensor, state: (hidden: Tensor, cell: Tensor)? = nil) -> (
        hidden: Tensor, cell: Tensor
    ) {
        let next = step(x, hidden: state?.hidden, cell: state?.cell)
        return (next.hidden, next.cell ?? next.hidden)
    }
}
