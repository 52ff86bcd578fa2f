import NN
import Tensors

/// What a case of `book.json` runs, by name.
struct Subject {
    var module: Module?
    let run: ([Tensor]) -> [Tensor]

    private init(_ layer: any Layer) {
        module = layer
        run = { [layer($0[0])] }
    }

    private init(_ module: Module? = nil, _ run: @escaping ([Tensor]) -> [Tensor]) {
        self.module = module
        self.run = run
    }

    static func named(_ name: String) -> Subject? {
        recurrent(name) ?? layer(name) ?? transformer(name) ?? loss(name) ?? function(name)
    }

    private static func rnn(_ layer: RNN, lengths: [Int]? = nil) -> Subject {
        Subject(layer) { inputs in
            let result = layer(inputs[0], hidden: inputs.count > 1 ? inputs[1] : nil, lengths: lengths)
            return [result.output, result.hidden]
        }
    }

    private static func gru(_ layer: GRU, lengths: [Int]? = nil) -> Subject {
        Subject(layer) { inputs in
            let result = layer(inputs[0], hidden: inputs.count > 1 ? inputs[1] : nil, lengths: lengths)
            return [result.output, result.hidden]
        }
    }

    private static func lstm(_ layer: LSTM, lengths: [Int]? = nil) -> Subject {
        Subject(layer) { inputs in
            let result = layer(
                inputs[0], state: inputs.count > 1 ? (inputs[1], inputs[2]) : nil, lengths: lengths)
            return [result.output, result.state.hidden, result.state.cell]
        }
    }

    private static func recurrent(_ name: String) -> Subject? {
        let lengths = [3, 5, 1]
        switch name {
        case "rnn": return rnn(RNN(3, 5))
        case "rnn of one sequence, no bias, batch first": return rnn(RNN(3, 5, bias: false, batchFirst: true))
        case "rnn stacked": return rnn(RNN(3, 4, layerCount: 2, bidirectional: true))
        case "rnn by lengths": return rnn(RNN(3, 4, layerCount: 2, bidirectional: true), lengths: lengths)
        case "rnn of many": return rnn(RNN(3, 18))
        case "rnn of relu": return rnn(RNN(3, 5, nonlinearity: .relu))
        case "gru": return gru(GRU(3, 5))
        case "gru of one sequence, no bias, batch first": return gru(GRU(3, 5, bias: false, batchFirst: true))
        case "gru stacked": return gru(GRU(3, 4, layerCount: 2, bidirectional: true))
        case "gru by lengths": return gru(GRU(3, 4, layerCount: 2, bidirectional: true), lengths: lengths)
        case "gru of many": return gru(GRU(3, 18))
        case "lstm": return lstm(LSTM(3, 5))
        case "lstm of one sequence, no bias, batch first":
            return lstm(LSTM(3, 5, bias: false, batchFirst: true))
        case "lstm stacked": return lstm(LSTM(3, 4, layerCount: 2, bidirectional: true))
        case "lstm by lengths": return lstm(LSTM(3, 4, layerCount: 2, bidirectional: true), lengths: lengths)
        case "lstm of many": return lstm(LSTM(3, 18))
        case "rnn cell":
            let cell = RNNCell(3, 4, nonlinearity: .relu)
            return Subject(cell) { [cell($0[0], hidden: $0[1])] }
        case "gru cell":
            let cell = GRUCell(3, 4, bias: false)
            return Subject(cell) { [cell($0[0], hidden: $0[1])] }
        case "lstm cell":
            let cell = LSTMCell(3, 4)
            return Subject(cell) { inputs in
                let state = cell(inputs[0], state: (inputs[1], inputs[2]))
                return [state.hidden, state.cell]
            }
        default: return nil
        }
    }

    private static func layer(_ name: String) -> Subject? {
        let layer: (any Layer)? =
            switch name {
            case "conv1d": Conv1d(4, 6, kernelSize: 3, stride: 2, padding: 1, dilation: 2, groups: 2)
            case "conv1d of one": Conv1d(2, 3, kernelSize: 2, bias: false)
            case "conv2d of one place": Conv2d(5, 7, kernelSize: 1)
            case "conv2d of one place, strided": Conv2d(5, 4, kernelSize: 1, stride: 2)
            case "conv2d depthwise": Conv2d(6, 6, kernelSize: 3, padding: 1, groups: 6)
            case "conv2d depthwise, strided, two filters each":
                Conv2d(
                    3, 6, kernelSize: .init(3, 2), stride: 2, padding: .init(2, 1), dilation: .init(1, 2),
                    groups: 3)
            case "conv2d of many images": Conv2d(3, 5, kernelSize: 3, padding: 1)
            case "conv transpose 2d":
                ConvTranspose2d(4, 6, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, groups: 2)
            case "conv transpose 2d dilated":
                ConvTranspose2d(3, 2, kernelSize: .init(2, 3), bias: false, dilation: 2)
            case "max pool 1d": MaxPool1d(kernelSize: 3, stride: 2, padding: 1)
            case "avg pool 1d": AvgPool1d(kernelSize: 2)
            case "adaptive avg pool 1d": AdaptiveAvgPool1d(3)
            case "adaptive max pool 2d": AdaptiveMaxPool2d(.init(2, 3))
            case "group norm": GroupNorm(2, 6)
            case "rms norm": RMSNorm(6)
            case "rms norm with epsilon": RMSNorm([2, 3], epsilon: 1e-3)
            case "prelu": PReLU(3)
            case "mish": Mish()
            case "relu6": ReLU6()
            case "hardsigmoid": Hardsigmoid()
            case "hardswish": Hardswish()
            case "selu": SELU()
            case "log sigmoid": LogSigmoid()
            case "glu": GLU()
            case "unflatten": Unflatten(1, [2, 3])
            case "upsample nearest": Upsample(scaleFactor: 2)
            case "upsample bilinear": Upsample(size: .init(5, 7), mode: .bilinear)
            default: nil
            }
        return layer.map { Subject($0) }
    }

    private static func transformer(_ name: String) -> Subject? {
        switch name {
        case "encoder layer":
            let layer = TransformerEncoderLayer(8, headCount: 2, feedforwardSize: 16, dropout: 0)
            return Subject(layer) { [layer($0[0])] }
        case "encoder layer, norm first":
            let layer = TransformerEncoderLayer(
                8, headCount: 4, feedforwardSize: 16, dropout: 0, activation: .gelu, batchFirst: true,
                normFirst: true)
            return Subject(layer) { [layer($0[0])] }
        case "encoder":
            let encoder = TransformerEncoder(2, norm: LayerNorm(8)) {
                TransformerEncoderLayer(8, headCount: 2, feedforwardSize: 12, dropout: 0)
            }
            return Subject(encoder) { [encoder($0[0])] }
        case "decoder layer":
            let layer = TransformerDecoderLayer(8, headCount: 2, feedforwardSize: 16, dropout: 0)
            return Subject(layer) { [layer($0[0], memory: $0[1], mask: causalMask($0[0].shape[0]))] }
        case "decoder layer, norm first":
            let layer = TransformerDecoderLayer(
                8, headCount: 2, feedforwardSize: 16, dropout: 0, normFirst: true)
            return Subject(layer) { [layer($0[0], memory: $0[1])] }
        case "attention": return Subject { [scaledDotProductAttention($0[0], $0[1], $0[2])] }
        case "attention, causal":
            return Subject { [scaledDotProductAttention($0[0], $0[1], $0[2], isCausal: true)] }
        case "attention with a mask":
            let mask = Tensor.ones([4, 5]).lowerTriangle(diagonal: 1).to(.bool)
            return Subject { [scaledDotProductAttention($0[0], $0[1], $0[2], mask: mask, scale: 0.3)] }
        default: return nil
        }
    }

    private static func loss(_ name: String) -> Subject? {
        switch name {
        case "bce": Subject { [bceLoss($0[0], $0[1])] }
        case "smooth l1": Subject { [smoothL1Loss($0[0], $0[1], beta: 0.7)] }
        case "kl div":
            Subject {
                [klDivLoss($0[0].logSoftmax(alongAxis: 1), $0[1].softmax(alongAxis: 1), batchMean: true)]
            }
        case "kl div of logarithms":
            Subject {
                [klDivLoss($0[0].logSoftmax(alongAxis: 1), $0[1].logSoftmax(alongAxis: 1), logTarget: true)]
            }
        case "cosine embedding":
            Subject { [cosineEmbeddingLoss($0[0], $0[1], Tensor([1.0, -1, -1, 1]), margin: 0.1)] }
        case "triplet margin": Subject { [tripletMarginLoss($0[0], $0[1], $0[2])] }
        default: nil
        }
    }

    private static func function(_ name: String) -> Subject? {
        switch name {
        case "upsample bilinear aligned":
            Subject { [interpolate($0[0], size: .init(5, 3), mode: .bilinear, alignCorners: true)] }
        case "einsum of matrices": Subject { [Tensor.einsum("bij,bjk->bik", $0)] }
        case "einsum of attention": Subject { [Tensor.einsum("bqhd,bkhd->bhqk", $0)] }
        case "einsum of three": Subject { [Tensor.einsum("ij,kj,k->i", $0)] }
        case "einsum without an arrow": Subject { [Tensor.einsum("cb,ba", $0)] }
        case "einsum with dots": Subject { [Tensor.einsum("...ij,jk->...ik", $0)] }
        case "einsum of a diagonal": Subject { [Tensor.einsum("ii->i", $0)] }
        case "einsum outer": Subject { [Tensor.einsum("i,j->ji", $0)] }
        case "cumsum": Subject { [$0[0].cumulativeSum(alongAxis: 1)] }
        case "flip": Subject { [$0[0].flipped([0, 2])] }
        case "roll": Subject { [$0[0].rolled(-5, alongAxis: 1)] }
        case "unbind": Subject { $0[0].unbound(alongAxis: 1) }
        case "pad": Subject { [$0[0].padded([1, 2, 0, 3], .constant(0.5))] }
        case "pad less": Subject { [$0[0].padded([-1, 2])] }
        case "pad reflecting": Subject { [$0[0].padded([2, 1, 1, 1], .reflect)] }
        case "pad replicating": Subject { [$0[0].padded([2, 1], .replicate)] }
        case "pad circular": Subject { [$0[0].padded([2, 1], .circular)] }
        case "meshgrid": Subject { Tensor.meshgrid($0) }
        case "norms": Subject { inputs in [0, 1, 2, 3, .infinity].map { inputs[0].norm($0, alongAxes: [1]) } }
        case "normalize": Subject { [$0[0].normalized()] }
        case "cosine similarity": Subject { [$0[0].cosineSimilarity($0[1])] }
        case "scatter": Subject { [$0[0].scatter(1, Tensor([[Int64(0), 3], [2, 1]]), $0[1])] }
        case "index put":
            Subject { inputs in
                let copy = inputs[0].copied()
                copy[Tensor([Int64(2), 0])] = inputs[1]
                return [copy]
            }
        case "median":
            Subject { inputs in
                let (values, indices) = inputs[0].median(alongAxis: 1)
                return [values, indices]
            }
        case "quantile": Subject { [$0[0].quantile(0.3, alongAxis: 1)] }
        case "diagonal": Subject { [$0[0].diagonal(offset: 1)] }
        case "slices": Subject { [$0[0][1..<3], $0[0][2], $0[0].narrowed(1, to: 1..<3), $0[0][1] * 2] }
        case "unfold": Subject { [unfold($0[0], kernelSize: .init(2, 3), padding: 1, stride: 2)] }
        default: nil
        }
    }
}
