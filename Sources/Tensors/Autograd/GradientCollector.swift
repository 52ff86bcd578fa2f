import Foundations

/// Where the gradients of one backward pass go: to the leaves, or to whoever asked for them.
final class GradientCollector {
    private let places: [ObjectIdentifier: [Int]]
    private(set) var gradients: [Tensor?]
    private let inputs: [Tensor]

    init(_ inputs: [Tensor]) {
        self.inputs = inputs
        gradients = [Tensor?](repeating: nil, count: inputs.count)
        var places: [ObjectIdentifier: [Int]] = [:]
        for (index, input) in inputs.enumerated() {
            let object: AnyObject = input.node ?? input
            places[ObjectIdentifier(object), default: []].append(index)
        }
        self.places = places
    }

    /// Notes what has arrived at a leaf or a node.
    func add(_ gradient: Tensor, to object: AnyObject) {
        for index in places[ObjectIdentifier(object)] ?? [] {
            gradients[index] = gradients[index].map { $0 + gradient } ?? gradient.copied()
        }
    }
}

/// The gradients of `output` with respect to tensors, without a change of any ``Tensor/grad``, as `torch.autograd.grad`.
///
/// - Parameters:
///   - inputs: Leaves or results that `output` was computed from.
///   - gradient: What flows in; of the output's shape. May be left out for a single element, and is then 1.
///   - retainGraph: Whether the history is kept for another pass.
/// - Returns: One for each input; `nil` where `output` does not depend on it.
/// - Precondition: The output and the inputs require a gradient.
public func grad(
    of output: Tensor, withRespectTo inputs: [Tensor], gradient: Tensor? = nil, retainGraph: Bool = false
) -> [Tensor?] {
    for input in inputs {
        require(
            input.requiresGrad, "gradient with respect to a tensor of shape \(input.shape) that requires none")
    }
    let collector = GradientCollector(inputs)
    output.backward(gradient: gradient, retainGraph: retainGraph, collector: collector)
    return collector.gradients
}

/// The gradient of `output` with respect to one tensor; 0 where it does not depend on it.
public func grad(
    of output: Tensor, withRespectTo input: Tensor, gradient: Tensor? = nil, retainGraph: Bool = false
) -> Tensor {
    grad(of: output, withRespectTo: [input], gradient: gradient, retainGraph: retainGraph)[0]
        ?? input.zerosLike()
}
