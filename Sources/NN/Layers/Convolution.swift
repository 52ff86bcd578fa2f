import Foundations
public import Tensors

/// A length for height and width: `3`, or `.init(3, 5)`.
public struct Size2d: ExpressibleByIntegerLiteral, Sendable {
    /// Along the height, and along the width.
    public let height, width: Int
    /// Along the height, and along the width.
    public init(_ height: Int, _ width: Int) { (self.height, self.width) = (height, width) }
    /// The same along both.
    public init(integerLiteral value: Int) { self.init(value, value) }
    /// The same along both.
    public init(_ both: Int) { self.init(both, both) }

    var pair: (Int, Int) { (height, width) }
}

/// Cross-correlates images with learnt filters.
public final class Conv2d: Module, Layer {
    /// Shape `[out, in / groups, height, width]`.
    @Parameter public var weight: Tensor
    /// Shape `[out]`.
    @Parameter public var bias: Tensor?

    private let windows: Windows
    private let groups: Int

    /// A layer from `inputChannels` to `outputChannels`.
    ///
    /// Weight and bias begin with U(-a, a), a = 1/sqrt(in / groups · kernel height · width), as in PyTorch.
    /// - Parameters:
    ///   - padding: Zeros on each side.
    ///   - groups: Input and output channels are divided in as many parts that see only each other.
    public init(
        _ inputChannels: Int, _ outputChannels: Int, kernelSize: Size2d, stride: Size2d = 1,
        padding: Size2d = 0,
        dilation: Size2d = 1, groups: Int = 1, bias hasBias: Bool = true, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        require(
            groups > 0 && inputChannels % groups == 0 && outputChannels % groups == 0,
            "Conv2d(\(inputChannels), \(outputChannels)) in \(groups) groups")
        windows = Windows(
            kernel: kernelSize.pair, stride: stride.pair, padding: padding.pair, dilation: dilation.pair)
        self.groups = groups
        let shape = [outputChannels, inputChannels / groups, kernelSize.height, kernelSize.width]
        let rule = Initializer.layerDefault(fanIn: shape.dropFirst().reduce(1, *))
        weight = .zeros(shape, dtype: dtype)
        bias = hasBias ? .zeros([outputChannels], dtype: dtype) : nil
        super.init()
        weight.initialize(rule, generator: generator)
        bias?.initialize(rule, generator: generator)
    }

    /// weight, and bias where there is one.
    public override var members: [Member] {
        [.parameter("weight", weight)] + (bias.map { [.parameter("bias", $0)] } ?? [])
    }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        var text = "\(weight.shape[1] * groups), \(weight.shape[0])"
        text += ", kernel_size=\(python(windows.kernel)), stride=\(python(windows.stride))"
        if windows.padding != (0, 0) { text += ", padding=\(python(windows.padding))" }
        if windows.dilation != (1, 1) { text += ", dilation=\(python(windows.dilation))" }
        if groups != 1 { text += ", groups=\(groups)" }
        if bias == nil { text += ", bias=False" }
        return text
    }

    /// - Parameter x: Shape `[count, in, height, width]`, or without `count`.
    /// - Returns: Shape `[count, out, height', width']`, where
    ///   height' = floor((height + 2 · padding - dilation · (kernel - 1) - 1) / stride) + 1.
    public func forward(_ x: Tensor) -> Tensor {
        batched(x) { $0.conv2d(weight, bias: bias, windows: windows, groups: groups) }
    }
}

/// Calls `body` with one image as a batch of one.
func batched(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
    x.rank == 3 ? body(x.unsqueezed(0)).squeezed(0) : body(x)
}

/// The largest element of each window.
public final class MaxPool2d: Module, Layer {
    private let windows: Windows
    private let roundsUp: Bool

    /// Windows of `kernelSize`, as far apart as they are large unless `stride` is given.
    public init(
        kernelSize: Size2d, stride: Size2d? = nil, padding: Size2d = 0, dilation: Size2d = 1,
        ceilMode: Bool = false
    ) {
        windows = Windows(
            kernel: kernelSize.pair, stride: (stride ?? kernelSize).pair, padding: padding.pair,
            dilation: dilation.pair)
        roundsUp = ceilMode
    }

    /// No entries.
    public override var members: [Member] { [] }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "kernel_size=\(shortest(windows.kernel)), stride=\(shortest(windows.stride)), "
            + "padding=\(shortest(windows.padding)), dilation=\(shortest(windows.dilation)), "
            + "ceil_mode=\(python(roundsUp))"
    }

    /// - Parameter x: Shape `[count, channels, height, width]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor { batched(x) { $0.maxPool2d(windows, roundingUp: roundsUp) } }
}

/// The mean of each window.
public final class AvgPool2d: Module, Layer {
    private let windows: Windows
    private let countsPadding: Bool

    /// Windows of `kernelSize`, as far apart as they are large unless `stride` is given. Padding counts as zeros
    /// unless `countIncludePad` is false.
    public init(kernelSize: Size2d, stride: Size2d? = nil, padding: Size2d = 0, countIncludePad: Bool = true) {
        windows = Windows(kernel: kernelSize.pair, stride: (stride ?? kernelSize).pair, padding: padding.pair)
        countsPadding = countIncludePad
    }

    /// No entries.
    public override var members: [Member] { [] }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "kernel_size=\(shortest(windows.kernel)), stride=\(shortest(windows.stride)), "
            + "padding=\(shortest(windows.padding))"
    }

    /// - Parameter x: Shape `[count, channels, height, width]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor {
        batched(x) { $0.avgPool2d(windows, countsPadding: countsPadding) }
    }
}

/// The mean of each of as many regions as the result is to have places.
public final class AdaptiveAvgPool2d: Module, Layer {
    private let output: Size2d

    /// A result of `output` places.
    public init(_ output: Size2d) { self.output = output }

    /// No entries.
    public override var members: [Member] { [] }

    /// As PyTorch prints it.
    public override var settingsDescription: String { "output_size=\(shortest(output.pair))" }

    /// - Parameter x: Shape `[count, channels, height, width]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor {
        batched(x) { $0.adaptiveAvgPool2d(output.height, output.width) }
    }
}

/// One number where both are equal.
func shortest(_ pair: (Int, Int)) -> String { pair.0 == pair.1 ? "\(pair.0)" : python(pair) }
