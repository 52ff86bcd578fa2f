import Foundations
import NN
import Tensors
import Testing

struct LayerTests {
    struct Case: Decodable {
        let name: String
        let printed: String
        let training: Bool
        let calls: Int
        let state: [String: Fixture.Packed]
        let inputs: [Fixture.Packed]
        let output: Fixture.Packed
        let gradient: Fixture.Packed
        let inputGradients: [Fixture.Packed?]
        let parameterGradients: [String: Fixture.Packed]
        let stateAfter: [String: Fixture.Packed]
    }

    private static func module(_ name: String) -> Module? {
        switch name {
        case "linear": Linear(5, 3)
        case "linear of three axes, no bias": Linear(5, 3, bias: false)
        case "conv2d": Conv2d(3, 4, kernelSize: 3)
        case "conv2d strided":
            Conv2d(
                4, 6, kernelSize: .init(3, 2), stride: .init(2, 1), padding: .init(1, 2), dilation: .init(1, 2),
                groups: 2)
        case "max pool": MaxPool2d(kernelSize: 2)
        case "max pool padded": MaxPool2d(kernelSize: 3, stride: 2, padding: 1, ceilMode: true)
        case "avg pool": AvgPool2d(kernelSize: 3, stride: 2, padding: 1)
        case "avg pool without padding": AvgPool2d(kernelSize: 3, stride: 2, padding: 1, countIncludePad: false)
        case "adaptive avg pool": AdaptiveAvgPool2d(.init(2, 3))
        case "embedding": Embedding(6, 4, paddingIndex: 2)
        case "layer norm": LayerNorm(7)
        case "layer norm of two axes": LayerNorm([3, 4])
        case "batch norm 1d", "batch norm 1d evaluated": BatchNorm1d(4)
        case "batch norm 2d": BatchNorm2d(3)
        case "dropout evaluated": Dropout(0.3)
        case "flatten": Flatten()
        case "attention": MultiHeadAttention(8, headCount: 2)
        case "attention batch first": MultiHeadAttention(8, headCount: 4, bias: false, batchFirst: true)
        case "relu": ReLU()
        case "leaky relu": LeakyReLU(0.2)
        case "elu": ELU()
        case "tanh": Tanh()
        case "sigmoid": Sigmoid()
        case "gelu": GELU()
        case "gelu tanh": GELU(approximate: .tanh)
        case "silu": SiLU()
        case "softplus": Softplus()
        case "softmax": Softmax(alongAxis: 1)
        case "log softmax": LogSoftmax(alongAxis: -1)
        case "mlp": Sequential(Linear(6, 9), ReLU(), Linear(9, 3))
        default: nil
        }
    }

    /// 1e-6 relative to the larger of the result and 1, in float32; gradients are sums of up to 70 products and get 4e-6.
    @Test func layersComputeAsPyTorchDoes() throws {
        for test in try Fixture.decode("layers.json", as: [Case].self) {
            let module = try #require(Self.module(test.name), "\(test.name)")
            #expect("\(module)" == test.printed)
            module.train(test.training)
            var stateDict = StateDict()
            for name in module.stateDict().names { stateDict[name] = test.state[name]?.tensor }
            #expect(stateDict.count == test.state.count, "\(test.name)")
            try module.loadStateDict(stateDict)
            let inputs = test.inputs.map { packed in
                let tensor = packed.tensor
                return tensor.dtype.isFloatingPoint ? tensor.requiringGrad() : tensor
            }
            var output: Tensor?
            for _ in 0..<test.calls {
                output =
                    switch module {
                    case let layer as any Layer: layer.forward(inputs[0])
                    case let attention as MultiHeadAttention:
                        attention(inputs[0], key: inputs[1], value: inputs[2]).output
                    default: nil
                    }
            }
            expectClose(output, test.output.tensor, tolerance: 1e-6, test.name)
            output?.backward(gradient: test.gradient.tensor)
            for (input, expected) in zip(inputs, test.inputGradients) {
                guard let expected else { continue }
                expectClose(input.grad, expected.tensor, tolerance: 4e-6, "\(test.name), input gradient")
            }
            for (name, parameter) in module.namedParameters() {
                let expected = try #require(test.parameterGradients[name], "\(test.name) \(name)")
                expectClose(
                    parameter.grad, expected.tensor, tolerance: 4e-6, "\(test.name), gradient of \(name)")
            }
            for (name, tensor) in module.stateDict() {
                let expected = try #require(test.stateAfter[name])
                expectClose(tensor, expected.tensor, tolerance: 1e-6, "\(test.name), \(name) after")
            }
        }
    }

    @Test func treePrintsAsPyTorchPrintsIt() throws {
        final class Block: Module {
            let net = Sequential(Linear(4, 8), ReLU())
            let blocks = ModuleList([Linear(8, 8), Linear(8, 8), ReLU()])
            let norm = BatchNorm1d(8)
        }
        #expect("\(Block())\n" == String(decoding: try Fixture.data("printed.txt"), as: UTF8.self))
    }

    @Test func dropoutKeepsTheMeanInTraining() {
        let layer = Dropout(0.25, generator: RandomGenerator(seed: 2))
        let y = layer(.ones([10_000]))
        // 5 standard errors of the share of zeros.
        #expect(abs((y .== 0).to(.float32).mean().item() - 0.25) < 0.022)
        #expect(abs(y.max().item() - 4.0 / 3) < 1e-6)
        layer.eval()
        #expect((layer(.ones([4])) .== 1).all())
    }

    @Test func maskedKeysGetNoAttention() {
        let attention = MultiHeadAttention(4, headCount: 2, batchFirst: true).eval()
        let x = Tensor.rand([2, 3, 4])
        let causal = Tensor.ones([3, 3]).upperTriangle(diagonal: 1).to(.bool)
        #expect(attention(x, mask: causal).weights[0, 0].doubles() == [1, 0, 0])
        let padding = Tensor([[false, false, true], [false, false, false]])
        #expect(attention(x, keyPaddingMask: padding).weights[0].selected(1, 2).doubles() == [0, 0, 0])
    }

    @Test func defaultsAreThoseOfPyTorch() {
        manualSeed(3)
        let linear = Linear(100, 400)
        // U(-0.1, 0.1): standard deviation 0.1 / sqrt(3).
        #expect(linear.weight.abs().max().item() <= 0.1)
        #expect(abs(linear.weight.standardDeviation().item() - 0.057735) < 1e-3)
        #expect(linear.bias?.abs().max().item() ?? 1 <= 0.1)
        let conv = Conv2d(4, 32, kernelSize: 5)
        #expect(conv.weight.abs().max().item() <= 0.1 && conv.weight.abs().max().item() > 0.098)
        #expect(abs(Embedding(500, 20).weight.standardDeviation().item() - 1) < 0.05)
        #expect(Embedding(5, 2, paddingIndex: -1).weight[4].doubles() == [0, 0])
        let attention = MultiHeadAttention(64, headCount: 4)
        // sqrt(6 / (64 + 192)) = 0.153.
        #expect(abs(attention.inProjectionWeight.abs().max().item() - 0.1531) < 1e-3)
        #expect((attention.inProjectionBias ?? 1).abs().max().item() == 0)
    }
}
