import Foundations
public import Tensors

/// What is called around a layer's `forward`.
final class ModuleHooks {
    typealias Before = (Module, Tensor) -> Tensor?
    typealias After = (Module, Tensor, Tensor) -> Tensor?

    var before: [(id: Int, body: Before)] = []
    var after: [(id: Int, body: After)] = []
    private var next = 0

    func newID() -> Int {
        next += 1
        return next
    }
}

extension Layer {
    private func madeHooks() -> ModuleHooks {
        let made = hooks ?? ModuleHooks()
        hooks = made
        return made
    }

    /// Calls `hook` with each input of this layer; what it returns takes the input's place.
    ///
    /// Hooks run where the layer is called, `layer(x)`, by itself or in a ``Sequential``, not by `layer.forward(x)`.
    @discardableResult
    public func registerForwardPreHook(_ hook: @escaping (_ module: Module, _ input: Tensor) -> Tensor?)
        -> HookHandle
    {
        let hooks = madeHooks()
        let id = hooks.newID()
        hooks.before.append((id, hook))
        return HookHandle { hooks.before.removeAll { $0.id == id } }
    }

    /// Calls `hook` with each input and output of this layer; what it returns takes the output's place.
    @discardableResult
    public func registerForwardHook(
        _ hook: @escaping (_ module: Module, _ input: Tensor, _ output: Tensor) -> Tensor?
    ) -> HookHandle {
        let hooks = madeHooks()
        let id = hooks.newID()
        hooks.after.append((id, hook))
        return HookHandle { hooks.after.removeAll { $0.id == id } }
    }

    /// Calls `hook` with the gradient of each output of this layer, in the backward pass; what it returns takes its place.
    @discardableResult
    public func registerBackwardHook(_ hook: @escaping (_ module: Module, _ gradient: Tensor) -> Tensor?)
        -> HookHandle
    {
        registerForwardHook { module, _, output in
            if output.requiresGrad { output.registerHook { hook(module, $0) } }
            return nil
        }
    }

    /// `forward` with the hooks around it.
    func call(_ x: Tensor) -> Tensor {
        CallStack.enter(self)
        defer { CallStack.leave() }
        guard let hooks else { return forward(x) }
        let input = hooks.before.reduce(x) { $1.body(self, $0) ?? $0 }
        return hooks.after.reduce(forward(input)) { $1.body(self, input, $0) ?? $0 }
    }
}
