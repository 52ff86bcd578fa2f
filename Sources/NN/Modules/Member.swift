public import Tensors

/// A named entry of a module: a parameter, a buffer or another module.
public struct Member {
    /// What the entry is.
    public enum Content {
        /// A tensor that is trained and saved.
        case parameter(Tensor)
        /// A tensor that is not trained; saved where it is persistent.
        case buffer(Tensor, isPersistent: Bool)
        /// A module, whose entries are named after this one and a period.
        case module(Module)
    }

    /// Unique within the module.
    public let name: String

    /// The entry itself.
    public let content: Content

    /// An entry called `name`.
    public init(name: String, content: Content) {
        self.name = name
        self.content = content
    }

    /// A parameter called `name`.
    public static func parameter(_ name: String, _ tensor: Tensor) -> Member {
        Member(name: name, content: .parameter(tensor))
    }

    /// A buffer called `name`.
    public static func buffer(_ name: String, _ tensor: Tensor, isPersistent: Bool = true) -> Member {
        Member(name: name, content: .buffer(tensor, isPersistent: isPersistent))
    }

    /// A child module called `name`.
    public static func module(_ name: String, _ module: Module) -> Member {
        Member(name: name, content: .module(module))
    }
}

extension Member {
    /// The members that the stored properties of `module` are, superclass first.
    ///
    /// Nothing is cached: a property may be assigned another tensor or module at any time. `lazy` properties and
    /// tuples are not looked into; a plain tensor is a constant.
    static func reflected(in module: Module) -> [Member] {
        storedProperties(of: module).flatMap { members(named: $0.label, in: $0.value) }
    }

    /// The stored properties of `module` and its superclasses, but for those of ``Module`` itself.
    static func storedProperties(of module: Module) -> [(label: String, value: Any)] {
        var mirrors = [Mirror(reflecting: module)]
        while let parent = mirrors.last?.superclassMirror, parent.subjectType != Module.self {
            mirrors.append(parent)
        }
        return mirrors.reversed().flatMap(\.children).compactMap { child in
            child.label.map { ($0, child.value) }
        }
    }

    private static func members(named label: String, in value: Any) -> [Member] {
        switch value {
        case let slot as any TensorSlot:
            // A wrapped property `weight` is stored as `_weight`.
            slot.members(named: String(label.dropFirst()))
        case let module as Module: [.module(label, module)]
        case let list as [Module]: list.enumerated().map { .module("\(label).\($0)", $1) }
        case let table as [String: Module]:
            table.sorted { $0.key < $1.key }.map { .module("\(label).\($0.key)", $0.value) }
        default: []
        }
    }
}
