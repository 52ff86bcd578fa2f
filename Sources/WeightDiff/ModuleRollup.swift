import Checkpoints
import Tensors

/// A module, or the whole model, with what changed in it and below: paths cut at dots and slashes make a tree.
public struct ModuleRollup: Sendable {
    /// Its own name: `attention`; empty for the whole model.
    public let name: String
    /// The path up to it: `encoder.0.attention`.
    public let path: String
    /// The modules in it, in the order of the new checkpoint.
    public let children: [ModuleRollup]
    /// The changes of its own parameters, as indices into ``ModelDiff/changes``.
    public let changes: [Int]
    /// What changed, here and below.
    public let total: Total

    /// Sums over the tensors of a module.
    public struct Total: Sendable {
        /// Leaves that are not the same in both.
        public fileprivate(set) var changeCount = 0
        /// All leaves of either.
        public fileprivate(set) var leafCount = 0
        /// Numbers compared, those of unchanged tensors included.
        public fileprivate(set) var elementCount = 0
        /// Numbers that changed.
        public fileprivate(set) var changedElementCount = 0
        /// Greatest absolute difference.
        public fileprivate(set) var maximumAbsolute = 0.0
        /// NaN now, and not before.
        public fileprivate(set) var appearedNaNCount = 0
        /// Whether elements of any tensor were compared.
        public fileprivate(set) var isCompared = false
        fileprivate var squares = 0.0
        fileprivate var oldSquares = 0.0

        /// The L2 norm of the difference of all tensors that both have.
        public var l2Norm: Double { squares.squareRoot() }
        /// The same in terms of their old norm, unchanged tensors included: 0 where nothing differs.
        public var relativeL2: Double { squares == 0 ? 0 : (squares / oldSquares).squareRoot() }
        /// The share of numbers that changed.
        public var changedShare: Double {
            elementCount == 0 ? 0 : Double(changedElementCount) / Double(elementCount)
        }

        fileprivate mutating func add(_ other: Total) {
            changeCount += other.changeCount
            leafCount += other.leafCount
            elementCount += other.elementCount
            changedElementCount += other.changedElementCount
            maximumAbsolute = max(maximumAbsolute, other.maximumAbsolute)
            appearedNaNCount += other.appearedNaNCount
            isCompared = isCompared || other.isCompared
            squares += other.squares
            oldSquares += other.oldSquares
        }

        fileprivate init() {}

        fileprivate init(_ change: WeightChange) {
            changeCount = 1
            leafCount = 1
            guard let statistics = change.statistics else { return }
            isCompared = true
            elementCount = statistics.elementCount
            changedElementCount = statistics.changedCount
            maximumAbsolute = statistics.maximumAbsolute
            appearedNaNCount = statistics.appearedNaNCount
            squares = statistics.l2Norm * statistics.l2Norm
            oldSquares = statistics.oldL2Norm * statistics.oldL2Norm
        }

        fileprivate init(_ leaf: UnchangedLeaf) {
            leafCount = 1
            guard case .tensor(let tensor) = leaf.content, let squares = leaf.sumOfSquares else { return }
            elementCount = tensor.shape.reduce(1, *) * (tensor.dtype.isComplex ? 2 : 1)
            oldSquares = squares
        }
    }
}

extension ModelDiff {
    /// The changes by module.
    ///
    /// - Complexity: O(n) for n leaves.
    public var modules: ModuleRollup {
        let root = ModuleBuilder(name: "", path: "")
        for (index, change) in changes.enumerated() {
            let module = root.module(of: ModulePath(change.path))
            module.changes.append(index)
            module.own.add(ModuleRollup.Total(change))
        }
        for leaf in unchanged { root.module(of: ModulePath(leaf.path)).own.add(ModuleRollup.Total(leaf)) }
        return root.rollup()
    }
}

private final class ModuleBuilder {
    private let name: String
    private let path: String
    private var children: [ModuleBuilder] = []
    private var numbers: [String: Int] = [:]
    var changes: [Int] = []
    var own = ModuleRollup.Total()

    init(name: String, path: String) {
        self.name = name
        self.path = path
    }

    func module(of parameter: ModulePath) -> ModuleBuilder {
        var module = self
        for (name, path) in zip(parameter.names, parameter.prefixes).dropLast() {
            module = module.child(name, path: path)
        }
        return module
    }

    private func child(_ name: String, path: String) -> ModuleBuilder {
        if let number = numbers[path] { return children[number] }
        numbers[path] = children.count
        let child = ModuleBuilder(name: name, path: path)
        children.append(child)
        return child
    }

    // Nested as deep as a path has names; those are bounded by the length of a path.
    func rollup() -> ModuleRollup {
        let children = children.map { $0.rollup() }
        var total = own
        for child in children { total.add(child.total) }
        return ModuleRollup(name: name, path: path, children: children, changes: changes, total: total)
    }
}
