import Foundations
public import Tensors

/// What recurrent layers of several levels and directions share: parameters named as in PyTorch, and the way through them.
public class RecurrentLayer: Module {
    /// `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, for the other direction the same with `_reverse`, and
    /// so on for each level.
    @Parameter final var tensors: [Tensor]

    private let unit: RecurrentUnit
    private let names: [String]
    private let inputSize: Int
    /// Elements of the hidden state.
    public final let hiddenSize: Int
    private let layerCount: Int
    private let hasBias: Bool
    private let isBatchFirst: Bool
    private let dropout: Dropout
    private let isBidirectional: Bool

    init(
        _ unit: RecurrentUnit, _ inputSize: Int, _ hiddenSize: Int, layerCount: Int, bias: Bool,
        batchFirst: Bool,
        dropout: Double, bidirectional: Bool, dtype: DType, generator: RandomGenerator
    ) {
        require(
            inputSize > 0 && hiddenSize > 0 && layerCount > 0,
            "recurrent layer from \(inputSize) to \(hiddenSize) elements in \(layerCount) layers")
        self.unit = unit
        self.inputSize = inputSize
        self.hiddenSize = hiddenSize
        self.layerCount = layerCount
        hasBias = bias
        isBatchFirst = batchFirst
        self.dropout = Dropout(dropout, generator: generator)
        isBidirectional = bidirectional
        let width = unit.gateCount * hiddenSize
        var (names, tensors): ([String], [Tensor]) = ([], [])
        for layer in 0..<layerCount {
            let size = layer == 0 ? inputSize : hiddenSize * (bidirectional ? 2 : 1)
            for direction in bidirectional ? ["", "_reverse"] : [""] {
                names += ["weight_ih", "weight_hh"].map { "\($0)_l\(layer)\(direction)" }
                tensors += [.zeros([width, size], dtype: dtype), .zeros([width, hiddenSize], dtype: dtype)]
                guard bias else { continue }
                names += ["bias_ih", "bias_hh"].map { "\($0)_l\(layer)\(direction)" }
                tensors += [.zeros([width], dtype: dtype), .zeros([width], dtype: dtype)]
            }
        }
        self.names = names
        self.tensors = tensors
        super.init()
        // As PyTorch: U(-1/sqrt(hidden), 1/sqrt(hidden)) for all.
        for tensor in tensors { tensor.initialize(.layerDefault(fanIn: hiddenSize), generator: generator) }
    }

    /// The weights and biases, under PyTorch's names.
    public override var members: [Member] { zip(names, tensors).map { .parameter($0, $1) } }

    /// That of the dropout between levels.
    public override var randomGenerators: [RandomGenerator] { dropout.randomGenerators }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        var text = "\(inputSize), \(hiddenSize)"
        if layerCount != 1 { text += ", num_layers=\(layerCount)" }
        if !hasBias { text += ", bias=False" }
        if isBatchFirst { text += ", batch_first=True" }
        if dropout.probability != 0 { text += ", dropout=\(python(dropout.probability))" }
        if isBidirectional { text += ", bidirectional=True" }
        return text
    }

    /// Runs all levels and directions.
    ///
    /// - Returns: The outputs, and the last states: hidden, and cells where `cells` are given, each
    ///   `[levels · directions, count, size]`.
    final func run(_ x: Tensor, hidden: Tensor?, cells: Tensor?, lengths: [Int]?) -> (
        output: Tensor, hidden: Tensor, cells: Tensor?
    ) {
        if x.rank == 2 {
            let result = run(
                x.unsqueezed(isBatchFirst ? 0 : 1), hidden: hidden?.unsqueezed(1), cells: cells?.unsqueezed(1),
                lengths: lengths)
            return (
                result.output.squeezed(isBatchFirst ? 0 : 1), result.hidden.squeezed(1),
                result.cells?.squeezed(1)
            )
        }
        require(
            x.rank == 3 && x.shape[2] == inputSize,
            "\(typeName)(\(inputSize), \(hiddenSize)) of input \(x.shape)")
        var level = isBatchFirst ? x.transposed(0, 1) : x
        let count = level.shape[1]
        let directions = isBidirectional ? 2 : 1
        for state in [hidden, cells].compactMap({ $0 }) {
            require(
                state.shape == [layerCount * directions, count, hiddenSize],
                "\(typeName) state of shape \(state.shape); it needs \([layerCount * directions, count, hiddenSize])"
            )
        }
        let zeros = Tensor.zeros([count, hiddenSize], dtype: x.dtype)
        var last: [RecurrentState] = []
        for layer in 0..<layerCount {
            if layer > 0 && isTraining { level = dropout(level) }
            var outputs: [Tensor] = []
            for direction in 0..<directions {
                let index = layer * directions + direction
                let parameters = Array(tensors[(index * (hasBias ? 4 : 2))...].prefix(hasBias ? 4 : 2))
                let start = RecurrentState(
                    hidden: hidden?[index] ?? zeros, cell: unit == .lstm ? cells?[index] ?? zeros : nil)
                let (output, state) = unit.run(
                    level, parameters, from: start, lengths: lengths, reversed: direction == 1)
                outputs.append(output)
                last.append(state)
            }
            level = outputs.count == 1 ? outputs[0] : Tensor.concatenate(outputs, alongAxis: 2)
        }
        return (
            isBatchFirst ? level.transposed(0, 1) : level, Tensor.stack(last.map(\.hidden)),
            unit == .lstm ? Tensor.stack(last.compactMap(\.cell)) : nil
        )
    }
}

extension RecurrentUnit {
    /// One direction of one level. `parameters` are the weights of input and hidden state and, where there are, the biases.
    func run(
        _ x: Tensor, _ parameters: [Tensor], from state: RecurrentState, lengths: [Int]? = nil,
        reversed: Bool = false
    ) -> (output: Tensor, state: RecurrentState) {
        let hasBias = parameters.count == 4
        // Only a GRU tells the two biases apart.
        let bias = hasBias ? self == .gru ? parameters[2] : parameters[2] + parameters[3] : nil
        return x.linear(parameters[0], bias: bias).recurrent(
            self, weight: parameters[1], bias: hasBias && self == .gru ? parameters[3] : nil, from: state,
            lengths: lengths, reversed: reversed)
    }
}
