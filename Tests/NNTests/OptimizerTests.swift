import Foundation
import Foundations
import NN
import OrderedCollections
import Tensors
import Testing

struct OptimizerTests {
    struct Run: Decodable {
        let losses: [Double]
        let parameterSample: [Double]?
    }

    static func mlp(dtype: DType = .float32) -> Sequential {
        let net = Sequential(Linear(20, 256, dtype: dtype), ReLU(), Linear(256, 10, dtype: dtype))
        for (index, parameter) in net.parameters().enumerated() {
            parameter.data = Fixture.numbers(parameter.elementCount, scale: 0.4, shift: 1000 * index)
                .reshaped(to: parameter.shape)
        }
        return net
    }

    static func train(_ net: Sequential, _ optimizer: any Optimizer, steps: Int = 20) -> [Double] {
        let x = Fixture.numbers(64 * 20, scale: 4, shift: 5).reshaped(to: [64, 20]).to(net[0].weight.dtype)
        let y = Tensor((0..<64).map { Int64($0 * 7 % 10) })
        return (0..<steps).map { _ in
            optimizer.zeroGrad()
            let loss = crossEntropy(net(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()
        }
    }

    static func optimizer(_ name: String, _ parameters: [Tensor]) -> (any Optimizer)? {
        switch name {
        case "sgd": SGD(parameters, learningRate: 0.1, momentum: 0.9, weightDecay: 1e-3)
        case "sgd_nesterov": SGD(parameters, learningRate: 0.05, momentum: 0.9, nesterov: true)
        case "sgd_plain": SGD(parameters, learningRate: 0.1)
        case "adam": Adam(parameters, learningRate: 1e-2, weightDecay: 1e-2, amsgrad: true)
        case "adamw": AdamW(parameters, learningRate: 1e-2)
        case "rmsprop": RMSprop(parameters, learningRate: 1e-3, momentum: 0.5, centered: true)
        default: nil
        }
    }

    static func flat(_ net: Sequential) -> Tensor {
        Tensor.concatenate(net.parameters().map { $0.detach().flattened() })
    }

    /// 1e-5 relative in every element, or 1e-7 for elements below 0.01: PyTorch's own run in float32 is as far as
    /// that from its run in float64. In float64 there is no such excuse: 1e-6 relative, the fixture's rounding aside.
    @Test(arguments: ["sgd", "adamw"], [DType.float32, .float64])
    func twentyStepsAgreeWithPyTorchInEveryParameter(_ name: String, _ dtype: DType) throws {
        let net = Self.mlp(dtype: dtype)
        let optimizer = try #require(Self.optimizer(name, net.parameters()))
        _ = Self.train(net, optimizer)
        let isWide = dtype == .float64
        let file = "\(name)_parameters\(isWide ? "_of_float64" : "").bin"
        let expected = try Fixture.data(file).withUnsafeBytes {
            try Tensor(bytes: $0, dtype: .float32, shape: [$0.count / 4])
        }
        let floor = isWide ? 1e-6 : 1e-2
        let worst = zip(Self.flat(net).doubles(), expected.doubles()).map { abs($0 - $1) / max(floor, abs($1)) }
            .max()
        #expect(worst ?? 1 <= (isWide ? 1e-6 : 1e-5))
    }

    @Test func allRulesFollowPyTorch() throws {
        for (name, run) in try Fixture.decode("optimizers.json", as: [String: Run].self) {
            let net = Self.mlp()
            let optimizer = try #require(Self.optimizer(name, net.parameters()))
            let losses = Self.train(net, optimizer)
            for (loss, expected) in zip(losses, run.losses) {
                #expect(abs(loss - expected) <= 2e-5 * expected, "\(name)")
            }
            guard let sample = run.parameterSample else { continue }
            let values = Self.flat(net)[stride(from: 0, to: 7946, by: 97)].doubles()
            for (value, expected) in zip(values, sample) {
                #expect(abs(value - expected) <= 1e-4 * max(0.01, abs(expected)), "\(name)")
            }
        }
    }

    @Test func stateHasPyTorchsLayout() throws {
        let json =
            try JSONSerialization.jsonObject(with: Fixture.data("optimizers.json")) as? [String: [String: Any]]
        for (name, run) in try #require(json) {
            let net = Self.mlp()
            let optimizer = try #require(Self.optimizer(name, net.parameters()))
            _ = Self.train(net, optimizer)
            let state = optimizer.state()
            let expected = try #require(run["state"] as? [String: Any])
            let tensors = try #require(expected["tensors"] as? [String: [String: Any]])
            #expect(Set(state.tensors.keys.map(String.init)) == Set(tensors.keys), "\(name)")
            for (index, entry) in state.tensors {
                #expect(Set(entry.names) == Set((tensors["\(index)"] ?? [:]).keys), "\(name)")
                if let step = entry["step"] {
                    #expect(step.item() == 20 && step.dtype == .float32 && step.shape.isEmpty)
                }
            }
            let groups = try #require(expected["groups"] as? [[String: Any]])
            for (group, wanted) in zip(state.groups, groups) {
                #expect(Set(group.settings.keys).union(["params"]) == Set(wanted.keys), "\(name)")
                #expect(group.parameters == wanted["params"] as? [Int])
                for (key, value) in group.settings {
                    switch value {
                    case .none: #expect(wanted[key] is NSNull, "\(name) \(key)")
                    case .boolean(let flag): #expect(wanted[key] as? Bool == flag, "\(name) \(key)")
                    case .integer(let integer): #expect(wanted[key] as? Int == integer, "\(name) \(key)")
                    case .number(let number): #expect(wanted[key] as? Double == number, "\(name) \(key)")
                    case .numbers(let numbers): #expect(wanted[key] as? [Double] == numbers, "\(name) \(key)")
                    }
                }
            }
        }
    }

    @Test(arguments: ["sgd", "adam", "adamw", "rmsprop"])
    func trainingContinuesFromASavedStateBitForBit(_ name: String) throws {
        let straight = Self.mlp()
        let whole = try #require(Self.optimizer(name, straight.parameters()))
        _ = Self.train(straight, whole)
        let first = Self.mlp()
        let half = try #require(Self.optimizer(name, first.parameters()))
        _ = Self.train(first, half, steps: 10)
        let (weights, state) = (first.stateDict().copied(), half.state().copied())
        _ = Self.train(first, half, steps: 3)
        let second = Self.mlp()
        try second.loadStateDict(weights)
        let resumed = try #require(Self.optimizer(name, second.parameters()))
        try resumed.loadState(state)
        _ = Self.train(second, resumed, steps: 10)
        #expect(Self.flat(second).isIdentical(to: Self.flat(straight)))
    }

    @Test func statesThatDoNotFitAreRefusedAndChangeNothing() {
        let (a, b) = (Tensor.zeros([2]).requiringGrad(), Tensor.zeros([3]).requiringGrad())
        let optimizer = Adam([a, b])
        #expect(throws: OptimizerStateError.groupCount(state: 0, optimizer: 1)) {
            try optimizer.loadState(.init(tensors: [:], groups: []))
        }
        #expect(throws: OptimizerStateError.parameterCount(group: 0, state: 1, optimizer: 2)) {
            try optimizer.loadState(.init(tensors: [:], groups: [.init(settings: [:], parameters: [0])]))
        }
        #expect(throws: OptimizerStateError.missingSetting(group: 0, name: "lr")) {
            try optimizer.loadState(.init(tensors: [:], groups: [.init(settings: [:], parameters: [0, 1])]))
        }
        let good = optimizer.state()
        var state = good
        state.groups[0].settings["lr"] = .number(7)
        state.tensors[1] = ["step": .zeros([]), "exp_avg": .zeros([4]), "exp_avg_sq": .zeros([3])]
        #expect(throws: OptimizerStateError.shape(parameter: 1, name: "exp_avg", state: [4], optimizer: [3])) {
            try optimizer.loadState(state)
        }
        #expect(optimizer.learningRates == [1e-3])
    }

    @Test func groupsHaveSettingsOfTheirOwn() {
        let (a, b) = (Tensor.ones([1]).requiringGrad(), Tensor.ones([1]).requiringGrad())
        let optimizer = SGD(groups: [
            .init([a], .init(learningRate: 0.1)), .init([b], .init(learningRate: 0.01)),
        ])
        (a + b).sum().backward()
        optimizer.step()
        #expect(abs(a.item() - 0.9) < 1e-6 && abs(b.item() - 0.99) < 1e-6)
        optimizer.zeroGrad()
        #expect(a.grad == nil)
    }

    @Test func clippingScalesToTheMaximumNorm() {
        let (a, b) = (Tensor.zeros([1]), Tensor.zeros([1]))
        (a.grad, b.grad) = (Tensor([Float(3)]), Tensor([Float(4)]))
        #expect(clipGradNorm([a, b], maximum: 1) == 5)
        #expect(abs((a.grad?.item() ?? 0) - 0.6) < 1e-6 && abs((b.grad?.item() ?? 0) - 0.8) < 1e-6)
        clipGradValue([a, b], maximum: 0.7)
        #expect(abs((b.grad?.item() ?? 0) - 0.7) < 1e-6)
    }

    /// Closed forms against PyTorch's recurrences: 1e-12 relative.
    @Test func schedulesFollowPyTorch() throws {
        let schedules: [String: LearningRateSchedule] = [
            "step": .step(every: 3, gamma: 0.5), "multi_step": .multiStep(at: [2, 5]),
            "exponential": .exponential(gamma: 0.9), "cosine": .cosine(epochs: 6, minimum: 0.01),
            "linear": .linear(),
        ]
        for (name, rates) in try Fixture.decode("schedules.json", as: [String: [Double]].self) {
            let optimizer = SGD([Tensor.zeros([1]).requiringGrad()], learningRate: 0.4)
            let scheduler = LearningRateScheduler(optimizer, try #require(schedules[name]))
            for rate in rates {
                #expect(abs(optimizer.learningRates[0] - rate) <= 1e-12, "\(name)")
                scheduler.step()
            }
        }
    }
}
