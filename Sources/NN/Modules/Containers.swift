import Foundations
public import Tensors

/// Layers that run one after the other.
public final class Sequential: Module, Layer {
    private var layers: [(name: String, layer: any Layer)] = []

    /// Layers named "0", "1", …
    public convenience init(_ layers: any Layer...) { self.init(layers) }

    /// Layers named "0", "1", …
    public init(_ layers: [any Layer]) {
        super.init()
        for layer in layers { append(layer) }
    }

    /// Layers with names of their own, in order.
    ///
    /// - Precondition: Names are unique and have no period.
    public init(named layers: KeyValuePairs<String, any Layer>) {
        super.init()
        for (name, layer) in layers { append(layer, named: name) }
    }

    /// Adds a layer at the end, named by its position unless `name` is given.
    ///
    /// - Precondition: The name is not taken and has no period.
    @discardableResult
    public func append(_ layer: any Layer, named name: String? = nil) -> Self {
        let name = name ?? "\(layers.count)"
        require(!name.contains("."), "a module's name has no period: \"\(name)\"")
        require(!layers.contains { $0.name == name }, "there is a layer \"\(name)\" already")
        layers.append((name, layer))
        return self
    }

    /// Number of layers.
    public var count: Int { layers.count }

    /// The layer at `index`; negative counts from the end.
    ///
    /// - Precondition: There is one.
    public subscript(index: Int) -> AnyLayer {
        let place = index < 0 ? index + layers.count : index
        require(layers.indices.contains(place), "layer \(index) of \(layers.count)")
        return AnyLayer(layers[place].layer)
    }

    /// The layer called `name`.
    ///
    /// - Precondition: There is one.
    public subscript(name: String) -> AnyLayer {
        guard let entry = layers.first(where: { $0.name == name }) else {
            trap("no layer \"\(name)\"; there are \(layers.map(\.name))")
        }
        return AnyLayer(entry.layer)
    }

    /// The layers, by name.
    public override var members: [Member] { layers.map { .module($0.name, $0.layer) } }

    /// Runs all layers.
    public func forward(_ x: Tensor) -> Tensor {
        var x = x
        for entry in layers { x = entry.layer.call(x) }
        return x
    }
}

/// A list of modules that are found by name ("0", "1", …), for a `forward` that uses them as it likes.
public final class ModuleList: Module, RandomAccessCollection {
    private var modules: [Module]

    /// A list of `modules`.
    public init(_ modules: [Module] = []) { self.modules = modules }

    /// Adds a module at the end.
    public func append(_ module: Module) { modules.append(module) }

    /// The first index, 0.
    public var startIndex: Int { 0 }
    /// One past the last index.
    public var endIndex: Int { modules.count }

    /// The module at `index`. Assigning replaces it.
    public subscript(index: Int) -> Module {
        get { modules[index] }
        set { modules[index] = newValue }
    }

    /// The modules, by index.
    public override var members: [Member] { modules.enumerated().map { .module("\($0)", $1) } }
}

/// Modules by name, in the order they were added.
public final class ModuleDict: Module {
    private var table: [(name: String, module: Module)]

    /// The modules in the order written.
    ///
    /// - Precondition: Names are unique and have no period.
    public init(_ modules: KeyValuePairs<String, Module> = [:]) {
        table = []
        super.init()
        for (name, module) in modules { self[name] = module }
    }

    /// The names, in order.
    public var names: [String] { table.map(\.name) }

    /// The module called `name`. Assigning replaces or adds it; assigning `nil` removes it.
    public subscript(name: String) -> Module? {
        get { table.first { $0.name == name }?.module }
        set {
            require(!name.contains("."), "a module's name has no period: \"\(name)\"")
            let place = table.firstIndex { $0.name == name }
            switch (place, newValue) {
            case (let place?, let module?): table[place].module = module
            case (let place?, nil): table.remove(at: place)
            case (nil, let module?): table.append((name, module))
            case (nil, nil): break
            }
        }
    }

    /// The modules, by name.
    public override var members: [Member] { table.map { .module($0.name, $0.module) } }
}
