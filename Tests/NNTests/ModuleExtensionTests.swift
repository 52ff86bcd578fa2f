import Foundation
import NN
import Tensors
import Testing

struct ModuleExtensionTests {
    @Test func modulesConvertAndStayTied() {
        final class Tied: Module {
            let encoder = Embedding(6, 4)
            let decoder = Linear(4, 6, bias: false)
            let norm = BatchNorm1d(4)
            override init() {
                super.init()
                decoder.weight = encoder.weight
                norm.weight?.requiresGrad = false
            }
        }
        let model = Tied()
        let before = model.stateDict().copied()
        model.to(.bfloat16)
        #expect(model.encoder.weight === model.decoder.weight)
        #expect(model.parameters().allSatisfy { $0.dtype == .bfloat16 })
        #expect(model.norm.weight?.requiresGrad == false && model.encoder.weight.requiresGrad)
        #expect(model.norm.batchCount?.dtype == .int64 && model.norm.runningMean?.dtype == .bfloat16)
        model.to(.float32)
        #expect(model.encoder.weight.isIdentical(to: before["encoder.weight"]!.to(.bfloat16).to(.float32)))
        let lstm = LSTM(3, 4).to(.float64)
        #expect(lstm(.zeros([2, 1, 3], dtype: .float64)).output.dtype == .float64)
    }

    @Test func copiesAreApartAndEqual() throws {
        let make = { Sequential(Linear(3, 4), BatchNorm1d(4), Dropout(0.2), Linear(4, 2)) }
        let model = make()
        _ = model(.randn([5, 3]))
        model.parameter(at: "0.weight")?.requiresGrad = false
        model.module(at: "2")?.eval()
        let copy = try model.copied(make)
        for (name, tensor) in model.stateDict() {
            #expect(copy.stateDict()[name]?.isIdentical(to: tensor) == true)
        }
        #expect(
            copy.parameter(at: "0.weight")?.requiresGrad == false
                && copy.parameter(at: "0.bias")?.requiresGrad == true)
        #expect(copy.module(at: "2")?.isTraining == false && copy.module(at: "1")?.isTraining == true)
        copy.parameter(at: "3.bias")?.data.fill(9)
        #expect((model.parameter(at: "3.bias")?.max().item() ?? 9) < 9)
        #expect(throws: LoadStateDictError.self) { try model.copied { Linear(2, 2) } }
    }

    @Test func parametersGoToAVectorAndBack() {
        let model = Sequential(Linear(3, 2), Linear(2, 1, bias: false))
        let vector = parametersToVector(model.parameters())
        #expect(vector.shape == [3 * 2 + 2 + 2])
        vector.square().sum().backward()
        #expect(model[0].bias.grad != nil)
        vectorToParameters(Tensor.arange(0, 10), model.parameters())
        #expect(model[0].bias.doubles() == [6, 7] && model[1].weight.doubles() == [8, 9])
    }

    @Test func layersCallTheirHooks() {
        let layer = Linear(2, 2)
        let net = Sequential(layer, ReLU())
        var log: [String] = []
        let first = layer.registerForwardPreHook { _, x in
            log.append("before")
            return x * 0
        }
        let second = layer.registerForwardHook { module, _, output in
            log.append("after \(module.typeName)")
            return output + 1
        }
        layer.registerBackwardHook { _, gradient in
            log.append("back")
            return gradient * 2
        }
        let y = net(.ones([1, 2]))
        #expect(log == ["before", "after Linear"])
        let bias = (layer.bias ?? 0).detach()
        #expect(y.isIdentical(to: (bias + 1).relu().unsqueezed(0)))
        y.sum().backward()
        #expect(log.last == "back" && layer.bias?.grad?.max().item() == 2)
        first.remove()
        second.remove()
        log = []
        _ = layer(.ones([1, 2]))
        #expect(log == [])
    }

    @Test func averagesOfWeightsAreMeansOrDecay() throws {
        let model = Linear(1, 1)
        func set(_ value: Double) { model.weight.data.fill(value) }
        set(2)
        let (mean, moving) = (
            AveragedWeights(model, .mean), AveragedWeights(model, .exponential(decay: 0.75))
        )
        for value in [2.0, 4, 9] {
            set(value)
            mean.update(model)
            moving.update(model)
        }
        #expect(mean.stateDict["weight"]?.item() == 5)
        // 2, then 2.5, then 4.125.
        #expect(moving.stateDict["weight"]?.item() == 4.125)
        try moving.copy(to: model)
        #expect(model.weight.item() == 4.125)
    }

    @Test func drawsFollowTheirWeights() {
        let generator = RandomGenerator(seed: 8)
        let draws = generator.multinomial(Tensor([0.0, 1, 3]), count: 8000, replacement: true).doubles()
        #expect(!draws.contains(0))
        // 5 standard errors of a share of 3/4.
        #expect(abs(Double(draws.count { $0 == 2 }) / 8000 - 0.75) < 0.0242)
        let all = generator.multinomial(Tensor([[1.0, 5, 2], [1, 1, 1]]), count: 3)
        #expect(
            all[0].sorted().values.doubles() == [0, 1, 2] && all[1].sorted().values.doubles() == [0, 1, 2])
    }

    /// Images are normalised as one operation, vectors step by step: the same numbers and gradients, with and without
    /// running averages.
    @Test(arguments: [true, false]) func batchNormOfImagesIsThatOfTheirElements(isTraining: Bool) {
        let generator = RandomGenerator(seed: 6)
        let (images, rows) = (BatchNorm2d(5, dtype: .float64), BatchNorm1d(5, dtype: .float64))
        for layer in [images, rows] as [BatchNorm] {
            layer.weight?.data.copy(from: Tensor([1.0, -2, 0.5, 3, 1]))
            layer.runningMean?.copy(from: Tensor([0.1, 0.2, 0.3, 0.4, 0.5]))
            layer.train(isTraining)
        }
        let x = (generator.normal([3, 5, 4, 2], dtype: .float64) * 2 + 7).requiringGrad()
        let flat = x.detach().permuted([0, 2, 3, 1]).reshaped(to: [24, 5]).copied().requiringGrad()
        let g = generator.normal([3, 5, 4, 2], dtype: .float64)
        let flatG = g.permuted([0, 2, 3, 1]).reshaped(to: [24, 5])
        let (y, flatY) = (images(x), rows(flat))
        y.backward(gradient: g)
        flatY.backward(gradient: flatG)
        func turned(_ t: Tensor?) -> Tensor { (t ?? 0).permuted([0, 2, 3, 1]).reshaped(to: [24, 5]) }
        expectClose(turned(y), flatY, tolerance: 1e-12, "result")
        expectClose(turned(x.grad), flat.grad ?? 0, tolerance: 1e-12, "gradient")
        expectClose(images.weight?.grad, rows.weight?.grad ?? 0, tolerance: 1e-11, "gradient of weight")
        expectClose(images.bias?.grad, rows.bias?.grad ?? 0, tolerance: 1e-11, "gradient of bias")
        expectClose(images.runningMean, rows.runningMean ?? 0, tolerance: 1e-12, "running mean")
        expectClose(images.runningVariance, rows.runningVariance ?? 0, tolerance: 1e-12, "running variance")
    }

    @Test func wholeChannelsAreDropped() {
        let layer = Dropout2d(0.5, generator: RandomGenerator(seed: 3))
        let y = layer(.ones([20, 10, 2, 3]))
        let sums = y.sum(alongAxes: [2, 3]).doubles()
        #expect(Set(sums) == [0, 12])
        layer.eval()
        #expect(layer(.ones([2, 2, 2])).sum().item() == 8)
    }

    @Test func mistakesNameTheModuleInOneLine() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            unsetenv("SWIFT_BACKTRACE")
            let net = Sequential(Sequential(Linear(4, 4), ReLU()), Linear(5, 2))
            _ = net(.zeros([3, 4]))
        }
        let lines = standardError(result).split(separator: "\n")
        #expect(lines.count == 1, "\(lines)")
        #expect(
            lines.first?.hasSuffix(
                "linear of input [3, 4] with weight [2, 5] (in Sequential at \"1\": "
                    + "Linear(in_features=5, out_features=2, bias=True))") == true, "\(lines)")
    }
}
