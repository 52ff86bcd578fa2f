public import Tensors

/// The base class of all networks and layers.
///
/// Subclasses store their layers and `@Parameter`s as properties and compute in a `forward` of their own. Names,
/// saving, loading and training follow from ``members``.
open class Module {
    /// Whether layers such as dropout behave as in training. Set by ``train(_:)`` and ``eval()``.
    public internal(set) final var isTraining = true

    /// What is called around `forward`, where somebody wants it.
    final var hooks: ModuleHooks?

    /// A module in training mode.
    public init() {}

    /// The named entries of this module, in state-dict order.
    ///
    /// Found by reflection: `@Parameter` and `@Buffer` properties, and stored modules, alone or in an optional, array
    /// or string-keyed dictionary. Superclass entries come first. Override to choose names, as ``Sequential`` does.
    /// Names are unique; the only period in one is before an array index (`blocks.0`) or a dictionary's key.
    open var members: [Member] { Member.reflected(in: self) }

    /// The generators that this module itself, not those within it, draws from when it computes. They are part of
    /// what a training run goes on from.
    open var randomGenerators: [RandomGenerator] { [] }

    /// What stands between the parentheses when the module is printed: its settings, as in PyTorch.
    open var settingsDescription: String { "" }

    /// The name that is printed: that of the class.
    open var typeName: String { "\(type(of: self))" }
}

extension Module {
    /// Calls `body` with this module and all within it, each once, and the dotted path to it. Parents come first.
    private func visit(_ path: String, _ visited: inout IdentitySet, _ body: (String, Module) -> Void) {
        guard visited.insert(self) else { return }
        body(path, self)
        for member in members {
            guard case .module(let child) = member.content else { continue }
            child.visit(path.isEmpty ? member.name : "\(path).\(member.name)", &visited, body)
        }
    }

    /// This module and all within it, each once, with dotted paths; the module itself is called "".
    public func namedModules() -> [(name: String, module: Module)] {
        var result: [(name: String, module: Module)] = []
        var visited = IdentitySet()
        visit("", &visited) { result.append((name: $0, module: $1)) }
        return result
    }

    /// The direct child modules, with their names.
    public var children: [(name: String, module: Module)] {
        members.compactMap { member in
            if case .module(let module) = member.content { (member.name, module) } else { nil }
        }
    }

    /// The module at a dotted path such as `"encoder.0"`; `nil` where there is none.
    public func module(at path: String) -> Module? { namedModules().first { $0.name == path }?.module }

    /// Calls `body` with each module within this one, children first, then itself, as `torch.nn.Module.apply`.
    @discardableResult
    public func apply(_ body: (Module) -> Void) -> Self {
        var visited = IdentitySet()
        applyOnce(body, &visited)
        return self
    }

    private func applyOnce(_ body: (Module) -> Void, _ visited: inout IdentitySet) {
        guard visited.insert(self) else { return }
        for child in children { child.module.applyOnce(body, &visited) }
        body(self)
    }

    /// Sets training mode, here and in all modules within.
    @discardableResult
    public func train(_ isTraining: Bool = true) -> Self {
        for (_, module) in namedModules() { module.isTraining = isTraining }
        return self
    }

    /// Leaves training mode, here and in all modules within.
    @discardableResult
    public func eval() -> Self { train(false) }

    /// The parameters of this module and all within it, with dotted names in state-dict order. A tied parameter is
    /// listed once, under its first name.
    public func namedParameters() -> [(name: String, parameter: Tensor)] {
        var seen = IdentitySet()
        return entries().compactMap { entry in
            guard case .parameter(let tensor) = entry.content else { return nil }
            return seen.insert(tensor) ? (entry.name, tensor) : nil
        }
    }

    /// The parameters of this module and all within it; a tied parameter is listed once.
    public func parameters() -> [Tensor] { namedParameters().map(\.parameter) }

    /// The buffers of this module and all within it, with dotted names; persistent or not.
    public func namedBuffers() -> [(name: String, buffer: Tensor)] {
        var seen = IdentitySet()
        return entries().compactMap { entry in
            guard case .buffer(let tensor, _) = entry.content else { return nil }
            return seen.insert(tensor) ? (entry.name, tensor) : nil
        }
    }

    /// The generators that this module and all within it draw from, each once, by the path of the first that does:
    /// `blocks.0.dropout`, and for its second generator `blocks.0.dropout.1`.
    public func namedRandomGenerators() -> [(name: String, generator: RandomGenerator)] {
        var seen = IdentitySet()
        return namedModules().flatMap { path, module in
            module.randomGenerators.enumerated().compactMap { index, generator in
                guard seen.insert(generator) else { return nil }
                return (index == 0 ? path : "\(path).\(index)", generator)
            }
        }
    }

    /// The parameter at a dotted path such as `"hidden.weight"`; `nil` where there is none.
    public func parameter(at path: String) -> Tensor? { entries().first { $0.name == path }?.content.tensor }

    /// Forgets the gradients of all parameters.
    public func zeroGrad() {
        for parameter in parameters() { parameter.grad = nil }
    }

    /// Sets whether the parameters, here and within, are trained.
    @discardableResult
    public func requiresGrad(_ value: Bool = true) -> Self {
        for parameter in parameters() { parameter.requiresGrad = value }
        return self
    }

    /// An entry of the flattened tree.
    struct Entry {
        let name: String
        let content: Member.Content
    }

    /// All tensors here and within, under all their names: a module's parameters, then its buffers, then its
    /// children's, as PyTorch orders them.
    func entries() -> [Entry] {
        var result: [Entry] = []
        var path: [Module] = []
        collectEntries("", &path, &result)
        return result
    }

    private func collectEntries(_ prefix: String, _ path: inout [Module], _ result: inout [Entry]) {
        // A module may have several names, but one within itself is a reference back to its owner.
        if path.contains(where: { $0 === self }) { return }
        let members = members
        if members.isEmpty { return }
        path.append(self)
        defer { path.removeLast() }
        assertDeclared(members)
        for member in members {
            if case .parameter = member.content {
                result.append(Entry(name: prefix + member.name, content: member.content))
            }
        }
        for member in members {
            if case .buffer = member.content {
                result.append(Entry(name: prefix + member.name, content: member.content))
            }
        }
        for member in members {
            if case .module(let child) = member.content {
                child.collectEntries("\(prefix)\(member.name).", &path, &result)
            }
        }
    }

    /// In debug builds, finds names used twice, and stored tensors that look like a forgotten `@Parameter`.
    private func assertDeclared(_ members: [Member]) {
        assert(
            Set(members.map(\.name)).count == members.count,
            "\(typeName): two members share a name: \(members.map(\.name))")
        assert(
            forgottenParameter(members) == nil,
            "\(typeName).\(forgottenParameter(members) ?? "") requires a gradient but is no @Parameter")
    }

    private func forgottenParameter(_ members: [Member]) -> String? {
        Mirror(reflecting: self).children.first { child in
            guard let tensor = child.value as? Tensor, tensor.requiresGrad, tensor.isLeaf else { return false }
            return !members.contains { $0.content.tensor === tensor }
        }?.label
    }
}

extension Member.Content {
    /// The parameter or buffer.
    var tensor: Tensor? {
        switch self {
        case .parameter(let tensor), .buffer(let tensor, _): tensor
        case .module: nil
        }
    }
}
