import Checkpoints
import Foundations
import Tensors

/// Interprets a pickle, without ever running anything.
///
/// It knows the operations that tensors and plain containers need, and the names in ``TorchGlobal``; it refuses all
/// others. Memory is bounded by ``PickleHeap``, and nothing is recursive.
struct PickleMachine {
    /// What the pickle has built.
    private(set) var heap = PickleHeap()

    /// What errors call the pickle.
    let source: String

    /// Longest pickle that is read. A state dict takes about 200 bytes per tensor.
    static let maximumByteCount = 64 << 20

    /// Most values on the stack at once. Python's pickler puts a thousand there, and long tuples.
    static let maximumStackCount = 1 << 20

    private var reader: ByteReader
    private var stack: [PickleValue] = []
    /// Heights of the stack at which marks are set.
    private var marks: [Int] = []
    private var memo = PickleMemo()
    /// Where the operation that is being run starts.
    private var offset = 0

    /// Prepares to interpret `bytes`, which must outlive the machine.
    init(_ bytes: UnsafeRawBufferPointer, source: String) throws {
        self.source = source
        guard bytes.count <= PickleMachine.maximumByteCount else {
            let problem = PickleError.Problem.tooLong(
                byteCount: bytes.count, maximum: PickleMachine.maximumByteCount)
            throw PickleError(source: source, problem: problem)
        }
        reader = ByteReader(bytes)
    }

    /// Interprets one pickle, up to its last operation.
    mutating func run() throws -> PickleValue {
        stack.removeAll()
        marks.removeAll()
        memo.removeAll()
        while true {
            offset = reader.position
            let operation = try integer(UInt8.self)
            if operation == UInt8(ascii: ".") {
                let result = try pop()
                guard stack.isEmpty, marks.isEmpty else { throw expected("end of all lists and dictionaries") }
                return result
            }
            try run(operation)
        }
    }

    /// How many bytes were read.
    var consumedByteCount: Int { reader.position }

    /// Demands that no bytes are left.
    func end() throws {
        guard reader.remainingCount == 0 else { throw error(.trailingBytes(count: reader.remainingCount)) }
    }

    /// The characters of `text`.
    func characters(_ text: PickleText) throws -> String {
        guard let characters = reader.text(text.range) else {
            throw error(.invalidText(offset: text.range.lowerBound))
        }
        return characters
    }

    /// Accounts for memory before it is used.
    mutating func spend(_ byteCount: Int) throws {
        guard heap.spend(byteCount, readByteCount: reader.position) else { throw error(.tooMuch) }
    }

    /// An error in this pickle.
    func error(_ problem: PickleError.Problem) -> PickleError { PickleError(source: source, problem: problem) }

    private func expected(_ what: String) -> PickleError { error(.expected(what, offset: offset)) }
}

// MARK: Operations

extension PickleMachine {
    private mutating func run(_ operation: UInt8) throws {
        switch operation {
        // Plain values.
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.boolean(true))
        case 0x89: try push(.boolean(false))
        case UInt8(ascii: "J"): try push(.integer(Int64(integer(Int32.self))))
        case UInt8(ascii: "K"): try push(.integer(Int64(integer(UInt8.self))))
        case UInt8(ascii: "M"): try push(.integer(Int64(integer(UInt16.self))))
        case UInt8(ascii: "I"), UInt8(ascii: "L"): try pushInteger(line: try line())
        case 0x8A: try pushInteger(byteCount: Int(integer(UInt8.self)))
        case 0x8B: try pushInteger(byteCount: Int(integer(UInt32.self)))
        case UInt8(ascii: "G"): try push(.number(Double(bitPattern: integer(UInt64.self).byteSwapped)))
        case UInt8(ascii: "X"), UInt8(ascii: "T"):
            try push(.text(text(byteCount: UInt64(integer(UInt32.self)))))
        case 0x8C, UInt8(ascii: "U"): try push(.text(text(byteCount: UInt64(integer(UInt8.self)))))
        case 0x8D: try push(.text(text(byteCount: integer(UInt64.self))))
        case UInt8(ascii: "B"): try pushBytes(byteCount: UInt64(integer(UInt32.self)))
        case UInt8(ascii: "C"): try pushBytes(byteCount: UInt64(integer(UInt8.self)))
        case 0x8E: try pushBytes(byteCount: integer(UInt64.self))

        // Containers.
        case UInt8(ascii: "]"): try push(container(.list, []))
        case UInt8(ascii: "}"): try push(container(.dictionary, []))
        case UInt8(ascii: ")"): try push(container(.tuple, []))
        case UInt8(ascii: "l"): try push(container(.list, popToMark()))
        case UInt8(ascii: "d"): try push(container(.dictionary, popPairsToMark()))
        case UInt8(ascii: "t"): try push(container(.tuple, popToMark()))
        case 0x85: try push(container(.tuple, pop(count: 1)))
        case 0x86: try push(container(.tuple, pop(count: 2)))
        case 0x87: try push(container(.tuple, pop(count: 3)))
        case UInt8(ascii: "a"): try append(pop(count: 1))
        case UInt8(ascii: "e"): try append(popToMark())
        case UInt8(ascii: "s"): try insert(pop(count: 2))
        case UInt8(ascii: "u"): try insert(popPairsToMark())

        // The stack and the memo.
        case UInt8(ascii: "("):
            guard marks.count < PickleMachine.maximumStackCount else { throw error(.tooMuch) }
            marks.append(stack.count)
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): try push(top())
        case UInt8(ascii: "q"): try memorise(UInt32(integer(UInt8.self)))
        case UInt8(ascii: "r"): try memorise(integer(UInt32.self))
        case 0x94: try memorise(UInt32(memo.count))
        case UInt8(ascii: "h"): try recall(UInt32(integer(UInt8.self)))
        case UInt8(ascii: "j"): try recall(integer(UInt32.self))

        // Names, and what is done with them.
        case UInt8(ascii: "c"): try push(.global(global(module: line(), name: line())))
        case 0x93: try pushStackGlobal()
        case UInt8(ascii: "i"):
            let function = try global(module: line(), name: line())
            try push(call(function, popToMark()))
        case UInt8(ascii: "o"):
            let items = try popToMark()
            guard case .global(let function)? = items.first else { throw expected("class") }
            try push(call(function, Array(items.dropFirst())))
        case UInt8(ascii: "R"), 0x81:
            // Not `items(of: pop())`: the machine that is asked would be a copy, and the stack be copied as it changes.
            let tuple = try pop()
            let arguments = try items(of: tuple, .tuple, "tuple of arguments")
            guard case .global(let function) = try pop() else { throw expected("function") }
            try push(call(function, arguments))
        case UInt8(ascii: "b"): try build()
        case UInt8(ascii: "Q"): try push(persistent(pop()))

        // The frame around it all.
        case 0x80:
            let version = try integer(UInt8.self)
            guard version <= 5 else { throw error(.protocolVersion(version)) }
        case 0x95: _ = try integer(UInt64.self)
        // Extension codes (0x82-0x84) name code by number; sets, buffers outside of the pickle and the texts of
        // protocol 0 are not needed.
        default: throw error(.operation(operation, offset: offset))
        }
    }

    // MARK: Reading

    private mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) throws
        -> Integer
    {
        guard let value = reader.integer(Integer.self) else { throw error(.cutShort) }
        return value
    }

    private mutating func line() throws -> Range<Int> {
        guard let range = reader.line() else { throw error(.cutShort) }
        return range
    }

    private mutating func take(_ byteCount: UInt64) throws -> Range<Int> {
        guard let count = Int(exactly: byteCount), let range = reader.take(count) else {
            throw error(.cutShort)
        }
        return range
    }

    private mutating func text(byteCount: UInt64) throws -> PickleText {
        let range = try take(byteCount)
        return PickleText(offset: UInt32(range.lowerBound), byteCount: UInt32(range.count))
    }

    private mutating func pushBytes(byteCount: UInt64) throws {
        _ = try take(byteCount)
        try push(.bytes)
    }

    /// A whole number as decimal digits; `I01` and `I00` are booleans.
    private mutating func pushInteger(line: Range<Int>) throws {
        guard var digits = reader.text(line), digits.utf8.count <= 24 else {
            throw error(.integer(offset: offset))
        }
        if digits == "01" || digits == "00" { return try push(.boolean(digits == "01")) }
        if digits.hasSuffix("L") { digits.removeLast() }
        guard let value = Int64(digits) else { throw error(.integer(offset: offset)) }
        try push(.integer(value))
    }

    /// A whole number as little-endian bytes, the last of which has the sign.
    private mutating func pushInteger(byteCount: Int) throws {
        let range = try take(UInt64(byteCount))
        let bytes = reader.bytes[range]
        let fill: UInt8 = (bytes.last ?? 0) & 0x80 == 0 ? 0 : 0xFF
        // More than eight bytes are fine where they only repeat the sign.
        guard bytes.dropFirst(8).allSatisfy({ $0 == fill }) else { throw error(.integer(offset: offset)) }
        var value = UInt64(fill == 0 ? 0 : UInt64.max)
        for byte in bytes.prefix(8).reversed() { value = value << 8 | UInt64(byte) }
        guard (Int64(bitPattern: value) < 0) == (fill == 0xFF) else { throw error(.integer(offset: offset)) }
        try push(.integer(Int64(bitPattern: value)))
    }

    // MARK: The stack

    private mutating func push(_ value: PickleValue) throws {
        guard stack.count < PickleMachine.maximumStackCount else { throw error(.tooMuch) }
        stack.append(value)
    }

    /// The value on top, which must lie above the last mark.
    private func top() throws -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw expected("value") }
        return value
    }

    private mutating func pop() throws -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(count: Int) throws -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw expected("value") }
        return removeLast(count)
    }

    /// Takes values off the stack.
    private mutating func removeLast(_ count: Int) -> [PickleValue] {
        let items = stack.withUnsafeBufferPointer { Array($0.suffix(count)) }
        stack.removeLast(count)
        return items
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw expected("mark") }
        return removeLast(stack.count - mark)
    }

    private mutating func popPairsToMark() throws -> [PickleValue] {
        let items = try popToMark()
        guard items.count % 2 == 0 else { throw expected("value for each key") }
        return items
    }

    private mutating func memorise(_ index: UInt32) throws {
        try spend(2 * PickleHeap.itemByteCount)
        memo.set(index, to: try top())
    }

    private mutating func recall(_ index: UInt32) throws {
        guard let value = memo[index] else { throw error(.memo(index: index, offset: offset)) }
        try push(value)
    }

    // MARK: Containers

    private mutating func container(
        _ kind: PickleHeap.ContainerKind, _ items: [PickleValue]
    ) throws -> PickleValue {
        try spend(PickleHeap.containerByteCount + PickleHeap.itemByteCount * items.count)
        heap.containers.append(PickleHeap.Container(kind: kind, items: items))
        return .container(Int32(heap.containers.count - 1))
    }

    private func items(
        of value: PickleValue, _ kind: PickleHeap.ContainerKind, _ what: String
    ) throws -> [PickleValue] {
        guard case .container(let index) = value, heap.containers[Int(index)].kind == kind else {
            throw expected(what)
        }
        return heap.containers[Int(index)].items
    }

    private mutating func append(_ items: [PickleValue]) throws {
        guard case .container(let index) = try top(), heap.containers[Int(index)].kind == .list else {
            throw expected("list")
        }
        try spend(PickleHeap.itemByteCount * items.count)
        heap.containers[Int(index)].items += items
    }

    private mutating func insert(_ items: [PickleValue]) throws {
        guard case .container(let index) = try top() else { throw expected("dictionary") }
        switch heap.containers[Int(index)].kind {
        case .dictionary, .orderedDictionary: break
        case .list, .tuple: throw expected("dictionary")
        }
        try spend(PickleHeap.itemByteCount * items.count)
        heap.containers[Int(index)].items += items
    }

    // MARK: Names

    private func global(module: Range<Int>, name: Range<Int>) throws -> TorchGlobal {
        guard let module = reader.text(module), let name = reader.text(name) else {
            throw error(.invalidText(offset: offset))
        }
        let path = "\(module).\(name)"
        if let global = TorchGlobal(path) { return global }
        if let what = TorchGlobal.unsupported(path) { throw error(.holds(what, name: path)) }
        throw error(.calls(path))
    }

    private mutating func pushStackGlobal() throws {
        guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
            throw expected("name")
        }
        try push(.global(try global(module: module.range, name: name.range)))
    }

    /// `BUILD`: gives an object attributes. Those of dictionaries (`_metadata` of a state dict) are passed over.
    private mutating func build() throws {
        _ = try pop()
        guard case .container(let index) = try top(), heap.containers[Int(index)].kind != .tuple,
            heap.containers[Int(index)].kind != .list
        else { throw expected("dictionary to give attributes to") }
    }

    private mutating func call(_ function: TorchGlobal, _ arguments: [PickleValue]) throws -> PickleValue {
        switch function {
        case .rebuildTensor where arguments.count == 4: return try tensor(arguments, dtype: nil)
        // Storage, offset, shape, strides, requires_grad, hooks; then, since 2.0, metadata.
        case .rebuildTensorV2 where 6...7 ~= arguments.count:
            try refuseMetadata(arguments.dropFirst(6).first)
            return try tensor(arguments, dtype: nil)
        case .rebuildTensorV3 where 7...8 ~= arguments.count:
            guard case .dtype(let dtype) = try globalValue(arguments[6]) else { throw expected("dtype") }
            try refuseMetadata(arguments.dropFirst(7).first)
            return try tensor(arguments, dtype: dtype)
        case .rebuildParameter where arguments.count == 3,
            .rebuildParameterWithState where arguments.count == 4:
            guard case .tensor(let index, let role) = arguments[0], role == .unspecified else {
                throw expected("tensor")
            }
            return .tensor(index, .parameter)
        case .rebuildFromType where arguments.count == 4: return try rebuildFromType(arguments)
        case .orderedDictionary where arguments.count <= 1:
            return try container(.orderedDictionary, pairs(arguments.first))
        case .counter where arguments.count <= 1, .plainType where arguments.isEmpty:
            return try container(.dictionary, pairs(arguments.first))
        case .defaultDictionary where arguments.count <= 2:
            return try container(.dictionary, pairs(arguments.dropFirst().first))
        case .size where arguments.count == 1:
            guard case .container(let index) = arguments[0] else { throw expected("list of lengths") }
            return try container(.tuple, heap.containers[Int(index)].items)
        case .encode: return .bytes
        default: throw expected("function with these arguments")
        }
    }

    private func globalValue(_ value: PickleValue) throws -> TorchGlobal {
        guard case .global(let global) = value else { throw expected("class") }
        return global
    }

    /// `_rebuild_from_type_v2(function, type, arguments, state)`: a tensor with attributes, which are not kept.
    private mutating func rebuildFromType(_ arguments: [PickleValue]) throws -> PickleValue {
        let function = try globalValue(arguments[0])
        switch function {
        case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter, .rebuildParameterWithState:
            break
        default: throw expected("function that makes a tensor")
        }
        let inner = try items(of: arguments[2], .tuple, "tuple of arguments")
        guard case .tensor(let index, let role) = try call(function, inner) else { throw expected("tensor") }
        switch try globalValue(arguments[1]) {
        case .tensorType: return .tensor(index, role)
        case .parameterType: return .tensor(index, .parameter)
        case .bufferType: return .tensor(index, .buffer)
        default: throw expected("class of tensors")
        }
    }

    /// The keys and values that a dictionary is made from: a dictionary, or a list of pairs.
    private func pairs(_ value: PickleValue?) throws -> [PickleValue] {
        guard let value else { return [] }
        guard case .container(let index) = value else { throw expected("dictionary") }
        let container = heap.containers[Int(index)]
        switch container.kind {
        case .dictionary, .orderedDictionary: return container.items
        case .list, .tuple:
            var items: [PickleValue] = []
            for pair in container.items {
                guard case .container(let index) = pair, heap.containers[Int(index)].items.count == 2,
                    [.list, .tuple].contains(heap.containers[Int(index)].kind)
                else { throw expected("pair") }
                items += heap.containers[Int(index)].items
            }
            return items
        }
    }

    // MARK: Tensors

    /// `('storage', type, key, location, count)`, and in the legacy format a sixth for a view of another storage:
    /// PyTorch writes `None` there since 0.4, and nothing else is supported.
    private mutating func persistent(_ id: PickleValue) throws -> PickleValue {
        let id = try items(of: id, .tuple, "tuple that names a storage")
        guard 5...6 ~= id.count, case .text(let word) = id[0], try characters(word) == "storage",
            case .text(let key) = id[2], case .integer(let count) = id[4]
        else { throw expected("tuple that names a storage") }
        if id.count == 6 {
            guard case .none = id[5] else { throw expected("storage that is no view of another") }
        }
        let dtype: DType
        switch try globalValue(id[1]) {
        case .storageType(let type): dtype = type
        case .untypedStorage: dtype = .uint8
        default: throw expected("type of a storage")
        }
        try spend(PickleHeap.objectByteCount)
        heap.storages.append(PickleHeap.Storage(key: key, dtype: dtype, elementCount: count))
        return .storage(Int32(heap.storages.count - 1))
    }

    private mutating func tensor(_ arguments: [PickleValue], dtype: TorchDType?) throws -> PickleValue {
        guard case .storage(let storage) = arguments[0] else { throw expected("storage") }
        guard case .integer(let offset) = arguments[1] else { throw expected("storage offset") }
        let shape = try integers(arguments[2])
        let strides = try integers(arguments[3])
        try spend(PickleHeap.objectByteCount)
        let tensor = PickleHeap.Tensor(
            storage: storage, offset: offset, shape: shape, strides: strides,
            dtype: dtype ?? TorchDType(heap.storages[Int(storage)].dtype))
        heap.tensors.append(tensor)
        return .tensor(Int32(heap.tensors.count - 1), .unspecified)
    }

    private func integers(_ value: PickleValue) throws -> [Int64] {
        let items = try items(of: value, .tuple, "tuple of whole numbers")
        guard items.count <= TensorGeometry.maximumRank else {
            throw expected("tuple of at most \(TensorGeometry.maximumRank) numbers")
        }
        return try items.map { item in
            guard case .integer(let integer) = item else { throw expected("whole number") }
            return integer
        }
    }

    /// Metadata marks a tensor as the conjugate or negative of what is stored.
    private func refuseMetadata(_ value: PickleValue?) throws {
        guard let value else { return }
        if case .none = value { return }
        let items = try items(of: value, .dictionary, "dictionary of metadata")
        for item in items {
            if case .boolean(true) = item {
                throw error(
                    .holds("a conjugated or negated view; save it after .resolve_conj()", name: "metadata"))
            }
        }
    }
}
