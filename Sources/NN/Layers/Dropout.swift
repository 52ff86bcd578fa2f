import Foundations
public import Tensors

/// In training, sets elements to 0 with a probability and scales the others up to keep the mean.
///
/// Source: Srivastava et al. 2014.
public final class Dropout: Module, Layer {
    let probability: Double
    private let generator: RandomGenerator

    /// - Precondition: `probability` is from 0 to 1.
    public init(_ probability: Double = 0.5, generator: RandomGenerator = .shared) {
        require((0...1).contains(probability), "dropout with probability \(probability)")
        self.probability = probability
        self.generator = generator
    }

    /// No entries.
    public override var members: [Member] { [] }

    /// The one it was made with.
    public override var randomGenerators: [RandomGenerator] { [generator] }

    /// As PyTorch prints it.
    public override var settingsDescription: String { "p=\(python(probability)), inplace=False" }

    /// The input itself in evaluation.
    public func forward(_ x: Tensor) -> Tensor {
        if !isTraining || probability == 0 { return x }
        if probability == 1 { return x * 0 }
        let kept = generator.bernoulli(x.shape, probability: 1 - probability).to(x.dtype)
        return x * (kept / (1 - probability))
    }
}
