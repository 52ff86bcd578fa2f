import NN
import Tensors
import Testing

struct LossTests {
    struct File: Decodable {
        struct Case: Decodable {
            let name: String
            let input: Fixture.Packed
            let target: Fixture.Packed
            let output: Fixture.Packed
            let gradient: Fixture.Packed
        }
        let classWeight: Fixture.Packed
        let cases: [Case]
    }

    /// 1e-6 relative to the larger of the result and 1, in float32.
    @Test func lossesComputeAsPyTorchDoes() throws {
        let file: File = try Fixture.decode("losses.json")
        let weight = file.classWeight.tensor
        for test in file.cases {
            let (x, y) = (test.input.tensor.requiringGrad(), test.target.tensor)
            let loss: Tensor? =
                switch test.name {
                case "mse": MSELoss()(x, y)
                case "mse sum": MSELoss(.sum)(x, y)
                case "mse none": MSELoss(.none)(x, y)
                case "l1": L1Loss()(x, y)
                case "huber": HuberLoss(delta: 0.7)(x, y)
                case "cross entropy", "cross entropy of images", "cross entropy of one":
                    CrossEntropyLoss()(x, y)
                case "cross entropy none": CrossEntropyLoss(.none)(x, y)
                case "cross entropy weighted": CrossEntropyLoss(weight: weight)(x, y)
                case "cross entropy smoothed": CrossEntropyLoss(weight: weight, labelSmoothing: 0.1)(x, y)
                case "cross entropy of probabilities": CrossEntropyLoss(labelSmoothing: 0.2)(x, y)
                case "nll": NLLLoss(weight: weight)(x, y)
                case "bce with logits": BCEWithLogitsLoss()(x, y)
                case "bce with logits weighted": BCEWithLogitsLoss(positiveWeight: weight[..<3])(x, y)
                default: nil
                }
            expectClose(loss, test.output.tensor, tolerance: 1e-6, test.name)
            loss?.sum().backward()
            expectClose(x.grad, test.gradient.tensor, tolerance: 1e-6, "\(test.name), gradient")
        }
    }

    @Test func targetsOutOfRangeTrap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = crossEntropy(.zeros([2, 3]), Tensor([Int64(0), 3]))
        }
        #expect(
            standardError(result).contains("target 3 of row 1 for 3 classes"))
    }
}
