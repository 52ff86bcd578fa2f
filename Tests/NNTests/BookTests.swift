import NN
import Tensors
import Testing

/// Recurrent layers, transformers and the rest of the book against PyTorch: outputs, gradients, state dicts, printed text.
struct BookTests {
    struct Case: Decodable {
        let name: String
        let printed: String?
        let state: [Entry]
        let inputs: [Fixture.Packed]
        let outputs: [Fixture.Packed]
        let gradients: [Fixture.Packed?]
        let inputGradients: [Fixture.Packed?]
        let parameterGradients: [String: Fixture.Packed]
    }

    /// A pair: name and tensor.
    struct Entry: Decodable {
        let name: String
        let tensor: Fixture.Packed

        init(from decoder: any Decoder) throws {
            var pair = try decoder.unkeyedContainer()
            name = try pair.decode(String.self)
            tensor = try pair.decode(Fixture.Packed.self)
        }
    }

    struct Schedule: Decodable {
        let name: String
        let rates: [Double]
    }

    struct Book: Decodable {
        let cases: [Case]
        let schedules: [Schedule]
    }

    /// 2e-6 relative to the larger of the result and 1: float32 sums of up to some hundred products; gradients go through
    /// several of them and get 1e-5.
    @Test func layersAndFunctionsComputeAsPyTorchDoes() throws {
        for test in try Fixture.decode("book.json", as: Book.self).cases {
            let subject = try #require(Subject.named(test.name), "\(test.name)")
            if let module = subject.module {
                if let printed = test.printed { #expect("\(module)" == printed) }
                #expect(module.stateDict().names == test.state.map(\.name), "\(test.name)")
                var stateDict = StateDict()
                for entry in test.state { stateDict[entry.name] = entry.tensor.tensor }
                try module.loadStateDict(stateDict)
            }
            let inputs = test.inputs.map { packed in
                let tensor = packed.tensor
                return tensor.dtype.isFloatingPoint ? tensor.requiringGrad() : tensor
            }
            let outputs = subject.run(inputs)
            #expect(outputs.count == test.outputs.count, "\(test.name)")
            for (index, (output, expected)) in zip(outputs, test.outputs).enumerated() {
                expectClose(output, expected.tensor, tolerance: 2e-6, "\(test.name), output \(index)")
            }
            // All outputs in one pass, as their histories have a part in common.
            let pairs = zip(outputs, test.gradients).compactMap { output, gradient in
                gradient.map { (output * $0.tensor).sum() }
            }
            guard let first = pairs.first else { continue }
            pairs.dropFirst().reduce(first, +).backward()
            for (index, (input, expected)) in zip(inputs, test.inputGradients).enumerated() {
                guard let expected else { continue }
                expectClose(
                    input.grad ?? input.zerosLike(), expected.tensor, tolerance: 1e-5,
                    "\(test.name), gradient of input \(index)")
            }
            for (name, parameter) in subject.module?.namedParameters() ?? [] {
                let expected = try #require(test.parameterGradients[name], "\(test.name) \(name)")
                expectClose(
                    parameter.grad, expected.tensor, tolerance: 1e-5, "\(test.name), gradient of \(name)")
            }
        }
    }

    @Test func schedulesAreThoseOfPyTorch() throws {
        let measures = [1.0, 0.9, 0.95, 0.9, 0.89999, 0.91, 0.92, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.6]
        for test in try Fixture.decode("book.json", as: Book.self).schedules {
            let optimizer = SGD([Tensor.zeros([1]).requiringGrad()], learningRate: 0.4)
            var rates: [Double] = []
            if let schedule = Self.schedule(test.name) {
                let scheduler = LearningRateScheduler(optimizer, schedule)
                for _ in test.rates {
                    rates += optimizer.learningRates
                    scheduler.step()
                }
            } else {
                let scheduler =
                    test.name == "plateau"
                    ? PlateauScheduler(optimizer, factor: 0.5, patience: 2, cooldown: 1)
                    : PlateauScheduler(
                        optimizer, mode: .max, patience: 1, threshold: 0.05, thresholdMode: .absolute,
                        minimum: 0.01)
                rates = optimizer.learningRates
                for measure in measures {
                    scheduler.step(measure)
                    rates += optimizer.learningRates
                }
            }
            let worst = zip(rates, test.rates).map { abs($0 - $1) }.max() ?? 1
            #expect(rates.count == test.rates.count && worst < 1e-12, "\(test.name): off by \(worst)")
        }
    }

    private static func schedule(_ name: String) -> LearningRateSchedule? {
        switch name {
        case "one cycle": .oneCycle(maximum: 2, total: 20)
        case "one cycle linear": .oneCycle(maximum: 2, total: 17, share: 0.4, annealing: .linear)
        case "restarts": .warmRestarts(epochs: 3, factor: 2, minimum: 0.01)
        case "restarts of one length": .warmRestarts(epochs: 4)
        case "polynomial": .polynomial(epochs: 6, power: 2)
        case "cyclic": .cyclic(minimum: 0.1, maximum: 0.7, up: 3, down: 5)
        case "sequence": .sequence([.linear(from: 0.1, epochs: 4), .exponential(gamma: 0.9)], at: [4])
        default: nil
        }
    }
}
