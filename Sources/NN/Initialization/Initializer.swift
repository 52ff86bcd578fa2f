import Foundations
internal import Glibc
public import Tensors

/// A rule for the first values of a tensor.
///
/// `fanIn` and `fanOut` are read from a weight of shape `[out, in]` or `[out, in, height, width]`.
public struct Initializer {
    private let write: (Tensor, RandomGenerator) -> Void

    /// A rule of one's own: `write` changes the tensor in place; no history is recorded meanwhile.
    public init(_ write: @escaping (Tensor, RandomGenerator) -> Void) { self.write = write }

    /// Writes first values into `tensor`; within ``Module/withoutInitialization(_:)`` nothing.
    ///
    /// Numbers are taken from the generator at once. A large tensor of zeros that nobody has looked at gets those of
    /// the uniform and normal rules when somebody does, so that values which are overwritten first cost nothing.
    public func callAsFunction(_ tensor: Tensor, generator: RandomGenerator = .shared) {
        if Initializer.isSkipped { return }
        withoutGradient { write(tensor, generator) }
    }

    /// Whether first values are not wanted: something else will be written.
    @TaskLocal static var isSkipped = false

    /// All elements 0.
    public static var zeros: Initializer { constant(0) }

    /// All elements 1.
    public static var ones: Initializer { constant(1) }

    /// All elements `value`.
    public static func constant(_ value: Double) -> Initializer {
        Initializer { tensor, _ in tensor.fill(value) }
    }

    /// The normal distribution.
    public static func normal(mean: Double = 0, std: Double = 1) -> Initializer {
        Initializer { tensor, generator in
            if generator.deferNormal(tensor, mean: mean, std: std) { return }
            tensor.copy(from: generator.normal(tensor.shape, mean: mean, std: std, dtype: drawn(tensor)))
        }
    }

    /// U[low, high).
    public static func uniform(in range: Range<Double> = 0..<1) -> Initializer {
        Initializer { tensor, generator in
            if generator.deferUniform(tensor, from: range.lowerBound, to: range.upperBound) { return }
            tensor.copy(
                from: generator.uniform(
                    tensor.shape, from: range.lowerBound, to: range.upperBound, dtype: drawn(tensor)))
        }
    }

    /// The normal distribution without its tails: values outside `range`, in absolute terms, are drawn again.
    ///
    /// Same as `torch.nn.init.trunc_normal_`, which computes the same distribution by another route.
    /// - Precondition: The range is within reach of the distribution, and not empty.
    public static func truncatedNormal(
        mean: Double = 0, std: Double = 1, in range: ClosedRange<Double> = -2...2
    ) -> Initializer {
        require(
            range.lowerBound < range.upperBound && range.upperBound > mean - 4 * std
                && range.lowerBound < mean + 4 * std,
            "normal distribution of mean \(mean), std \(std) truncated to \(range)")
        return Initializer { tensor, generator in
            var kept: [Double] = []
            while kept.count < tensor.elementCount {
                let missing = tensor.elementCount - kept.count
                let drawn: [Double] = generator.normal([missing + 16], mean: mean, std: std, dtype: .float64)
                    .scalars()
                kept += drawn.filter(range.contains).prefix(missing)
            }
            tensor.copy(from: Tensor(kept, shape: tensor.shape))
        }
    }

    /// U(-a, a), with a = gain · sqrt(6 / (fanIn + fanOut)).
    ///
    /// Source: Glorot & Bengio 2010, eq. 16; same as `torch.nn.init.xavier_uniform_`.
    public static func xavierUniform(gain: Double = 1) -> Initializer {
        Initializer { tensor, generator in
            let fans = fans(of: tensor)
            let a = gain * sqrt(6 / Double(fans.in + fans.out))
            uniform(in: -a..<a)(tensor, generator: generator)
        }
    }

    /// N(0, std²), with std = gain · sqrt(2 / (fanIn + fanOut)).
    ///
    /// Source: Glorot & Bengio 2010; same as `torch.nn.init.xavier_normal_`.
    public static func xavierNormal(gain: Double = 1) -> Initializer {
        Initializer { tensor, generator in
            let fans = fans(of: tensor)
            normal(std: gain * sqrt(2 / Double(fans.in + fans.out)))(tensor, generator: generator)
        }
    }

    /// Which sizes keep their variance: results going forward, or gradients going back.
    public enum FanMode: Sendable {
        /// Divide by the inputs of a unit.
        case fanIn
        /// Divide by the outputs that an input reaches.
        case fanOut
    }

    /// What follows the layer, and so how much it has to be scaled up.
    public enum Nonlinearity: Sendable {
        /// Nothing, or a sigmoid: gain 1.
        case linear
        /// gain 5/3.
        case tanh
        /// gain sqrt(2).
        case relu
        /// gain sqrt(2 / (1 + slope²)).
        case leakyRelu(slope: Double)
        /// gain 3/4.
        case selu

        /// The gain, as `torch.nn.init.calculate_gain`.
        public var gain: Double {
            switch self {
            case .linear: 1
            case .tanh: 5.0 / 3
            case .relu: 2.0.squareRoot()
            case .leakyRelu(let slope): (2 / (1 + slope * slope)).squareRoot()
            case .selu: 0.75
            }
        }
    }

    /// U(-a, a), with a = gain · sqrt(3 / fan).
    ///
    /// Source: He et al. 2015; same as `torch.nn.init.kaiming_uniform_`, default included.
    public static func kaimingUniform(
        mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyRelu(slope: 0)
    ) -> Initializer {
        Initializer { tensor, generator in
            let fans = fans(of: tensor)
            let a = nonlinearity.gain * sqrt(3 / Double(mode == .fanIn ? fans.in : fans.out))
            uniform(in: -a..<a)(tensor, generator: generator)
        }
    }

    /// N(0, std²), with std = gain / sqrt(fan).
    ///
    /// Source: He et al. 2015; same as `torch.nn.init.kaiming_normal_`, default included.
    public static func kaimingNormal(
        mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyRelu(slope: 0)
    ) -> Initializer {
        Initializer { tensor, generator in
            let fans = fans(of: tensor)
            let std = nonlinearity.gain / sqrt(Double(mode == .fanIn ? fans.in : fans.out))
            normal(std: std)(tensor, generator: generator)
        }
    }

    /// A matrix with orthonormal rows, or columns where there are more rows, times `gain`. Later axes count as columns.
    ///
    /// Source: Saxe, McClelland & Ganguli 2014, by the modified Gram-Schmidt process; same distribution as
    /// `torch.nn.init.orthogonal_`.
    public static func orthogonal(gain: Double = 1) -> Initializer {
        Initializer { tensor, generator in
            require(tensor.rank >= 2, "orthogonal values for shape \(tensor.shape); it needs two axes")
            let (rows, columns) = (tensor.shape[0], tensor.shape.dropFirst().reduce(1, *))
            let (count, length) = (min(rows, columns), max(rows, columns))
            let drawn: [Double] = generator.normal([count, length], dtype: .float64).scalars()
            var basis: [[Double]] = []
            for index in 0..<count {
                var vector = Array(drawn[index * length..<(index + 1) * length])
                // Twice: once leaves errors as large as the vectors are parallel.
                for _ in 0..<2 {
                    for other in basis {
                        let product = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                        for i in vector.indices { vector[i] -= product * other[i] }
                    }
                }
                let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                basis.append(vector.map { $0 / norm })
            }
            let matrix = Tensor(basis.flatMap { $0 }, shape: [count, length])
            tensor.copy(from: ((rows <= columns ? matrix : matrix.t) * gain).reshaped(to: tensor.shape))
        }
    }

    /// The dtype to draw in: float64 for float64, else float32.
    private static func drawn(_ tensor: Tensor) -> DType { tensor.dtype == .float64 ? .float64 : .float32 }

    /// Inputs of a unit, and outputs an input reaches.
    private static func fans(of tensor: Tensor) -> (in: Int, out: Int) {
        require(tensor.rank >= 2, "fan in and out of a tensor of shape \(tensor.shape); it needs two axes")
        let field = tensor.shape.dropFirst(2).reduce(1, *)
        return (tensor.shape[1] * field, tensor.shape[0] * field)
    }

    /// U(-1/sqrt(fanIn), 1/sqrt(fanIn)): what PyTorch's Linear and Conv2d begin with, weights and biases.
    static func layerDefault(fanIn: Int) -> Initializer {
        let bound = fanIn > 0 ? 1 / sqrt(Double(fanIn)) : 0
        return bound > 0 ? uniform(in: -bound..<bound) : zeros
    }
}

extension Tensor {
    /// Writes first values by a rule: `linear.weight.initialize(.xavierUniform())`. Records no history.
    public func initialize(_ initializer: Initializer, generator: RandomGenerator = .shared) {
        initializer(self, generator: generator)
    }
}
