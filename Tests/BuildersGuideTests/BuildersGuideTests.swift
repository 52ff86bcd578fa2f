import NN
import Tensors
import Testing

// The chapter that a reader of a deep-learning course tries first, heading by heading. Examples/BuildersGuide runs it.

// MARK: 1

private final class MLP: Module, Layer {
    let hidden = Linear(20, 256)
    let out = Linear(256, 10)
    func forward(_ x: Tensor) -> Tensor { out(relu(hidden(x))) }
}

// MARK: 2

private final class MySequential: Module, Layer {
    private let blocks: [(name: String, layer: any Layer)]
    init(_ blocks: any Layer...) {
        self.blocks = blocks.enumerated().map { ("\($0)", $1) }
    }
    override var members: [Member] { blocks.map { .module($0.name, $0.layer) } }
    func forward(_ x: Tensor) -> Tensor { blocks.reduce(x) { $1.layer($0) } }
}

// MARK: 3

private final class FixedHiddenMLP: Module, Layer {
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

// MARK: 4

private final class NestMLP: Module, Layer {
    let net = Sequential(Linear(20, 64), ReLU(), Linear(64, 32), ReLU())
    let linear = Linear(32, 16)
    func forward(_ x: Tensor) -> Tensor { linear(net(x)) }
}

// MARK: 8

private final class CenteredLayer: Module, Layer {
    func forward(_ x: Tensor) -> Tensor { x - x.mean() }
}

private final class MyLinear: Module, Layer {
    @Parameter var weight: Tensor
    @Parameter var bias: Tensor
    init(_ inputSize: Int, _ outputSize: Int) {
        weight = .randn([inputSize, outputSize])
        bias = .randn([outputSize])
    }
    func forward(_ x: Tensor) -> Tensor { relu(x.matmul(weight) + bias) }
}

private final class RunningMean: Module, Layer {
    @Buffer var mean: Tensor
    @Buffer(isPersistent: false) var last: Tensor = .zeros([1])
    init(featureCount: Int) {
        mean = .zeros([featureCount])
    }
    func forward(_ x: Tensor) -> Tensor {
        if isTraining { mean.copy(from: withoutGradient { mean * 0.9 + x.mean(alongAxis: 0) * 0.1 }) }
        last = x.detach()
        return x - mean
    }
}

private func net() -> Sequential { Sequential(Linear(4, 8), ReLU(), Linear(8, 1)) }

private func block1() -> Sequential { Sequential(Linear(4, 8), ReLU(), Linear(8, 4), ReLU()) }

private func block2() -> Sequential {
    let net = Sequential()
    for i in 0..<4 { net.append(block1(), named: "block \(i)") }
    return net
}

struct BuildersGuideTests {
    private let x = Tensor.rand([2, 20])

    // MARK: 1. A custom block

    @Test func customBlockIsCalledAsAFunction() {
        let mlp = MLP()
        #expect(mlp(x).shape == [2, 10])
        #expect(mlp.stateDict().names == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"])
    }

    // MARK: 2. Sequential, and the reader's own

    @Test func ownSequentialComputesAsSequential() throws {
        let mine = MySequential(Linear(20, 256), ReLU(), Linear(256, 10))
        let net = Sequential(Linear(20, 256), ReLU(), Linear(256, 10))
        #expect(mine.stateDict().names == net.stateDict().names)
        try net.loadStateDict(mine.stateDict())
        #expect(net(x).isIdentical(to: mine(x)))
    }

    // MARK: 3. Code in forward

    @Test func gradientsFlowThroughLoopsAndReusedLayers() {
        let net = FixedHiddenMLP()
        let y = net(x)
        #expect(y.shape == [] && Swift.abs(y.item()) <= 1)
        y.backward()
        #expect(net.linear.weight.grad?.shape == [20, 20])
        #expect(net.linear.weight.grad?.abs().sum().item() ?? 0 > 0)
        #expect(net.namedParameters().map(\.name) == ["linear.weight", "linear.bias"])
        #expect(net.randWeight.grad == nil && !net.randWeight.requiresGrad)
    }

    // MARK: 4. Blocks in blocks

    @Test func blocksNestAtWillAndPrintAsInPyTorch() {
        let chimera = Sequential(NestMLP(), Linear(16, 20), FixedHiddenMLP())
        #expect(chimera(x).shape == [])
        #expect(
            "\(chimera)" == """
                Sequential(
                  (0): NestMLP(
                    (net): Sequential(
                      (0): Linear(in_features=20, out_features=64, bias=True)
                      (1): ReLU()
                      (2): Linear(in_features=64, out_features=32, bias=True)
                      (3): ReLU()
                    )
                    (linear): Linear(in_features=32, out_features=16, bias=True)
                  )
                  (1): Linear(in_features=16, out_features=20, bias=True)
                  (2): FixedHiddenMLP(
                    (linear): Linear(in_features=20, out_features=20, bias=True)
                  )
                )
                """)
    }

    // MARK: 5. Parameter access

    @Test func parametersAreFoundByIndexNameAndPath() {
        let net = net()
        #expect(net[2].stateDict().names == ["weight", "bias"])
        #expect(net[2].bias.shape == [1] && net[2].bias.isLeaf)
        #expect(net[2].bias.data.scalars(as: Float.self).count == 1)
        #expect(net[2].weight.grad == nil)
        net(.rand([2, 4])).sum().backward()
        #expect(net[2].weight.grad?.shape == [1, 8])
        #expect(
            net.namedParameters().map { "\($0.name) \($0.parameter.shape)" } == [
                "0.weight [8, 4]", "0.bias [8]", "2.weight [1, 8]", "2.bias [1]",
            ])
        #expect(net.stateDict()["2.bias"] === net[2].bias)
        #expect(net.parameter(at: "0.weight") === net[0].weight)
        let nested = Sequential(block2(), Linear(4, 1))
        #expect(nested[0][1][0].bias === nested.stateDict()["0.block 1.0.bias"])
        #expect(nested.namedParameters().count == 18)
    }

    // MARK: 6. Initialisation

    @Test func blocksAreInitialisedByRules() {
        let net = net()
        net.apply { module in
            guard let linear = module as? Linear else { return }
            linear.weight.initialize(.normal(mean: 0, std: 0.01))
            linear.bias?.initialize(.zeros)
        }
        #expect(net[0].weight.abs().max() < 0.1 && (net[0].bias .== 0).all())
        net[0].apply { ($0 as? Linear)?.weight.initialize(.xavierUniform()) }
        net[2].apply { ($0 as? Linear)?.weight.initialize(.constant(42)) }
        #expect((net[2].weight .== 42).all() && net[0].weight.abs().max() < 1)
        net.apply { module in
            guard let linear = module as? Linear else { return }
            linear.weight.initialize(.uniform(in: -10..<10))
            linear.weight.data[...] *= (linear.weight.data.abs() .>= 5)
        }
        #expect(((net[0].weight.abs() .>= 5) .| (net[0].weight .== 0)).all())
        net[0].weight.data[...] += 1
        net[0].weight.data[0, 0] = 42
        #expect(net[0].weight[0, 0].item() == 42)
        #expect(net[0].weight.requiresGrad && net[0].weight.isLeaf)
    }

    // MARK: 7. Tied parameters

    @Test func sharedLayersAreTied() throws {
        let shared = Linear(8, 8)
        let net = Sequential(Linear(4, 8), ReLU(), shared, ReLU(), shared, ReLU(), Linear(8, 1))
        #expect(net[2].weight === net[4].weight)
        net[2].weight.data[0, 0] = 100
        #expect(net[4].weight[0, 0].item() == 100)
        #expect(net.namedParameters().map(\.name).filter { $0.hasPrefix("4") } == [])
        #expect(
            net.stateDict().names.filter { $0.hasSuffix("weight") } == [
                "0.weight", "2.weight", "4.weight", "6.weight",
            ])
        let saved = net.stateDict().snapshot().stateDict
        #expect(saved["2.weight"]?.storage === saved["4.weight"]?.storage)
        let other = Linear(8, 8)
        let clone = Sequential(Linear(4, 8), ReLU(), other, ReLU(), other, ReLU(), Linear(8, 1))
        try clone.loadStateDict(saved)
        let input = Tensor.rand([2, 4])
        #expect(clone(input).isIdentical(to: net(input)) && clone[2].weight === clone[4].weight)
    }

    @Test func gradientsOfATiedTensorAdd() {
        final class Tied: Module {
            let embedding = Embedding(5, 3)
            let head = Linear(3, 5, bias: false)
            override init() {
                super.init()
                head.weight = embedding.weight
            }
        }
        let net = Tied()
        let indices = Tensor([Int64(1), 4])
        let hidden = net.embedding(indices)
        net.head(hidden).sum().backward()
        let whole = net.embedding.weight.grad?.doubles() ?? []
        // By hand: each row gets the sum of the hidden vectors; rows 1 and 4 also the sum of all rows.
        let (rows, all) = (hidden.detach().sum(alongAxis: 0), net.embedding.weight.detach().sum(alongAxis: 0))
        let expected = withoutGradient {
            Tensor.stack((0..<5).map { [1, 4].contains($0) ? rows + all : rows })
        }
        #expect(zip(whole, expected.doubles()).allSatisfy { Swift.abs($0 - $1) < 1e-5 } && whole.count == 15)
        #expect(net.namedParameters().count == 1 && net.stateDict().count == 2)
    }

    // MARK: 8. Custom layers

    @Test func customLayersWorkWithAndWithoutParameters() {
        #expect(CenteredLayer()(Tensor([Float(1), 2, 3, 4, 5])).doubles() == [-2, -1, 0, 1, 2])
        let net = Sequential(Linear(8, 128), CenteredLayer())
        #expect(Swift.abs(net(.rand([4, 8])).mean().item()) < 1e-6)
        let linear = MyLinear(5, 3)
        #expect(linear.namedParameters().map(\.name) == ["weight", "bias"])
        #expect(Sequential(MyLinear(64, 8), MyLinear(8, 1))(.rand([2, 64])).shape == [2, 1])
        linear(.rand([2, 5])).sum().backward()
        #expect(linear.weight.grad != nil)
    }

    @Test func buffersAreSavedUnlessToldOtherwise() {
        let layer = RunningMean(featureCount: 2)
        _ = layer(.ones([3, 2]))
        #expect(layer.stateDict().names == ["mean"])
        #expect(Swift.abs(layer.mean[0].item() - 0.1) < 1e-7)
        #expect(layer.parameters().isEmpty)
        layer.eval()
        _ = layer(.ones([3, 2]))
        #expect(Swift.abs(layer.mean[0].item() - 0.1) < 1e-7)
    }

    // MARK: 9. Save and load

    @Test func clonedStateDictGivesBitIdenticalOutputs() throws {
        let (mlp, clone) = (MLP(), MLP())
        #expect(!clone(x).isIdentical(to: mlp(x)))
        let saved = mlp.stateDict().snapshot()
        try clone.loadStateDict(saved.stateDict)
        clone.eval()
        #expect((clone(x) .== mlp(x)).all() && clone(x).isIdentical(to: mlp(x)))
    }

    @Test func strictLoadingNamesEverythingAndLenientLoadingForgivesNames() throws {
        let clone = MLP()
        var partial = MLP().stateDict()
        partial["out.bias"] = nil
        partial["out.bais"] = .zeros([10])
        let error = #expect(throws: LoadStateDictError.self) { try clone.loadStateDict(partial) }
        #expect(
            error?.problems == [
                .missing(name: "out.bias"), .unexpected(name: "out.bais", suggestion: "out.bias"),
            ])
        let keys = try clone.loadStateDict(partial, strict: false)
        #expect(keys.missing == ["out.bias"] && keys.unexpected == ["out.bais"])
    }
}
