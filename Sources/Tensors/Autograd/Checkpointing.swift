internal import CKernels

/// Computes `body` without keeping what its gradient needs, and computes it again when the gradient comes: less memory for
/// more time, as `torch.utils.checkpoint`.
///
/// Gradients of parameters that `body` uses are added to them, those of `inputs` flow on.
///
/// - Parameters:
///   - generators: Those that `body` draws from: they are set back for the second time, so that it draws the same.
///   - body: Must do the same both times.
public func checkpointed(
    _ inputs: Tensor..., generators: [RandomGenerator] = [.shared], _ body: @escaping ([Tensor]) -> Tensor
) -> Tensor {
    guard isRecordingGradients else { return body(inputs) }
    let states = generators.map(\.state)
    let plain = inputs.map { $0.detach() }
    let result = withoutGradient { body(plain) }.alias()
    guard result.dtype.isFloatingPoint else { return result }
    let needs = inputs.map { $0.requiresGrad }
    return result.recorded("a checkpoint", inputs) { gradient in
        let later = generators.map(\.state)
        for (generator, state) in zip(generators, states) { generator.state = state }
        defer { for (generator, state) in zip(generators, later) { generator.state = state } }
        let leaves = zip(plain, needs).map { $1 ? $0.alias().requiringGrad() : $0 }
        recordingGradients { body(leaves).backward(gradient: gradient) }
        return zip(leaves, needs).map { $1 ? $0.grad : nil }
    }
}

/// Records a history within `body` even where none is recorded outside, as `torch.enable_grad`.
public func recordingGradients<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
{
    let depth = mr_without_gradient_depth()
    mr_add_without_gradient_depth(-depth)
    defer { mr_add_without_gradient_depth(depth) }
    return try body()
}

/// ``withoutGradient(_:)`` under PyTorch's other name for it: for code that only computes results.
public func inferenceMode<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
{
    try withoutGradient(body)
}
