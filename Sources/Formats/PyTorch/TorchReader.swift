import Checkpoints
import Foundations
import OrderedCollections
import Tensors

/// Turns what a ``PickleMachine`` has built into a checkpoint.
struct TorchReader {
    /// The bytes of a storage, with its place in the file where it has one.
    struct FoundStorage {
        let storage: Storage
        let range: Range<Int>?
    }

    /// Where a pickle lies in a file, uncompressed.
    struct PicklePlace {
        let file: MappedFile
        let offset: Int
    }

    /// A tensor that repeats its storage may have this many times the bytes of it…
    static let maximumExpansion = 64

    /// … or this many bytes, if that is more.
    static let maximumExpandedByteCount = 64 << 30

    var machine: PickleMachine
    private let find: (String) throws -> FoundStorage?
    private let place: PicklePlace?
    private let isBigEndian: Bool
    /// Arrays whose bytes lie in the pickle itself.
    private var arrays: [CheckpointFile.StoredRange] = []

    private var storages: OrderedDictionary<String, FoundStorage> = [:]
    private var tensors: [Int32: Tensor] = [:]
    private(set) var path: [CheckpointKey] = []
    private(set) var shared = SharedValues()
    /// The labels of objects, and of containers within themselves, that were there already.
    var objectLabels: [Int32: Int] = [:]
    var containerLabels: [Int32: Int] = [:]
    private var labelCount = 0

    /// - Parameters:
    ///   - place: Where the pickle lies in a file; `nil` where it was compressed.
    ///   - isBigEndian: Whether the elements of storages have the other byte order.
    ///   - find: Gives the storage with a key, `nil` where there is none. Called once for each key.
    init(
        _ machine: PickleMachine, place: PicklePlace? = nil, isBigEndian: Bool = false,
        find: @escaping (String) throws -> FoundStorage?
    ) {
        self.machine = machine
        self.find = find
        self.place = place
        self.isBigEndian = isBigEndian
        storages.reserveCapacity(machine.heap.storages.count)
        tensors.reserveCapacity(machine.heap.tensors.count)
    }

    /// Where storages that were used lie in the file, those that are not empty.
    var storedRanges: [CheckpointFile.StoredRange] {
        let ranges = storages.values.compactMap { found -> CheckpointFile.StoredRange? in
            guard let range = found.range, !range.isEmpty else { return nil }
            return CheckpointFile.StoredRange(range: range, storage: found.storage)
        }
        return ranges + arrays
    }

    /// The bytes of the pickle in `range`, as they lie in the file; `nil` where they lie in none.
    mutating func storage(inPickle range: Range<Int>) -> Storage? {
        guard let place else { return nil }
        let range = range.lowerBound + place.offset..<range.upperBound + place.offset
        let storage = place.file.storage(of: range)
        if !range.isEmpty { arrays.append(CheckpointFile.StoredRange(range: range, storage: storage)) }
        return storage
    }

    /// The checkpoint that `value` stands for. A container that is referred to twice is there twice; a tensor stays one,
    /// and of an object all but the first are references.
    mutating func checkpoint(_ value: PickleValue) throws -> Checkpoint {
        shared = SharedValues(machine, root: value)
        return try convert(value)
    }

    mutating func convert(_ value: PickleValue) throws -> Checkpoint {
        switch value {
        case .none: return .none
        case .boolean(let flag): return .boolean(flag)
        case .integer(let integer): return .integer(integer)
        case .number(let number): return .number(number)
        case .bigInteger(let index): return .bigInteger(machine.heap.bigIntegers[Int(index)])
        case .text, .decodedText, .byteText: return try text(value)
        case .bytes, .latin1, .decodedBytes:
            guard let bytes = try bytes(value) else { return .none }
            return .bytes(bytes)
        case .tensor(let index, let role): return .tensor(try tensor(index), role: role)
        case .container(let index): return try container(Int(index))
        case .global(let index): return .name(machine.heap.globals[Int(index)].name)
        case .storage(let index): return try bareStorage(machine.heap.storages[Int(index)])
        case .object(let index): return try object(Int(index))
        }
    }

    /// A text; of what is no text in UTF-8, the bytes.
    mutating func text(_ value: PickleValue) throws -> Checkpoint {
        switch value {
        case .decodedText(let index): return .string(machine.heap.decodedTexts[Int(index)])
        case .text(let text), .byteText(let text):
            try machine.spend(Int(text.byteCount))
            if let characters = String(validating: machine.bytes(text), as: UTF8.self) {
                return .string(characters)
            }
            let bytes = Checkpoint.bytes([UInt8](machine.bytes(text)))
            if case .byteText = value { return bytes }
            // Python's texts may have halves of pairs, which UTF-8 has not.
            let arguments = Checkpoint.tuple([bytes, .string("utf-8"), .string("surrogatepass")])
            return .object(
                CheckpointObject(
                    ObjectForm(name: .builtin("str"), construction: .call), parts: [(.arguments, arguments)]))
        default: preconditionFailure("not a text: \(value)")
        }
    }

    /// The bytes that `value` is; `nil` for anything else.
    mutating func bytes(_ value: PickleValue) throws -> [UInt8]? {
        switch value {
        case .bytes(let text), .byteText(let text):
            try machine.spend(Int(text.byteCount))
            return [UInt8](machine.bytes(text))
        case .latin1(let text):
            try machine.spend(2 * Int(text.byteCount))
            guard let bytes = machine.latin1Bytes(text) else {
                throw error(.value(path: pathText, what: "a text that is not Latin-1 in place of bytes"))
            }
            return bytes
        case .decodedBytes(let index):
            let bytes = machine.heap.decodedBytes[Int(index)]
            try machine.spend(bytes.count)
            return bytes
        default: return nil
        }
    }

    /// Calls `body` for the value at `key`.
    mutating func below(
        _ key: CheckpointKey, _ body: (inout TorchReader) throws -> Checkpoint
    ) throws -> Checkpoint {
        try below(key) { reader in [try body(&reader)] }[0]
    }

    mutating func below(
        _ key: CheckpointKey, _ body: (inout TorchReader) throws -> [Checkpoint]
    ) throws -> [Checkpoint] {
        guard path.count < Checkpoint.maximumDepth else { throw error(.tooDeep(path: pathText)) }
        path.append(key)
        defer { path.removeLast() }
        return try body(&self)
    }

    /// The label of the next object that is referred to.
    mutating func nextLabel() -> Int {
        defer { labelCount += 1 }
        return labelCount
    }

    // MARK: Tensors

    private mutating func tensor(_ index: Int32) throws -> Tensor {
        if let tensor = tensors[index] { return tensor }
        let description = machine.heap.tensors[Int(index)]
        let found = try storage(
            machine.heap.storages[Int(description.storage)],
            swappedByteWidth: description.dtype.dtype.swappedByteWidth)
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

    /// The storage that `description` names.
    ///
    /// - Parameter swappedByteWidth: Bytes that change places between the byte orders, of the tensor that asks.
    mutating func storage(_ description: PickleHeap.Storage, swappedByteWidth: Int) throws -> FoundStorage {
        if let inline = description.inline { return try storage(inline) }
        let key = try machine.characters(description.key)
        let found: FoundStorage
        if let known = storages[key] {
            found = known
        } else {
            guard let fresh = try find(key) else { throw error(.noStorage(path: pathText, key: key)) }
            found = isBigEndian ? swapped(fresh, width: swappedByteWidth) : fresh
            storages[key] = found
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

    /// A storage whose bytes are in the pickle.
    private mutating func storage(_ inline: PickleHeap.InlineBytes) throws -> FoundStorage {
        switch inline {
        case .range(let text):
            let key = "pickle \(text.offset) \(text.byteCount)"
            if let known = storages[key] { return known }
            let found: FoundStorage
            if let storage = storage(inPickle: text.range) {
                found = FoundStorage(storage: storage, range: nil)
            } else {
                try machine.spend(Int(text.byteCount))
                found = FoundStorage(storage: Storage(copying: machine.bytes(text)), range: nil)
            }
            storages[key] = found
            return found
        case .decoded(let index, let range):
            let key = "decoded \(index)"
            if let known = storages[key] { return known }
            try machine.spend(range.count)
            let storage = machine.withBytes(of: inline) { Storage(copying: $0) }
            let found = FoundStorage(storage: storage, range: nil)
            storages[key] = found
            return found
        }
    }

    private func swapped(_ found: FoundStorage, width: Int) -> FoundStorage {
        let copy = found.storage.withUnsafeBytes { Storage(copying: $0) }
        copy.withUnsafeMutableBytes { ByteOrder.swap($0, width: width) }
        return FoundStorage(storage: copy, range: nil)
    }

    // MARK: Errors

    func error(_ problem: PickleError.Problem) -> PickleError { machine.error(problem) }

    /// Where the value that is being made is.
    var pathText: String { path.pointer }
}
