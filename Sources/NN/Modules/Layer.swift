import Foundations
public import Tensors

/// A module from one tensor to one tensor.
public protocol Layer: Module {
    /// Computes the layer's result.
    func forward(_ x: Tensor) -> Tensor
}

extension Layer {
    /// Computes the layer's result: `layer(x)`.
    public func callAsFunction(_ x: Tensor) -> Tensor { call(x) }
}

/// A layer whose static type was erased by a container. Its tensors and modules are looked up by name at run time.
@dynamicMemberLookup
public struct AnyLayer {
    /// The layer.
    public let base: any Layer

    /// Erases the type of `base`.
    public init(_ base: any Layer) { self.base = base }

    /// The layer's own parameter or buffer called `name`.
    ///
    /// - Precondition: There is one; otherwise the message lists those that exist.
    public subscript(dynamicMember name: String) -> Tensor {
        let tensors = base.members.filter { $0.content.tensor != nil }
        guard let tensor = tensors.first(where: { $0.name == name })?.content.tensor else {
            trap("\(base.typeName) has no parameter or buffer \"\(name)\"; it has \(tensors.map(\.name))")
        }
        return tensor
    }

    /// The child layer at `index`.
    ///
    /// - Precondition: There is one, and it is a layer.
    public subscript(index: Int) -> AnyLayer {
        let children = base.children
        require(
            children.indices.contains(index),
            "child \(index) of \(base.typeName) with \(children.count) children")
        return AnyLayer(children[index].module, name: children[index].name)
    }

    /// The child layer called `name`.
    ///
    /// - Precondition: There is one, and it is a layer.
    public subscript(name: String) -> AnyLayer {
        let children = base.children
        guard let child = children.first(where: { $0.name == name }) else {
            trap("\(base.typeName) has no child \"\(name)\"; it has \(children.map(\.name))")
        }
        return AnyLayer(child.module, name: name)
    }

    private init(_ module: Module, name: String) {
        guard let layer = module as? any Layer else { trap("\(name) is a \(module.typeName), not a layer") }
        base = layer
    }

    /// Computes the layer's result.
    public func callAsFunction(_ x: Tensor) -> Tensor { base.call(x) }

    /// The layer's state dict.
    public func stateDict() -> StateDict { base.stateDict() }

    /// The layer's parameters, with dotted names.
    public func namedParameters() -> [(name: String, parameter: Tensor)] { base.namedParameters() }

    /// Calls `body` with each module within the layer, then the layer.
    @discardableResult
    public func apply(_ body: (Module) -> Void) -> AnyLayer {
        base.apply(body)
        return self
    }
}

extension AnyLayer: CustomStringConvertible {
    /// The layer as PyTorch prints it.
    public var description: String { base.description }
}
