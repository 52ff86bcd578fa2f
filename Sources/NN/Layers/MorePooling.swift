import Foundations
public import Tensors

/// The largest element of each window of sequences.
public final class MaxPool1d: Module, Layer {
    private let (kernelSize, stride, padding, dilation, roundsUp): (Int, Int, Int, Int, Bool)

    /// Windows of `kernelSize`, as far apart as they are long unless `stride` is given.
    public init(
        kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
    ) {
        (self.kernelSize, self.stride, self.padding) = (kernelSize, stride ?? kernelSize, padding)
        (self.dilation, roundsUp) = (dilation, ceilMode)
    }

    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "kernel_size=\(kernelSize), stride=\(stride), padding=\(padding), dilation=\(dilation), "
            + "ceil_mode=\(python(roundsUp))"
    }
    /// - Parameter x: Shape `[count, channels, length]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor {
        maxPool1d(
            x, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: roundsUp)
    }
}

/// The mean of each window of sequences.
public final class AvgPool1d: Module, Layer {
    private let (kernelSize, stride, padding, countsPadding): (Int, Int, Int, Bool)

    /// Windows of `kernelSize`, as far apart as they are long unless `stride` is given.
    public init(kernelSize: Int, stride: Int? = nil, padding: Int = 0, countIncludePad: Bool = true) {
        (self.kernelSize, self.stride, self.padding) = (kernelSize, stride ?? kernelSize, padding)
        countsPadding = countIncludePad
    }

    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "kernel_size=(\(kernelSize),), stride=(\(stride),), padding=(\(padding),)"
    }
    /// - Parameter x: Shape `[count, channels, length]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor {
        avgPool1d(x, kernelSize: kernelSize, stride: stride, padding: padding, countIncludePad: countsPadding)
    }
}

/// The mean of each of as many regions of sequences as the result is to have places.
public final class AdaptiveAvgPool1d: Module, Layer {
    private let output: Int
    /// A result of `output` places.
    public init(_ output: Int) { self.output = output }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "output_size=\(output)" }
    /// - Parameter x: Shape `[count, channels, length]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor { adaptiveAvgPool1d(x, output) }
}

/// The largest element of each of as many regions as the result is to have places.
public final class AdaptiveMaxPool2d: Module, Layer {
    private let output: Size2d
    /// A result of `output` places.
    public init(_ output: Size2d) { self.output = output }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String { "output_size=\(shortest(output.pair))" }
    /// - Parameter x: Shape `[count, channels, height, width]`, or without `count`.
    public func forward(_ x: Tensor) -> Tensor { adaptiveMaxPool2d(x, output) }
}

/// Resizes images.
public final class Upsample: Module, Layer {
    private let size: Size2d?
    private let scaleFactor: Double?
    private let mode: InterpolationMode
    private let alignCorners: Bool

    /// To `size`, or `scaleFactor` times as large.
    public init(
        size: Size2d? = nil, scaleFactor: Double? = nil, mode: InterpolationMode = .nearest,
        alignCorners: Bool = false
    ) {
        (self.size, self.scaleFactor, self.mode, self.alignCorners) = (size, scaleFactor, mode, alignCorners)
    }

    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String {
        (size.map { "size=\(python($0.pair))" } ?? "scale_factor=\(python(scaleFactor ?? 1))")
            + ", mode='\(mode.rawValue)'"
    }
    /// - Parameter x: Shape `[count, channels, height, width]`.
    public func forward(_ x: Tensor) -> Tensor {
        interpolate(x, size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners)
    }
}

/// Splits an axis in several, the opposite of ``Flatten``.
public final class Unflatten: Module, Layer {
    private let (axis, lengths): (Int, [Int])
    /// Splits `axis` into axes of the lengths given, of which one may be -1.
    public init(_ axis: Int, _ lengths: [Int]) { (self.axis, self.lengths) = (axis, lengths) }
    /// No entries.
    public override var members: [Member] { [] }
    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "dim=\(axis), unflattened_size=(\(lengths.map(String.init).joined(separator: ", "))\(lengths.count == 1 ? "," : ""))"
    }
    /// The input with more axes.
    public func forward(_ x: Tensor) -> Tensor {
        let place = axis < 0 ? axis + x.rank : axis
        require(x.shape.indices.contains(place), "axis \(axis) of a tensor of rank \(x.rank)")
        let known = lengths.reduce(1) { $1 == -1 ? $0 : $0 * $1 }
        let whole = lengths.map { $0 == -1 && known > 0 ? x.shape[place] / known : $0 }
        require(
            whole.reduce(1, *) == x.shape[place],
            "axis \(axis) of shape \(x.shape) does not split into \(lengths)")
        return x.reshaped(to: Array(x.shape[..<place]) + whole + Array(x.shape[(place + 1)...]))
    }
}
