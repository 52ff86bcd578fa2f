/// The objects of a pickle that are referred to more than once, and the containers that are within themselves.
struct SharedValues {
    private(set) var objects: Set<Int32> = []
    private(set) var cyclicContainers: Set<Int32> = []

    /// Nothing is shared.
    init() {}

    /// Looks at all that can be reached from `root`.
    ///
    /// - Complexity: O(n) for n values; depth costs memory alone.
    init(_ machine: PickleMachine, root: PickleValue) {
        let heap = machine.heap
        var seen = Set<Int32>()
        // A container that is there twice is looked at twice, since it is copied: then all objects in it are shared.
        var visits: [Int32: Int] = [:]
        var active: Set<Int32> = []
        var frames: [Frame] = [Frame(container: nil, children: [root])]
        while let last = frames.indices.last {
            guard let value = frames[last].next() else {
                if let container = frames[last].container { active.remove(container) }
                frames.removeLast()
                continue
            }
            switch value {
            case .object(let index):
                guard seen.insert(index).inserted else {
                    objects.insert(index)
                    continue
                }
                frames.append(Frame(container: nil, children: machine.children(of: heap.objects[Int(index)])))
            case .container(let index):
                if active.contains(index) {
                    closeCycle(at: index, frames, heap)
                    continue
                }
                guard visits[index, default: 0] < 2 else { continue }
                visits[index, default: 0] += 1
                active.insert(index)
                let container = heap.containers[Int(index)]
                let children = container.attributes.map { container.items + [$0] } ?? container.items
                frames.append(Frame(container: index, children: children))
            default: break
            }
        }
    }

    /// Marks a container of the cycle that ends at `index`: not a tuple, which cannot be there before its items.
    private mutating func closeCycle(at index: Int32, _ frames: [Frame], _ heap: PickleHeap) {
        for frame in frames.reversed() {
            guard let container = frame.container else { continue }
            if [.list, .dictionary, .orderedDictionary].contains(heap.containers[Int(container)].kind) {
                // The outermost one that closes the cycle is best: `index` itself, if it can be.
                let isMutable = heap.containers[Int(index)].kind != .tuple
                cyclicContainers.insert(isMutable ? index : container)
                return
            }
            if container == index { return }
        }
    }

    private struct Frame {
        let container: Int32?
        let children: [PickleValue]
        private var position = 0

        init(container: Int32?, children: [PickleValue]) {
            self.container = container
            self.children = children
        }

        mutating func next() -> PickleValue? {
            guard position < children.count else { return nil }
            defer { position += 1 }
            return children[position]
        }
    }
}

extension PickleMachine {
    /// The values that an object is made of. A NumPy array of numbers has none: it becomes a
    /// tensor. One of objects is a list.
    fileprivate func children(of object: PickleHeap.Object) -> [PickleValue] {
        if numPyArray(object) != nil { return [] }
        if let list = numPyList(object) {
            if case .values(let values) = list.elements { return values }
            return []
        }
        return [object.value, object.keywords, object.state].compactMap { $0 } + object.arguments + object.items
            + object.entries
    }
}
