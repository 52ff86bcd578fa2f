import Checkpoints
import Foundations
import Tensors

extension TorchReader {
    /// The object with a number; a reference where it was there before.
    mutating func object(_ index: Int) throws -> Checkpoint {
        if let label = objectLabels[Int32(index)] { return .reference(label) }
        let object = machine.heap.objects[index]
        var label: Int?
        if shared.objects.contains(Int32(index)) {
            label = nextLabel()
            objectLabels[Int32(index)] = label
        }
        if let array = machine.numPyArray(object) { return try numPy(array, label: label) }
        if let list = machine.numPyList(object) { return try numPy(list, label: label) }
        return try self.object(object, label: label)
    }

    private mutating func object(_ object: PickleHeap.Object, label: Int?) throws -> Checkpoint {
        let name = machine.heap.globals[Int(object.global)].name
        var parts: [(part: ObjectPart, value: Checkpoint)] = []
        func append(_ part: ObjectPart, _ value: Checkpoint) { parts.append((part, value)) }
        // A step of depth without a key of its own: what is within an object is not deep by itself.
        let key = CheckpointKey.string(name.description)
        if let value = object.value { append(.value, try convert(value)) }
        if !object.arguments.isEmpty {
            let arguments: [Checkpoint] = try below(key) { try $0.elements(object.arguments) }
            append(.arguments, .tuple(arguments))
        }
        if let keywords = object.keywords { append(.keywords, try below(key) { try $0.convert(keywords) }) }
        if !object.items.isEmpty {
            var items: [Checkpoint] = try below(key) { try $0.elements(object.items) }
            if SetOrder.isSet(name) { items = SetOrder.sorted(items) }
            append(.items, .list(items))
        }
        if !object.entries.isEmpty {
            append(.entries, try below(key) { try $0.dictionary(object.entries, kind: .plain) })
        }
        if let state = object.state { append(.state, try below(key) { try $0.convert(state) }) }
        return .object(
            CheckpointObject(
                ObjectForm(name: name, construction: object.construction, label: label), parts: parts))
    }

    // MARK: Tensors in other guises

    /// A storage without a tensor, as a tensor of one axis.
    mutating func bareStorage(_ description: PickleHeap.Storage) throws -> Checkpoint {
        let storage = try self.storage(
            description, swappedByteWidth: description.dtype.swappedByteWidth
        ).storage
        let count = storage.byteCount / (description.dtype.byteWidth ?? 1)
        let tensor = try Tensor(storage: storage, dtype: description.dtype, shape: [count])
        let form = ObjectForm(name: machine.heap.globals[Int(description.type)].name, construction: .view)
        return .object(CheckpointObject(form, parts: [(.value, .tensor(tensor))]))
    }

    /// A NumPy array or number, as a tensor of its dtype.
    private mutating func numPy(_ array: PickledArray, label: Int?) throws -> Checkpoint {
        let form = ObjectForm(name: array.name, construction: .view, label: label)
        guard let byteCount = try? TensorGeometry.byteCount(dtype: array.dtype, shape: array.shape),
            byteCount == machine.elementByteCount(array.elements)
        else { throw error(.array(path: pathText, dtype: array.dtype, shape: array.shape)) }
        let storage = try elements(array)
        let strides = TensorGeometry.contiguousStrides(array.shape.reversed()).reversed()
        do {
            let tensor =
                array.isColumnMajor && array.shape.count > 1
                ? try Tensor(
                    storage: storage, dtype: array.dtype, shape: array.shape, strides: Array(strides), offset: 0
                )
                : try Tensor(storage: storage, dtype: array.dtype, shape: array.shape)
            return .object(CheckpointObject(form, parts: [(.value, .tensor(tensor))]))
        } catch {
            throw self.error(.tensor(path: pathText, error))
        }
    }

    /// A NumPy array of texts, dates or objects, as a list of them with type and shape.
    private mutating func numPy(_ list: PickledNumPyList, label: Int?) throws -> Checkpoint {
        let items: [Checkpoint]
        switch list.elements {
        case .values(let values): items = try below(.string("numpy.ndarray")) { try $0.elements(values) }
        case .bytes(let bytes):
            let count = bytes.count / (list.type.byteWidth ?? 1)
            try machine.spend(bytes.count + 2 * PickleHeap.itemByteCount * count)
            items = list.type.elements(bytes)
        }
        let shape = Checkpoint.tuple(list.shape.map { .integer(Int64($0)) })
        var parts: [(part: ObjectPart, value: Checkpoint)] = [
            (.arguments, .tuple([.string(list.type.name), shape]))
        ]
        if !items.isEmpty { parts.append((.items, .list(items))) }
        return .object(
            CheckpointObject(
                ObjectForm(name: .known("numpy:ndarray"), construction: .call, label: label), parts: parts))
    }

    /// The elements of an array, in little-endian order: the bytes of the file where they are such.
    private mutating func elements(_ array: PickledArray) throws -> Storage {
        switch array.elements {
        case .bytes(let text) where !array.isBigEndian, .byteText(let text) where !array.isBigEndian:
            if let found = storage(inPickle: text.range) { return found }
        default: break
        }
        guard let bytes = try bytes(array.elements) else {
            throw error(.array(path: pathText, dtype: array.dtype, shape: array.shape))
        }
        let storage = bytes.withUnsafeBytes { Storage(copying: $0) }
        if array.isBigEndian {
            storage.withUnsafeMutableBytes { ByteOrder.swap($0, width: array.dtype.swappedByteWidth) }
        }
        return storage
    }
}

/// The order of the items of sets, which Python does not keep.
private enum SetOrder {
    static func isSet(_ name: QualifiedName) -> Bool {
        name == .builtin("set") || name == .builtin("frozenset")
    }

    /// `items` in an order that depends on them alone, where all are plain values; as they are otherwise.
    static func sorted(_ items: [Checkpoint]) -> [Checkpoint] {
        let keyed = items.compactMap { item in key(item).map { (key: $0, item: item) } }
        guard keyed.count == items.count else { return items }
        return keyed.sorted { $0.key < $1.key }.map(\.item)
    }

    private static func key(_ item: Checkpoint) -> (kind: Int, number: Double, text: [UInt8])? {
        switch item {
        case .none: (0, 0, [])
        case .boolean(let flag): (1, flag ? 1 : 0, [])
        case .integer(let number): (2, Double(number), Array("\(number)".utf8))
        case .number(let number) where !number.isNaN: (3, number, [])
        case .bigInteger(let number): (4, 0, Array(number.description.utf8))
        case .string(let text): (5, 0, Array(text.utf8))
        case .bytes(let bytes): (6, 0, bytes)
        case .name(let name): (7, 0, Array(name.text.utf8))
        default: nil
        }
    }
}

private func < (
    left: (kind: Int, number: Double, text: [UInt8]), right: (kind: Int, number: Double, text: [UInt8])
) -> Bool {
    if left.kind != right.kind { return left.kind < right.kind }
    if left.number != right.number { return left.number < right.number }
    return left.text.lexicographicallyPrecedes(right.text)
}
