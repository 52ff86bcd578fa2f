import Foundations

/// A function with a gradient of its own, as `torch.autograd.Function`.
///
/// ```swift
/// struct Cube: CustomFunction {
///     func forward(_ inputs: [Tensor], _ context: FunctionContext) -> Tensor {
///         context.save(inputs[0])
///         return inputs[0] * inputs[0] * inputs[0]
///     }
///     func backward(_ gradient: Tensor, _ context: FunctionContext) -> [Tensor?] {
///         let x = context.saved[0]
///         return [gradient * 3 * x * x]
///     }
/// }
/// let y = Cube()(x)
/// ```
public protocol CustomFunction {
    /// Computes the result. No history is recorded meanwhile.
    func forward(_ inputs: [Tensor], _ context: FunctionContext) -> Tensor

    /// The gradients of the inputs from that of the result; `nil` where there is none.
    ///
    /// As many as there are inputs, each of its input's shape. May be called again where the history is kept.
    func backward(_ gradient: Tensor, _ context: FunctionContext) -> [Tensor?]
}

/// What a ``CustomFunction`` keeps from forward to backward.
public final class FunctionContext {
    /// Which inputs want a gradient; the others' need not be computed.
    public let needsGradient: [Bool]

    private var kept: [SavedTensor] = []
    private let name: StaticString = "a custom function"

    init(needsGradient: [Bool]) { self.needsGradient = needsGradient }

    /// Keeps tensors for ``CustomFunction/backward(_:_:)``, in place of those kept before.
    public func save(_ tensors: Tensor...) { kept = tensors.map { SavedTensor($0, for: name) } }

    /// The tensors as they were.
    ///
    /// - Precondition: None was changed in place since.
    public var saved: [Tensor] { kept.map(\.value) }
}

extension CustomFunction {
    /// Computes the result, and records how its gradient flows back.
    public func callAsFunction(_ inputs: Tensor...) -> Tensor { apply(inputs) }

    /// Computes the result, and records how its gradient flows back.
    ///
    /// - Precondition: `backward` returns one gradient for each input, of its shape.
    public func apply(_ inputs: [Tensor]) -> Tensor {
        let isRecorded = inputs.contains(where: \.isRecorded)
        let context = FunctionContext(needsGradient: inputs.map { $0.requiresGrad })
        let plain = inputs.map { $0.detach() }
        let made = withoutGradient { forward(plain, context) }
        // A result that is an input would get a history that leads to itself.
        let result = made.alias()
        guard isRecorded else { return result }
        require(
            result.dtype.isFloatingPoint, "\(Self.self) returned \(result.dtype), which has no gradient")
        let shapes = inputs.map(\.shape)
        let types = inputs.map(\.dtype)
        return result.recorded("a custom function", inputs) { gradient in
            let slopes = backward(gradient, context)
            require(
                slopes.count == shapes.count,
                "\(Self.self).backward returned \(slopes.count) gradients for \(shapes.count) inputs")
            return slopes.enumerated().map { index, slope in
                guard let slope, context.needsGradient[index] else { return nil }
                requireGradient(slope, like: shapes[index], "\(Self.self).backward")
                return slope.to(types[index])
            }
        }
    }
}
