import Checkpoints
import OrderedCollections
import Tensors

/// Turns what a ``PickleMachine`` has built into a checkpoint.
struct TorchReader {
    /// The bytes of a storage, with its place in the file where it has one.
    struct FoundStorage {
        let storage: Storage
        let range: Range<Int>?
    }

    /// A tensor that repeats its storage may have this many times the bytes of it…
    static let maximumExpansion = 64

    /// … or this many bytes, if that is more.
    static let maximumExpandedByteCount = 64 << 20

    private var machine: PickleMachine
    private let find: (String) throws -> FoundStorage?

    private var storages: OrderedDictionary<String, FoundStorage> = [:]
    private var tensors: [Int32: Tensor] = [:]
    private var path: [CheckpointKey] = []

    /// - Parameter find: Gives the storage with a key, `nil` where there is none. Called once for each key.
    init(_ machine: PickleMachine, find: @escaping (String) throws -> FoundStorage?) {
        self.machine = machine
        self.find = find
        storages.reserveCapacity(machine.heap.storages.count)
        tensors.reserveCapacity(machine.heap.tensors.count)
    }

    /// Where storages that were used lie in the file, those that are not empty.
    var storedRanges: [CheckpointFile.StoredRange] {
        storages.values.compactMap { found in
            guard let range = found.range, !range.isEmpty else { return nil }
            return CheckpointFile.StoredRange(range: range, storage: found.storage)
        }
    }

    /// The checkpoint that `value` stands for. What is referred to twice is there twice, tensors excepted.
    mutating func checkpoint(_ value: PickleValue) throws -> Checkpoint {
        switch value {
        case .none: return .none
        case .boolean(let flag): return .boolean(flag)
        case .integer(let integer): return .integer(integer)
        case .number(let number): return .number(number)
        case .text(let text):
            try machine.spend(Int(text.byteCount))
            return .string(try machine.characters(text))
        case .tensor(let index, let role): return .tensor(try tensor(index), role: role)
        case .container(let index): return try container(Int(index))
        case .bytes: throw error(.value(path: pathText, what: "bytes"))
        case .storage: throw error(.value(path: pathText, what: "a storage without a tensor"))
        case .global: throw error(.value(path: pathText, what: "a type"))
        }
    }

    private mutating func container(_ index: Int) throws -> Checkpoint {
        guard path.count < Checkpoint.maximumDepth else { throw error(.tooDeep(path: pathText)) }
        let container = machine.heap.containers[index]
        switch container.kind {
        case .list: return .list(try elements(container.items))
        case .tuple: return .tuple(try elements(container.items))
        case .dictionary: return .dictionary(try dictionary(container.items, kind: .plain))
        case .orderedDictionary: return .dictionary(try dictionary(container.items, kind: .ordered))
        }
    }

    private mutating func elements(_ items: [PickleValue]) throws -> [Checkpoint] {
        try machine.spend(PickleHeap.containerByteCount + 2 * PickleHeap.itemByteCount * items.count)
        var elements: [Checkpoint] = []
        elements.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            path.append(.integer(Int64(index)))
            elements.append(try checkpoint(item))
            path.removeLast()
        }
        return elements
    }

    private mutating func dictionary(
        _ items: [PickleValue], kind: CheckpointDictionary.Kind
    ) throws -> CheckpointDictionary {
        // Two tables and a hash index: more than a list.
        try machine.spend(4 * PickleHeap.containerByteCount + 4 * PickleHeap.itemByteCount * items.count)
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        entries.reserveCapacity(items.count / 2)
        for index in stride(from: 0, to: items.count - 1, by: 2) {
            let key = try key(items[index])
            path.append(key)
            let value = try checkpoint(items[index + 1])
            path.removeLast()
            // As in Python, a key that repeats takes the later value and keeps its place.
            entries[key] = value
        }
        return CheckpointDictionary(entries, kind: kind)
    }

    private mutating func key(_ value: PickleValue) throws -> CheckpointKey {
        switch value {
        case .text(let text):
            try machine.spend(Int(text.byteCount))
            return .string(try machine.characters(text))
        case .integer(let integer): return .integer(integer)
        case .boolean(let flag): return .boolean(flag)
        default: throw error(.key(path: pathText))
        }
    }

    // MARK: Tensors

    private mutating func tensor(_ index: Int32) throws -> Tensor {
        if let tensor = tensors[index] { return tensor }
        let description = machine.heap.tensors[Int(index)]
        let found = try storage(machine.heap.storages[Int(description.storage)])
        let tensor: Tensor
        do {
            tensor = try makeTensor(description, of: found.storage)
        } catch let problem as TensorError {
            throw error(.tensor(path: pathText, problem))
        }
        let storageByteCount = tensor.storage.byteCount
        let (allowed, overflow) = storageByteCount.multipliedReportingOverflow(by: TorchReader.maximumExpansion)
        guard overflow || tensor.byteCount <= max(TorchReader.maximumExpandedByteCount, allowed) else {
            let problem = PickleError.Problem.expanded(
                path: pathText, byteCount: tensor.byteCount, storageByteCount: storageByteCount)
            throw error(problem)
        }
        tensors[index] = tensor
        return tensor
    }

    private func makeTensor(_ description: PickleHeap.Tensor, of storage: Storage) throws -> Tensor {
        let shape = description.shape.map { Int($0) }
        let strides = description.strides.map { Int($0) }
        let dtype = description.dtype.dtype
        guard description.dtype.isPairPacked else {
            return try Tensor(
                storage: storage, dtype: dtype, shape: shape, strides: strides, offset: Int(description.offset))
        }
        // Two elements in each byte: what PyTorch counts as one is two along the last axis.
        let bytes = try Tensor(
            storage: storage, dtype: .uint8, shape: shape, strides: strides, offset: Int(description.offset))
        guard bytes.isContiguous, bytes.offset == 0, let last = shape.last else {
            throw TensorError.packedView(dtype: dtype)
        }
        let (doubled, overflow) = last.multipliedReportingOverflow(by: 2)
        guard !overflow else { throw TensorError.overflow(shape: shape) }
        return try Tensor(storage: storage, dtype: dtype, shape: shape.dropLast() + [doubled])
    }

    private mutating func storage(_ description: PickleHeap.Storage) throws -> FoundStorage {
        let key = try machine.characters(description.key)
        let found: FoundStorage
        if let known = storages[key] {
            found = known
        } else {
            guard let fresh = try find(key) else { throw error(.noStorage(path: pathText, key: key)) }
            storages[key] = fresh
            found = fresh
        }
        // Whole elements fill the storage; what is left over is less than one.
        let byteWidth = Int64(description.dtype.byteWidth ?? 1)
        guard description.elementCount == Int64(found.storage.byteCount) / byteWidth else {
            let problem = PickleError.Problem.storage(
                path: pathText, key: key, elementCount: description.elementCount, dtype: description.dtype,
                byteCount: found.storage.byteCount)
            throw error(problem)
        }
        return found
    }

    // MARK: Errors

    private func error(_ problem: PickleError.Problem) -> PickleError { machine.error(problem) }

    /// Where the value that is being made is.
    private var pathText: String { path.pointer }
}
