import ModelReg
import NN
import Tensors

/// The builder's guide of a deep-learning course, heading by heading: `swift run BuildersGuide`.
@main
enum BuildersGuide {
    static func main() throws {
        manualSeed(1)
        customBlock()
        sequential()
        codeInForward()
        nesting()
        parameterAccess()
        initialisation()
        tiedParameters()
        customLayers()
        try saveAndLoad()
    }

    private static func heading(_ number: Int, _ title: String) { print("\n== \(number). \(title)") }

    private static let input = [2, 20]

    // MARK: 1

    private static func customBlock() {
        heading(1, "A custom block")
        let net = MLP()
        print(net(.rand(input)).shape)
    }

    // MARK: 2

    private static func sequential() {
        heading(2, "Sequential, and one's own")
        let net = MySequential(Linear(20, 256), ReLU(), Linear(256, 10))
        print(net(.rand(input)).shape, net.stateDict().names)
        print(Sequential(Linear(20, 256), ReLU(), Linear(256, 10))(.rand(input)).shape)
    }

    // MARK: 3

    private static func codeInForward() {
        heading(3, "Code in forward")
        let net = FixedHiddenMLP()
        let y = net(.rand(input))
        y.backward()
        print(y, "gradient of the shared layer:", net.linear.weight.grad?.shape ?? [])
    }

    // MARK: 4

    private static func nesting() {
        heading(4, "Blocks in blocks")
        let chimera = Sequential(NestMLP(), Linear(16, 20), FixedHiddenMLP())
        print(chimera(.rand(input)))
        print(chimera)
    }

    // MARK: 5

    private static func parameterAccess() {
        heading(5, "Parameter access")
        let net = Sequential(Linear(4, 8), ReLU(), Linear(8, 1))
        print(net[2].stateDict())
        print(net[2].bias, net[2].bias.data, net[2].weight.grad == nil)
        for (name, parameter) in net.namedParameters() { print(name, parameter.shape) }
        print(net.stateDict()["2.bias"]?.data ?? 0)
        let nested = Sequential(fourBlocks(), Linear(4, 1))
        print(nested[0][1][0].bias.data)
        print(nested.parameter(at: "0.block 1.0.bias") === nested[0]["block 1"][0].bias)
    }

    private static func fourBlocks() -> Sequential {
        let net = Sequential()
        for i in 0..<4 {
            net.append(Sequential(Linear(4, 8), ReLU(), Linear(8, 4), ReLU()), named: "block \(i)")
        }
        return net
    }

    // MARK: 6

    private static func initialisation() {
        heading(6, "Initialisation")
        let net = Sequential(Linear(4, 8), ReLU(), Linear(8, 1))
        net.apply { module in
            guard let linear = module as? Linear else { return }
            linear.weight.initialize(.normal(mean: 0, std: 0.01))
            linear.bias?.initialize(.zeros)
        }
        print(net[0].weight.data[0], net[0].bias.data[0])
        net[0].apply { ($0 as? Linear)?.weight.initialize(.xavierUniform()) }
        net[2].apply { ($0 as? Linear)?.weight.initialize(.constant(42)) }
        print(net[0].weight.data[0], net[2].weight.data)
        // A rule of one's own: uniform, and nothing below 5.
        net.apply { module in
            guard let linear = module as? Linear else { return }
            linear.weight.initialize(.uniform(in: -10..<10))
            linear.weight.data[...] *= (linear.weight.data.abs() .>= 5)
        }
        print(net[0].weight.data[..<2])
        net[0].weight.data[...] += 1
        net[0].weight.data[0, 0] = 42
        print(net[0].weight.data[0])
    }

    // MARK: 7

    private static func tiedParameters() {
        heading(7, "Tied parameters")
        let shared = Linear(8, 8)
        let net = Sequential(Linear(4, 8), ReLU(), shared, ReLU(), shared, ReLU(), Linear(8, 1))
        net[2].weight.data[0, 0] = 100
        print(net[2].weight === net[4].weight, net[4].weight[0, 0].item())
        print(net.namedParameters().map(\.name))
        print(net.stateDict().names)
    }

    // MARK: 8

    private static func customLayers() {
        heading(8, "Custom layers")
        print(CenteredLayer()(Tensor([Float(1), 2, 3, 4, 5])))
        print(MyLinear(5, 3)(.rand([2, 5])).shape)
        let running = RunningMean(featureCount: 2)
        _ = running(.ones([3, 2]))
        print(running.mean, running.stateDict().names)
    }

    // MARK: 9

    private static func saveAndLoad() throws {
        heading(9, "Save and load")
        let (net, clone) = (MLP(), MLP())
        let x = Tensor.rand(input)
        let registry = try Registry.inMemory()
        try registry.save([x, Tensor.zeros([4])], as: "x-files", message: "a list of tensors")
        let list: [Tensor] = try registry.load("x-files")
        print("list:", list.map(\.shape))
        try registry.save(net, as: "mlp")
        try clone.loadStateDict(registry.load("mlp"))
        clone.eval()
        print("bit-identical outputs:", (clone(x) .== net(x)).all())
        var partial = net.stateDict()
        partial["out.bias"] = nil
        partial["out.bais"] = .zeros([10])
        do {
            try clone.loadStateDict(partial)
        } catch {
            print(error)
        }
        print(try clone.loadStateDict(partial, strict: false))
    }
}
