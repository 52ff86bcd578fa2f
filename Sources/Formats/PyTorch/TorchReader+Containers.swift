import Checkpoints
import OrderedCollections

/// Lists, tuples and dictionaries, with the keys and attributes of the latter.
extension TorchReader {
    /// The container with a number.
    mutating func container(_ index: Int) throws -> Checkpoint {
        guard path.count < Checkpoint.maximumDepth else { throw error(.tooDeep(path: pathText)) }
        let container = machine.heap.containers[index]
        if shared.cyclicContainers.contains(Int32(index)) { return try cyclic(container, Int32(index)) }
        switch container.kind {
        case .list: return .list(try elements(container.items))
        case .tuple: return .tuple(try elements(container.items))
        case .dictionary: return try dictionary(container.items, kind: .plain)
        case .orderedDictionary:
            return try attributed(dictionary(container.items, kind: .ordered), container.attributes)
        }
    }

    /// An ordered dictionary with its attributes: as they are where they are plain values, else as the state of an object.
    private mutating func attributed(
        _ dictionary: Checkpoint, _ attributes: PickleValue?
    ) throws -> Checkpoint {
        guard let attributes, !isNothing(attributes) else { return dictionary }
        let state = try below(.string("__state__")) { try $0.convert(attributes) }
        switch dictionary {
        case .dictionary(let ordered):
            if let tree = PlainTree(state) {
                return .dictionary(CheckpointDictionary(ordered.entries, kind: .ordered(attributes: tree)))
            }
            let form = ObjectForm(name: .known("collections:OrderedDict"), construction: .call)
            let entries = Checkpoint.dictionary(CheckpointDictionary(ordered.entries))
            let parts: [(part: ObjectPart, value: Checkpoint)] =
                ordered.entries.isEmpty ? [(.state, state)] : [(.entries, entries), (.state, state)]
            return .object(CheckpointObject(form, parts: parts))
        case .object(var object):
            object.parts.append((.state, state))
            return .object(object)
        default: return dictionary
        }
    }

    /// Whether attributes are none.
    private func isNothing(_ attributes: PickleValue) -> Bool {
        if case .none = attributes { true } else { machine.items(attributes, .dictionary)?.isEmpty ?? false }
    }

    /// A container that is within itself: an object, since only those can be referred to.
    private mutating func cyclic(_ container: PickleHeap.Container, _ index: Int32) throws -> Checkpoint {
        if let label = containerLabels[index] { return .reference(label) }
        let label = nextLabel()
        containerLabels[index] = label
        switch container.kind {
        case .list, .tuple:
            let form = ObjectForm(name: .builtin("list"), construction: .call, label: label)
            return .object(CheckpointObject(form, parts: [(.items, .list(try elements(container.items)))]))
        case .dictionary, .orderedDictionary:
            let name: QualifiedName =
                container.kind == .dictionary ? .builtin("dict") : .known("collections:OrderedDict")
            let form = ObjectForm(name: name, construction: .call, label: label)
            var parts: [(part: ObjectPart, value: Checkpoint)] = []
            if !container.items.isEmpty {
                parts.append((.entries, try dictionary(container.items, kind: .plain)))
            }
            if container.kind == .orderedDictionary, let attributes = container.attributes,
                !isNothing(attributes)
            {
                parts.append((.state, try below(.string("__state__")) { try $0.convert(attributes) }))
            }
            return .object(CheckpointObject(form, parts: parts))
        }
    }

    mutating func elements(_ items: [PickleValue]) throws -> [Checkpoint] {
        try machine.spend(PickleHeap.containerByteCount + 2 * PickleHeap.itemByteCount * items.count)
        var elements: [Checkpoint] = []
        elements.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            elements.append(try below(.integer(Int64(index))) { try $0.convert(item) })
        }
        return elements
    }

    /// A dictionary; where a key is no plain value, an object that is made from pairs.
    mutating func dictionary(
        _ items: [PickleValue], kind: CheckpointDictionary.Kind
    ) throws -> Checkpoint {
        // Two tables and a hash index: more than a list.
        try machine.spend(4 * PickleHeap.containerByteCount + 4 * PickleHeap.itemByteCount * items.count)
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        entries.reserveCapacity(items.count / 2)
        var keys: [CheckpointKey] = []
        keys.reserveCapacity(items.count / 2)
        for index in stride(from: 0, to: items.count - 1, by: 2) {
            guard let key = try key(items[index], depth: 0) else { return try pairs(items, kind: kind) }
            keys.append(key)
        }
        for (index, key) in keys.enumerated() {
            // As in Python, a key that repeats takes the later value and keeps its place.
            entries[key] = try below(key) { try $0.convert(items[2 * index + 1]) }
        }
        return .dictionary(CheckpointDictionary(entries, kind: kind))
    }

    /// A dictionary whose keys are objects, as `dict(pairs)`.
    private mutating func pairs(_ items: [PickleValue], kind: CheckpointDictionary.Kind) throws -> Checkpoint {
        var pairs: [Checkpoint] = []
        for index in stride(from: 0, to: items.count - 1, by: 2) {
            let pair = try below(.integer(Int64(index / 2))) { reader in
                try reader.elements([items[index], items[index + 1]])
            }
            pairs.append(.tuple(pair))
        }
        let name: QualifiedName = kind == .plain ? .builtin("dict") : .known("collections:OrderedDict")
        return .object(
            CheckpointObject(
                ObjectForm(name: name, construction: .call), parts: [(.arguments, .tuple([.list(pairs)]))]))
    }

    /// The key that `value` is; `nil` for an object.
    private mutating func key(_ value: PickleValue, depth: Int) throws -> CheckpointKey? {
        switch value {
        case .integer(let integer): return .integer(integer)
        case .boolean(let flag): return .boolean(flag)
        case .none: return CheckpointKey.none
        case .number(let number): return .number(bits: number.bitPattern)
        case .global(let index): return .name(machine.heap.globals[Int(index)].name)
        case .text, .decodedText, .byteText:
            switch try text(value) {
            case .string(let text): return .string(text)
            case .bytes(let bytes): return .bytes(bytes)
            default: return nil
            }
        case .bytes, .latin1, .decodedBytes: return try bytes(value).map { .bytes($0) }
        case .container:
            guard depth < 8, let items = machine.items(value, .tuple) else { return nil }
            try machine.spend(PickleHeap.containerByteCount + 2 * PickleHeap.itemByteCount * items.count)
            var keys: [CheckpointKey] = []
            for item in items {
                guard let key = try key(item, depth: depth + 1) else { return nil }
                keys.append(key)
            }
            return .tuple(keys)
        case .bigInteger, .storage, .tensor, .object: return nil
        }
    }
}
