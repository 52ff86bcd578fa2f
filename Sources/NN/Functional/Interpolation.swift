import Foundations
public import Tensors

/// How images are resized.
public enum InterpolationMode: String, Sendable {
    /// The nearest pixel at or before the place.
    case nearest
    /// Between the four pixels around the place, by their distances.
    case bilinear
}

/// Resizes images, as `torch.nn.functional.interpolate`.
///
/// - Parameters:
///   - x: Shape `[count, channels, height, width]`.
///   - size: Height and width of the result; else `scaleFactor` times those of `x`, rounded down.
///   - alignCorners: Of `bilinear`, whether the centres of the corner pixels stay where they are.
public func interpolate(
    _ x: Tensor, size: Size2d? = nil, scaleFactor: Double? = nil, mode: InterpolationMode = .nearest,
    alignCorners: Bool = false
) -> Tensor {
    require(
        x.rank == 4 && (size == nil) != (scaleFactor == nil),
        "interpolation of shape \(x.shape); it needs [count, channels, height, width], and a size or a factor")
    func length(_ input: Int) -> Int { Int((Double(input) * (scaleFactor ?? 1)).rounded(.down)) }
    let (height, width) = size?.pair ?? (length(x.shape[2]), length(x.shape[3]))
    func weights(_ input: Int, _ output: Int) -> Tensor {
        // As PyTorch: a factor that was given is used as it is, not what the rounded size makes of it.
        let ratio = scaleFactor.map { 1 / $0 } ?? Double(input) / Double(output)
        var matrix = [Double](repeating: 0, count: output * input)
        for place in 0..<output {
            switch mode {
            case .nearest: matrix[place * input + min(Int(Double(place) * ratio), input - 1)] = 1
            case .bilinear:
                let position =
                    alignCorners
                    ? output > 1 ? Double(place) * Double(input - 1) / Double(output - 1) : 0
                    : max((Double(place) + 0.5) * ratio - 0.5, 0)
                let low = min(Int(position), input - 1)
                let high = min(low + 1, input - 1)
                matrix[place * input + low] += 1 - (position - Double(low))
                matrix[place * input + high] += position - Double(low)
            }
        }
        return Tensor(matrix, shape: [output, input]).to(x.dtype)
    }
    require(
        height > 0 && width > 0 && x.elementCount > 0, "interpolation of \(x.shape) to \(height) x \(width)")
    return weights(x.shape[2], height).matmul(x).matmul(weights(x.shape[3], width).t)
}
