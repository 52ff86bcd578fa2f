import Checkpoints
import Foundations
import Tensors

/// Interprets a pickle, without ever running anything.
///
/// It knows what tensors and containers are made by (``TorchGlobal``). Any other class or function is a name, and what
/// a pickle makes with it is an object: a name with arguments and state. Memory is bounded by ``PickleHeap``, and
/// nothing is recursive.
struct PickleMachine {
    /// What the pickle has built.
    var heap = PickleHeap()

    /// What errors call the pickle.
    let source: String

    /// Longest pickle that is read, since memory grows with it. A state dict takes about 200 bytes per tensor; NumPy
    /// arrays lie in the pickle itself.
    static let maximumByteCount = 2 << 30

    /// Most values on the stack at once. Python's pickler puts a thousand there, and long tuples.
    static let maximumStackCount = 1 << 20

    let allowsNesting: Bool
    private(set) var reader: ByteReader
    private var stack: [PickleValue] = []
    /// Heights of the stack at which marks are set.
    private var marks: [Int] = []
    private var memo = PickleMemo()
    /// Where the operation that is being run starts.
    private var offset = 0

    /// Prepares to interpret `bytes`, which must outlive the machine.
    ///
    /// - Parameter allowsNesting: Whether storages may be files of their own within the pickle.
    init(_ bytes: UnsafeRawBufferPointer, source: String, allowsNesting: Bool = true) throws {
        self.source = source
        self.allowsNesting = allowsNesting
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

    /// The bytes of `text`.
    func bytes(_ text: PickleText) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: reader.bytes[text.range])
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

    func expected(_ what: String) -> PickleError { error(.expected(what, offset: offset)) }
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
        case UInt8(ascii: "F"): try pushNumber(line: try line())
        case UInt8(ascii: "X"): try push(.text(text(byteCount: UInt64(integer(UInt32.self)))))
        case 0x8C: try push(.text(text(byteCount: UInt64(integer(UInt8.self)))))
        case 0x8D: try push(.text(text(byteCount: integer(UInt64.self))))
        case UInt8(ascii: "V"): try pushEscapedText(line: try line(), quoted: false)
        case UInt8(ascii: "S"): try pushEscapedText(line: try line(), quoted: true)
        case UInt8(ascii: "T"): try push(.byteText(text(byteCount: UInt64(integer(UInt32.self)))))
        case UInt8(ascii: "U"): try push(.byteText(text(byteCount: UInt64(integer(UInt8.self)))))
        case UInt8(ascii: "B"): try push(.bytes(text(byteCount: UInt64(integer(UInt32.self)))))
        case UInt8(ascii: "C"): try push(.bytes(text(byteCount: UInt64(integer(UInt8.self)))))
        case 0x8E: try push(.bytes(text(byteCount: integer(UInt64.self))))
        case 0x96:
            let bytes = PickleValue.bytes(try text(byteCount: integer(UInt64.self)))
            try push(object(.builtin("bytearray"), .call, arguments: [bytes]))

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
        case 0x8F: try push(object(.builtin("set"), .call, arguments: []))
        case 0x90: try append(popToMark())
        case 0x91:
            let items = try popToMark()
            let set = try object(.builtin("frozenset"), .call, arguments: [])
            try push(set)
            try append(items)

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
        case UInt8(ascii: "p"): try memorise(index(line: try line()))
        case UInt8(ascii: "g"): try recall(index(line: try line()))

        // Names, and what is done with them.
        case UInt8(ascii: "c"): try push(.global(global(module: line(), name: line())))
        case 0x93: try pushStackGlobal()
        case UInt8(ascii: "i"):
            let function = try global(module: line(), name: line())
            try push(call(.global(function), popToMark()))
        case UInt8(ascii: "o"):
            let items = try popToMark()
            guard let function = items.first else { throw expected("class") }
            try push(call(function, Array(items.dropFirst())))
        case UInt8(ascii: "R"):
            let arguments = try tuple(pop(), "tuple of arguments")
            try push(call(pop(), arguments))
        case 0x81:
            let arguments = try tuple(pop(), "tuple of arguments")
            try push(new(pop(), arguments, keywords: nil))
        case 0x92:
            let keywords = try pop()
            let arguments = try tuple(pop(), "tuple of arguments")
            try push(new(pop(), arguments, keywords: keywords))
        case UInt8(ascii: "b"): try build()
        case UInt8(ascii: "Q"): try push(persistent(pop()))
        case UInt8(ascii: "P"):
            let range = try line()
            try push(
                object(PickleMachine.persistentName, .persistent, arguments: [.byteText(PickleText(range))]))

        // The frame around it all.
        case 0x80:
            let version = try integer(UInt8.self)
            guard version <= 5 else { throw error(.protocolVersion(version)) }
        case 0x95: _ = try integer(UInt64.self)
        // Extension codes (0x82-0x84) name code by numbers that only the program knows which wrote them, and buffers
        // outside of the pickle (0x97, 0x98) are in no file.
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
        PickleText(try take(byteCount))
    }

    /// A floating-point number as text: protocol 0.
    private mutating func pushNumber(line: Range<Int>) throws {
        guard line.count <= 64, let text = reader.text(line), let number = Double(text) else {
            throw error(.integer(offset: offset))
        }
        try push(.number(number))
    }

    /// A text of protocol 0, in which escapes stand for some characters.
    private mutating func pushEscapedText(line: Range<Int>, quoted: Bool) throws {
        try spend(PickleHeap.containerByteCount + line.count)
        let bytes = reader.bytes[line]
        guard let text = quoted ? PickleEscapes.quoted(bytes) : PickleEscapes.unicode(bytes) else {
            throw error(.invalidText(offset: offset))
        }
        heap.decodedTexts.append(text)
        try push(.decodedText(Int32(heap.decodedTexts.count - 1)))
    }

    /// The number of a memo as text: protocol 0.
    private func index(line: Range<Int>) throws -> UInt32 {
        guard let text = reader.text(line), let index = UInt32(text) else {
            throw error(.integer(offset: offset))
        }
        return index
    }

    /// A whole number as decimal digits; `I01` and `I00` are booleans.
    private mutating func pushInteger(line: Range<Int>) throws {
        guard line.count <= 3 * BigInteger.maximumByteCount, var digits = reader.text(line) else {
            throw error(.integer(offset: offset))
        }
        if digits == "01" || digits == "00" { return try push(.boolean(digits == "01")) }
        if digits.hasSuffix("L") { digits.removeLast() }
        if let value = Int64(digits) { return try push(.integer(value)) }
        try pushBigInteger(BigInteger(decimal: digits))
    }

    private mutating func pushBigInteger(_ number: BigInteger?) throws {
        guard let number else { throw error(.integer(offset: offset)) }
        try spend(PickleHeap.containerByteCount + number.bytes.count)
        heap.bigIntegers.append(number)
        try push(.bigInteger(Int32(heap.bigIntegers.count - 1)))
    }

    /// A whole number as little-endian bytes, the last of which has the sign.
    private mutating func pushInteger(byteCount: Int) throws {
        let range = try take(UInt64(byteCount))
        let bytes = reader.bytes[range]
        let fill: UInt8 = (bytes.last ?? 0) & 0x80 == 0 ? 0 : 0xFF
        // More than eight bytes are few where they only repeat the sign.
        guard bytes.dropFirst(8).allSatisfy({ $0 == fill }) else {
            return try pushBigInteger(BigInteger(bytes: bytes))
        }
        var value = UInt64(fill == 0 ? 0 : UInt64.max)
        for byte in bytes.prefix(8).reversed() { value = value << 8 | UInt64(byte) }
        guard (Int64(bitPattern: value) < 0) == (fill == 0xFF) else {
            return try pushBigInteger(BigInteger(bytes: bytes))
        }
        try push(.integer(Int64(bitPattern: value)))
    }

    // MARK: The stack

    mutating func push(_ value: PickleValue) throws {
        guard stack.count < PickleMachine.maximumStackCount else { throw error(.tooMuch) }
        stack.append(value)
    }

    /// The value on top, which must lie above the last mark.
    func top() throws -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw expected("value") }
        return value
    }

    mutating func pop() throws -> PickleValue {
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
}
