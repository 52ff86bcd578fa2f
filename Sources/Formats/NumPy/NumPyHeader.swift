import Foundations
import Tensors

/// The head of a NumPy array (`.npy` versions 1.0 to 3.0): what its elements are and where they lie.
struct NumPyHeader {
    let dtype: DType
    let isBigEndian: Bool
    /// Whether the first index changes fastest.
    let isFortranOrder: Bool
    let shape: [Int]
    /// Where the elements lie, up to the end of the array.
    let data: Range<Int>

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Longest header that is read; NumPy itself reads 10,000 bytes.
    static let maximumByteCount = 1 << 16

    /// Reads the header of `array`, all bytes of an array.
    init(_ array: UnsafeRawBufferPointer) throws {
        var reader = ByteReader(array)
        guard let magic = reader.take(NumPyHeader.magic.count), array[magic].elementsEqual(NumPyHeader.magic)
        else {
            throw NumPyError.noArray
        }
        guard let major = reader.integer(UInt8.self), let minor = reader.integer(UInt8.self) else {
            throw NumPyError.cutShort
        }
        guard 1...3 ~= major, minor == 0 else { throw NumPyError.version(major, minor) }
        let claimed: Int? =
            major == 1 ? reader.integer(UInt16.self).map(Int.init) : reader.integer(UInt32.self).map(Int.init)
        guard let claimed else { throw NumPyError.cutShort }
        guard claimed <= NumPyHeader.maximumByteCount else {
            throw NumPyError.headerTooLong(byteCount: claimed)
        }
        guard let range = reader.take(claimed) else { throw NumPyError.cutShort }
        var literal = PythonLiteralReader(array[range])
        let fields = try literal.header()
        dtype = fields.dtype
        isBigEndian = fields.isBigEndian
        isFortranOrder = fields.isFortranOrder
        shape = fields.shape
        data = range.upperBound..<array.count
        let needed: Int
        do {
            needed = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
        } catch {
            throw NumPyError.tensor(error)
        }
        guard needed == data.count else {
            throw NumPyError.byteCount(dtype: dtype, shape: shape, needs: needed, has: data.count)
        }
    }

    /// The strides of the elements, in elements.
    var strides: [Int] {
        isFortranOrder
            ? TensorGeometry.contiguousStrides(shape.reversed()).reversed()
            : TensorGeometry.contiguousStrides(shape)
    }
}

/// Reads the Python dictionary that a NumPy header is.
private struct PythonLiteralReader {
    private let bytes: Slice<UnsafeRawBufferPointer>
    private var position: Int

    init(_ bytes: Slice<UnsafeRawBufferPointer>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    mutating func header() throws -> (dtype: DType, isBigEndian: Bool, isFortranOrder: Bool, shape: [Int]) {
        var description: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !skip("}") {
            let key = try text()
            try expect(":")
            switch key {
            case "descr" where description == nil:
                guard !skip("[") else { throw NumPyError.structured }
                description = try text()
            case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
            case "shape" where shape == nil: shape = try integers()
            default: throw NumPyError.header
            }
            if !skip(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard position == bytes.endIndex, let description, let isFortranOrder, let shape else {
            throw NumPyError.header
        }
        let (dtype, isBigEndian) = try NumPyError.dtype(described: description)
        return (dtype, isBigEndian, isFortranOrder, shape)
    }

    private mutating func text() throws -> String {
        guard let quote = skip("'") ? UInt8(ascii: "'") : skip("\"") ? UInt8(ascii: "\"") : nil,
            let end = bytes[position...].firstIndex(of: quote),
            let text = String(validating: bytes[position..<end], as: UTF8.self)
        else { throw NumPyError.header }
        position = end + 1
        return text
    }

    private mutating func boolean() throws -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: word.utf8)
        {
            position += word.utf8.count
            return value
        }
        throw NumPyError.header
    }

    /// A tuple of whole numbers; Python 2 wrote an `L` after long ones.
    private mutating func integers() throws -> [Int] {
        try expect("(")
        var numbers: [Int] = []
        while !skip(")") {
            guard numbers.count < TensorGeometry.maximumRank else {
                throw NumPyError.tensor(.tooManyAxes(count: 65))
            }
            skipSpace()
            let digits = bytes[position...].prefix { 0x30...0x39 ~= $0 }
            guard let number = Int(String(decoding: digits, as: UTF8.self)) else { throw NumPyError.header }
            numbers.append(number)
            position = digits.endIndex
            _ = skip("L")
            if !skip(",") {
                try expect(")")
                break
            }
        }
        return numbers
    }

    private mutating func skipSpace() {
        while position < bytes.endIndex, bytes[position] == 0x20 || bytes[position] == 0x0A { position += 1 }
    }

    private mutating func skip(_ character: UnicodeScalar) -> Bool {
        skipSpace()
        guard position < bytes.endIndex, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: UnicodeScalar) throws {
        guard skip(character) else { throw NumPyError.header }
    }
}
