import Foundations
public import Tensors

/// Cross-correlates sequences with learnt filters.
public final class Conv1d: Module, Layer {
    /// Shape `[out, in / groups, length]`.
    @Parameter public var weight: Tensor
    /// Shape `[out]`.
    @Parameter public var bias: Tensor?

    private let (stride, padding, dilation, groups): (Int, Int, Int, Int)

    /// A layer from `inputChannels` to `outputChannels`. First values are those of ``Conv2d``.
    ///
    /// - Parameters:
    ///   - padding: Zeros on each side.
    ///   - groups: Input and output channels are divided in as many parts that see only each other.
    public init(
        _ inputChannels: Int, _ outputChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
        dilation: Int = 1, groups: Int = 1, bias hasBias: Bool = true, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        require(
            groups > 0 && inputChannels % groups == 0 && outputChannels % groups == 0,
            "Conv1d(\(inputChannels), \(outputChannels)) in \(groups) groups")
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
        let rule = Initializer.layerDefault(fanIn: inputChannels / groups * kernelSize)
        weight = .zeros([outputChannels, inputChannels / groups, kernelSize], dtype: dtype)
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
        var text = "\(weight.shape[1] * groups), \(weight.shape[0]), kernel_size=(\(weight.shape[2]),)"
        text += ", stride=(\(stride),)"
        if padding != 0 { text += ", padding=(\(padding),)" }
        if dilation != 1 { text += ", dilation=(\(dilation),)" }
        if groups != 1 { text += ", groups=\(groups)" }
        if bias == nil { text += ", bias=False" }
        return text
    }

    /// - Parameter x: Shape `[count, in, length]`, or without `count`.
    /// - Returns: Shape `[count, out, length']`.
    public func forward(_ x: Tensor) -> Tensor {
        conv1d(x, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}

/// The transpose of ``Conv2d``: from its result's shape to its image's.
///
/// Source: Zeiler et al. 2010.
public final class ConvTranspose2d: Module, Layer {
    /// Shape `[in, out / groups, height, width]`.
    @Parameter public var weight: Tensor
    /// Shape `[out]`.
    @Parameter public var bias: Tensor?

    private let (stride, padding, outputPadding, dilation): (Size2d, Size2d, Size2d, Size2d)
    private let groups: Int

    /// A layer from `inputChannels` to `outputChannels`.
    ///
    /// Weight and bias begin with U(-a, a), a = 1/sqrt(out / groups · kernel height · width), as in PyTorch.
    /// - Parameters:
    ///   - padding: Rows and columns of the result that are left out on each side.
    ///   - outputPadding: Rows and columns more at the end of the result.
    public init(
        _ inputChannels: Int, _ outputChannels: Int, kernelSize: Size2d, stride: Size2d = 1,
        padding: Size2d = 0,
        outputPadding: Size2d = 0, groups: Int = 1, bias hasBias: Bool = true, dilation: Size2d = 1,
        dtype: DType = .float32, generator: RandomGenerator = .shared
    ) {
        require(
            groups > 0 && inputChannels % groups == 0 && outputChannels % groups == 0,
            "ConvTranspose2d(\(inputChannels), \(outputChannels)) in \(groups) groups")
        (self.stride, self.padding, self.outputPadding, self.dilation) = (
            stride, padding, outputPadding, dilation
        )
        self.groups = groups
        let shape = [inputChannels, outputChannels / groups, kernelSize.height, kernelSize.width]
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
        var text = "\(weight.shape[0]), \(weight.shape[1] * groups)"
        text += ", kernel_size=\(python((weight.shape[2], weight.shape[3]))), stride=\(python(stride.pair))"
        if padding.pair != (0, 0) { text += ", padding=\(python(padding.pair))" }
        if dilation.pair != (1, 1) { text += ", dilation=\(python(dilation.pair))" }
        if outputPadding.pair != (0, 0) { text += ", output_padding=\(python(outputPadding.pair))" }
        if groups != 1 { text += ", groups=\(groups)" }
        if bias == nil { text += ", bias=False" }
        return text
    }

    /// - Parameter x: Shape `[count, in, height, width]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor {
        convTranspose2d(
            x, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
            groups: groups,
            dilation: dilation)
    }
}
