public import Tensors

// Layers as functions of their parameters, as in `torch.nn.functional`. Images may come without a batch axis.

/// Cross-correlates images with filters.
///
/// - Parameters:
///   - weight: Shape `[out, in / groups, height, width]`.
///   - bias: Shape `[out]`.
/// - Returns: Shape `[count, out, height', width']`, where `x` is `[count, in, height, width]`.
public func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Size2d = 1, padding: Size2d = 0,
    dilation: Size2d = 1,
    groups: Int = 1
) -> Tensor {
    let windows = Windows(
        kernel: kernel(weight), stride: stride.pair, padding: padding.pair, dilation: dilation.pair)
    return batched(x) { $0.conv2d(weight, bias: bias, windows: windows, groups: groups) }
}

/// Cross-correlates sequences with filters.
///
/// - Parameters:
///   - weight: Shape `[out, in / groups, length]`.
///   - bias: Shape `[out]`.
/// - Returns: Shape `[count, out, length']`, where `x` is `[count, in, length]`.
public func conv1d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1
) -> Tensor {
    asImages(x) {
        conv2d(
            $0, weight.unsqueezed(2), bias: bias, stride: .init(1, stride), padding: .init(0, padding),
            dilation: .init(1, dilation), groups: groups)
    }
}

/// The transpose of ``conv2d(_:_:bias:stride:padding:dilation:groups:)``: from its result's shape to its image's.
///
/// - Parameters:
///   - weight: Shape `[in, out / groups, height, width]`.
///   - bias: Shape `[out]`.
///   - outputPadding: Rows and columns more at the end of the result.
public func convTranspose2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Size2d = 1, padding: Size2d = 0,
    outputPadding: Size2d = 0, groups: Int = 1, dilation: Size2d = 1
) -> Tensor {
    let windows = Windows(
        kernel: kernel(weight), stride: stride.pair, padding: padding.pair, dilation: dilation.pair)
    return batched(x) {
        $0.convTranspose2d(
            weight, bias: bias, windows: windows, outputPadding: outputPadding.pair, groups: groups)
    }
}

/// The largest element of each window, which are as far apart as they are large unless `stride` is given.
public func maxPool2d(
    _ x: Tensor, kernelSize: Size2d, stride: Size2d? = nil, padding: Size2d = 0, dilation: Size2d = 1,
    ceilMode: Bool = false
) -> Tensor {
    let windows = Windows(
        kernel: kernelSize.pair, stride: (stride ?? kernelSize).pair, padding: padding.pair,
        dilation: dilation.pair)
    return batched(x) { $0.maxPool2d(windows, roundingUp: ceilMode) }
}

/// ``maxPool2d(_:kernelSize:stride:padding:dilation:ceilMode:)`` of sequences, `[count, channels, length]`.
public func maxPool1d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1,
    ceilMode: Bool = false
) -> Tensor {
    asImages(x) {
        maxPool2d(
            $0, kernelSize: .init(1, kernelSize), stride: .init(1, stride ?? kernelSize),
            padding: .init(0, padding),
            dilation: .init(1, dilation), ceilMode: ceilMode)
    }
}

/// The mean of each window. Padding counts as zeros unless `countIncludePad` is false.
public func avgPool2d(
    _ x: Tensor, kernelSize: Size2d, stride: Size2d? = nil, padding: Size2d = 0, countIncludePad: Bool = true
) -> Tensor {
    let windows = Windows(kernel: kernelSize.pair, stride: (stride ?? kernelSize).pair, padding: padding.pair)
    return batched(x) { $0.avgPool2d(windows, countsPadding: countIncludePad) }
}

/// ``avgPool2d(_:kernelSize:stride:padding:countIncludePad:)`` of sequences, `[count, channels, length]`.
public func avgPool1d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, countIncludePad: Bool = true
) -> Tensor {
    asImages(x) {
        avgPool2d(
            $0, kernelSize: .init(1, kernelSize), stride: .init(1, stride ?? kernelSize),
            padding: .init(0, padding),
            countIncludePad: countIncludePad)
    }
}

/// The mean of each of as many regions as the result is to have places.
public func adaptiveAvgPool2d(_ x: Tensor, _ output: Size2d) -> Tensor {
    batched(x) { $0.adaptiveAvgPool2d(output.height, output.width) }
}

/// The mean of each of `output` regions of sequences, `[count, channels, length]`.
public func adaptiveAvgPool1d(_ x: Tensor, _ output: Int) -> Tensor {
    asImages(x) { adaptiveAvgPool2d($0, .init(1, output)) }
}

/// The largest element of each of as many regions as the result is to have places.
public func adaptiveMaxPool2d(_ x: Tensor, _ output: Size2d) -> Tensor {
    batched(x) { images in
        let (height, width) = (images.shape[2], images.shape[3])
        let rows = regions(height, output.height).map {
            images.narrowed(2, to: $0).max(alongAxis: 2, keepingAxes: true)
        }
        let reduced = Tensor.concatenate(rows, alongAxis: 2)
        let columns = regions(width, output.width).map {
            reduced.narrowed(3, to: $0).max(alongAxis: 3, keepingAxes: true)
        }
        return Tensor.concatenate(columns, alongAxis: 3)
    }
}

/// The elements of each window as a column: shape `[count, channels · kernel, places]`, as `torch.nn.functional.unfold`.
public func unfold(
    _ x: Tensor, kernelSize: Size2d, dilation: Size2d = 1, padding: Size2d = 0, stride: Size2d = 1
) -> Tensor {
    let windows = Windows(
        kernel: kernelSize.pair, stride: stride.pair, padding: padding.pair, dilation: dilation.pair)
    return batched(x) { $0.unfolded(windows) }
}

/// The ranges that `count` regions of an axis cover.
private func regions(_ length: Int, _ count: Int) -> [Range<Int>] {
    (0..<count).map { $0 * length / count..<(($0 + 1) * length + count - 1) / count }
}

private func kernel(_ weight: Tensor) -> (Int, Int) {
    weight.rank == 4 ? (weight.shape[2], weight.shape[3]) : (1, 1)
}

/// Calls `body` with sequences `[…, channels, length]` as images of one row.
private func asImages(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
    body(x.unsqueezed(-2)).squeezed(-2)
}
