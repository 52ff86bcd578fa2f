import NN
import Tensors

/// A multilayer perceptron with one hidden layer.
final class MLP: Module, Layer {
    let hidden = Linear(20, 256)
    let out = Linear(256, 10)

    func forward(_ x: Tensor) -> Tensor { out(relu(hidden(x))) }
}

/// What `Sequential` is: children by name, in order.
final class MySequential: Module, Layer {
    private let blocks: [(name: String, layer: any Layer)]

    init(_ blocks: any Layer...) { self.blocks = blocks.enumerated().map { ("\($0)", $1) } }

    override var members: [Member] { blocks.map { .module($0.name, $0.layer) } }

    func forward(_ x: Tensor) -> Tensor { blocks.reduce(x) { $1.layer($0) } }
}

/// A constant, a layer used twice, and a loop.
final class FixedHiddenMLP: Module, Layer {
    /// Neither trained nor saved: a clone computes something else. Make it a `@Buffer` where it has to be kept.
    let randWeight = Tensor.rand([20, 20])
    let linear = Linear(20, 20)

    func forward(_ x: Tensor) -> Tensor {
        var x = linear(x)
        x = relu(x.matmul(randWeight) + 1)
        x = linear(x)
        while x.abs().sum() > 1 { x /= 2 }
        return x.sum()
    }
}

/// Blocks within a block.
final class NestMLP: Module, Layer {
    let net = Sequential(Linear(20, 64), ReLU(), Linear(64, 32), ReLU())
    let linear = Linear(32, 16)

    func forward(_ x: Tensor) -> Tensor { linear(net(x)) }
}

/// A layer without parameters.
final class CenteredLayer: Module, Layer {
    func forward(_ x: Tensor) -> Tensor { x - x.mean() }
}

/// A layer with parameters of its own.
final class MyLinear: Module, Layer {
    @Parameter var weight: Tensor
    @Parameter var bias: Tensor

    init(_ inputSize: Int, _ outputSize: Int) {
        weight = .randn([inputSize, outputSize])
        bias = .randn([outputSize])
    }

    func forward(_ x: Tensor) -> Tensor { relu(x.matmul(weight) + bias) }
}

/// A layer with a buffer: saved, not trained.
final class RunningMean: Module, Layer {
    @Buffer var mean: Tensor

    init(featureCount: Int) { mean = .zeros([featureCount]) }

    func forward(_ x: Tensor) -> Tensor {
        if isTraining { mean.copy(from: withoutGradient { mean * 0.9 + x.mean(alongAxis: 0) * 0.1 }) }
        return x - mean
    }
}
