import Foundations
public import Tensors

/// Normalises over the last axes, whose lengths are `shape`: (x - mean) / sqrt(variance + epsilon) · weight + bias.
public func layerNorm(
    _ x: Tensor, _ shape: [Int], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) -> Tensor {
    require(
        Array(x.shape.suffix(shape.count)) == shape, "layer norm over \(shape) of input \(x.shape)")
    return x.layerNorm(axisCount: shape.count, weight: weight, bias: bias, epsilon: epsilon)
}

/// Divides by the root of the mean square over the last axes, whose lengths are `shape`, times `weight`.
///
/// Source: Zhang & Sennrich 2019.
/// - Parameter epsilon: Added to the mean square; where `nil` the distance from 1 to the next number of the dtype.
public func rmsNorm(_ x: Tensor, _ shape: [Int], weight: Tensor? = nil, epsilon: Double? = nil) -> Tensor {
    require(
        Array(x.shape.suffix(shape.count)) == shape, "root-mean-square norm over \(shape) of input \(x.shape)")
    let least = epsilon ?? x.dtype.unitInLastPlace
    let axes = Array(x.rank - shape.count..<x.rank)
    let result = x * (x.square().mean(alongAxes: axes, keepingAxes: true) + least).rsqrt()
    return weight.map { result * $0 } ?? result
}

/// Normalises each of `groupCount` groups of channels of each example.
///
/// Source: Wu & He 2018.
/// - Parameters:
///   - x: Shape `[count, channels, …]`.
///   - weight: Shape `[channels]`.
///   - bias: Shape `[channels]`.
public func groupNorm(
    _ x: Tensor, _ groupCount: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) -> Tensor {
    require(
        x.rank >= 2 && groupCount > 0 && x.shape[1] % groupCount == 0,
        "group norm of input \(x.shape) in \(groupCount) groups")
    let rows = x.reshaped(to: [x.shape[0], groupCount, -1])
    let normal = rows.layerNorm(axisCount: 1, weight: nil, bias: nil, epsilon: epsilon).reshaped(to: x.shape)
    let perChannel = [x.shape[1]] + [Int](repeating: 1, count: x.rank - 2)
    let scaled = weight.map { normal * $0.reshaped(to: perChannel) } ?? normal
    return bias.map { scaled + $0.reshaped(to: perChannel) } ?? scaled
}

extension DType {
    /// The distance from 1 to the next number: PyTorch's `finfo.eps`.
    var unitInLastPlace: Double {
        switch self {
        case .float64: 0x1p-52
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        default: 0x1p-23
        }
    }
}
