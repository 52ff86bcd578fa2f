import Foundations

/// Functions that are called with a gradient before it goes on.
final class GradientHooks {
    private var hooks: [(id: Int, body: (Tensor) -> Tensor?)] = []
    private var next = 0

    var isEmpty: Bool { hooks.isEmpty }

    func add(_ body: @escaping (Tensor) -> Tensor?) -> HookHandle {
        let id = next
        next += 1
        hooks.append((id, body))
        return HookHandle { [weak self] in self?.hooks.removeAll { $0.id == id } }
    }

    /// The gradient after all hooks.
    func apply(_ gradient: Tensor) -> Tensor {
        hooks.reduce(gradient) { gradient, hook in
            guard let changed = hook.body(gradient) else { return gradient }
            requireGradient(changed, like: gradient.shape, "a hook")
            return changed
        }
    }
}

/// What takes a hook off again.
public struct HookHandle {
    private let takeOff: () -> Void

    package init(_ takeOff: @escaping () -> Void) { self.takeOff = takeOff }

    /// Takes the hook off. Once it is off, nothing happens.
    public func remove() { takeOff() }
}

extension Tensor {
    /// Calls `hook` with the gradient of this tensor in each backward pass, once it is complete; what it returns takes the
    /// gradient's place.
    ///
    /// - Precondition: The tensor requires a gradient. The new gradient has its shape.
    @discardableResult
    public func registerHook(_ hook: @escaping (_ gradient: Tensor) -> Tensor?) -> HookHandle {
        require(requiresGrad, "a hook on a tensor of shape \(shape) that requires no gradient")
        if let node {
            let hooks = node.hooks ?? GradientHooks()
            node.hooks = hooks
            return hooks.add(hook)
        }
        let hooks = leafHooks ?? GradientHooks()
        leafHooks = hooks
        return hooks.add(hook)
    }
}

/// Stops the program where a function of the user's made a gradient of another shape.
func requireGradient(_ gradient: Tensor, like shape: [Int], _ maker: @autoclosure () -> String) {
    require(
        gradient.shape == shape,
        "\(maker()) returned a gradient of shape \(gradient.shape) for a tensor of shape \(shape)")
}
