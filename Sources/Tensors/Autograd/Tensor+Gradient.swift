import Foundations

extension Tensor {
    /// Whether a gradient flows to or through this tensor. May be set on leaves only.
    ///
    /// - Precondition: Elements are floating-point numbers.
    public var requiresGrad: Bool {
        get { isTrackedLeaf || node != nil }
        set {
            require(
                !newValue || dtype.isFloatingPoint, "only floating-point tensors have gradients, not \(dtype)")
            require(node == nil, "requiresGrad is settable on leaves only; use detach()")
            isTrackedLeaf = newValue
        }
    }

    /// Whether this tensor was not made by a recorded operation.
    public var isLeaf: Bool { node == nil }

    /// Sets ``requiresGrad`` and returns the tensor.
    @discardableResult
    public func requiringGrad(_ value: Bool = true) -> Tensor {
        requiresGrad = value
        return self
    }

    /// The same elements without a history. Writes are seen by both.
    public func detach() -> Tensor { alias() }

    /// The same elements without a history, to read or change a parameter by hand: `w.data[...] += 1`.
    ///
    /// Unlike PyTorch's, a change is noticed by a gradient that needs the old values. Assigning copies the values
    /// of another tensor into this one.
    public var data: Tensor {
        get { alias() }
        set { alias().copy(from: newValue) }
    }

    /// Adds the gradient of this tensor with respect to each leaf that requires one to the leaf's ``grad``.
    ///
    /// - Parameters:
    ///   - gradient: What flows in; of the tensor's shape. May be left out for a single element, and is then 1.
    ///   - retainGraph: Whether the history is kept for another pass.
    /// - Precondition: The tensor requires a gradient, and its history was not used up by an earlier pass.
    /// - Complexity: Each recorded operation runs once, in reverse order of creation. Uses no recursion.
    public func backward(gradient: Tensor? = nil, retainGraph: Bool = false) {
        backward(gradient: gradient, retainGraph: retainGraph, collector: nil)
    }

    func backward(gradient: Tensor?, retainGraph: Bool, collector: GradientCollector?) {
        require(requiresGrad, "backward from a tensor that requires no gradient")
        if let gradient {
            require(
                gradient.shape == shape, "gradient of shape \(gradient.shape) for a tensor of shape \(shape)")
        } else {
            require(
                elementCount == 1, "backward without a gradient from shape \(shape); only a single element may")
        }
        withoutGradient {
            let seed = gradient.map { $0.to(dtype) } ?? Tensor.ones(shape, dtype: dtype)
            var pass = BackwardPass(collector: collector)
            pass.run(from: self, seed: seed, retainGraph: retainGraph)
        }
    }

    /// Adds to ``grad``; takes the gradient's storage over where nobody else has it.
    fileprivate func addGradient(_ gradient: consuming Tensor) {
        if let grad {
            grad.addInPlace(gradient)
            return
        }
        var gradient = gradient
        let isAlone = Tensor.isOwnedAlone(&gradient)
        grad = isAlone && gradient.dtype == dtype ? gradient : gradient.to(dtype).copied()
    }

    /// Adds in place where `sum` belongs to nobody else.
    fileprivate static func accumulate(_ gradient: inout Tensor, into sum: inout Tensor) {
        if Tensor.isOwnedAlone(&sum) {
            sum.addInPlace(gradient)
        } else if Tensor.isOwnedAlone(&gradient) {
            gradient.addInPlace(sum)
            sum = gradient
        } else {
            sum = sum + gradient
        }
    }

    /// Whether `tensor` is contiguous, and neither it nor its storage is anybody else's.
    static func isOwnedAlone(_ tensor: inout Tensor) -> Bool {
        isKnownUniquelyReferenced(&tensor) && tensor.ownsStorageAlone() && tensor.isContiguous
    }
}

/// One run through a history, from the result back to the leaves.
private struct BackwardPass {
    let collector: GradientCollector?
    private var queue = NodeQueue()
    /// Sums for leaves with hooks, which see complete gradients.
    private var waiting: [ObjectIdentifier: (leaf: Tensor, sum: Tensor)] = [:]

    init(collector: GradientCollector?) { self.collector = collector }

    mutating func run(from tensor: Tensor, seed: Tensor, retainGraph: Bool) {
        if let root = tensor.node {
            runNodes(from: root, seed: seed, retainGraph: retainGraph)
        } else {
            deliver(seed, to: tensor)
        }
        for (leaf, sum) in waiting.values {
            let gradient = leaf.leafHooks?.apply(sum) ?? sum
            if let collector { collector.add(gradient, to: leaf) } else { leaf.addGradient(gradient) }
        }
    }

    /// Hands a gradient to a leaf.
    private mutating func deliver(_ gradient: consuming Tensor, to leaf: Tensor) {
        if let hooks = leaf.leafHooks, !hooks.isEmpty {
            let earlier = waiting[ObjectIdentifier(leaf)]?.sum
            let arrived = gradient
            waiting[ObjectIdentifier(leaf)] = (leaf, earlier.map { $0 + arrived } ?? arrived)
        } else if let collector {
            collector.add(gradient, to: leaf)
        } else {
            leaf.addGradient(gradient)
        }
    }

    private mutating func runNodes(from root: GradientNode, seed: Tensor, retainGraph: Bool) {
        root.pending = seed
        queue.insert(root)
        while let current = queue.popLatest() {
            guard let backward = current.backward else {
                trap(
                    """
                    the history of \(current.name) was used by an earlier backward pass; pass retainGraph: true to \
                    the first
                    """)
            }
            var incoming = current.pending
            current.pending = nil
            if let hooks = current.hooks { incoming = incoming.map(hooks.apply) }
            if let collector, let gradient = incoming { collector.add(gradient, to: current) }
            let edges = current.edges
            let (part, ownedBackward) = (current.part, current.ownedBackward)
            if !retainGraph {
                current.backward = nil
                current.ownedBackward = nil
                current.edges = []
            }
            if let part {
                add(incoming.unsafelyUnwrapped, at: part, along: edges[0])
                continue
            }
            var gradients: [Tensor?]
            if let ownedBackward {
                gradients = ownedBackward(incoming.take().unsafelyUnwrapped)
            } else {
                gradients = backward(incoming.unsafelyUnwrapped)
            }
            // Let go, so that whoever receives the gradient can see that it is alone with it.
            incoming = nil
            for (index, edge) in edges.enumerated() {
                guard var gradient = gradients[index] else { continue }
                gradients[index] = nil
                switch edge {
                case .none: break
                case .leaf(let leaf): deliver(gradient, to: leaf)
                case .node(let node):
                    if var sum = node.pending {
                        node.pending = nil
                        Tensor.accumulate(&gradient, into: &sum)
                        node.pending = sum
                    } else {
                        node.pending = gradient
                        queue.insert(node)
                    }
                }
            }
        }
    }

    /// Adds the gradient of a part where that of the whole goes.
    private mutating func add(_ gradient: Tensor, at part: TensorPart, along edge: GradientNode.Edge) {
        switch edge {
        case .none: break
        case .leaf(let leaf):
            if collector == nil, leaf.leafHooks == nil, let grad = leaf.grad, grad.isContiguous {
                part.view(of: grad).addInPlace(gradient)
            } else {
                deliver(part.spread(gradient), to: leaf)
            }
        case .node(let node):
            guard var sum = node.pending else {
                node.pending = part.spread(gradient)
                queue.insert(node)
                return
            }
            node.pending = nil
            if !Tensor.isOwnedAlone(&sum) { sum = sum.copied() }
            part.view(of: sum).addInPlace(gradient)
            node.pending = sum
        }
    }
}

/// The nodes that wait for their turn, latest first: a binary heap.
///
/// All users of a node's result are later than the node, so when it is the latest its gradient is complete.
private struct NodeQueue {
    private var heap: [GradientNode] = []

    mutating func insert(_ node: GradientNode) {
        heap.append(node)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[parent].sequence < heap[child].sequence else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    mutating func popLatest() -> GradientNode? {
        guard let last = heap.popLast() else { return nil }
        guard let latest = heap.first else { return last }
        heap[0] = last
        var parent = 0
        while true {
            var largest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].sequence > heap[largest].sequence {
                largest = child
            }
            if largest == parent { return latest }
            heap.swapAt(parent, largest)
            parent = largest
        }
    }
}
