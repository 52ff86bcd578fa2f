import Foundations
import Tensors

/// The head of a NumPy array (`.npy` versions 1.0 to 3.0): what its elements are and where they lie.
struct NumPyHeader {
    let dtype: DType
    let isBigEndian: Bool
    /// How NumPy describes elements that are not read: then the tensor has their bytes, those of each along a last axis, or
    /// as a number where there are two.
    let opaqueType: String?
    /// Length of each axis.
    let shape: [Int]
    /// The strides of the elements, in elements.
    let strides: [Int]
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
        data = range.upperBound..<array.count
        let elementCount: Int
        do {
            elementCount = try TensorGeometry.elementCount(fields.shape)
        } catch {
            throw NumPyError.tensor(error)
        }
        let strides: [Int] =
            fields.isFortranOrder
            ? TensorGeometry.contiguousStrides(fields.shape.reversed()).reversed()
            : TensorGeometry.contiguousStrides(fields.shape)
        switch fields.type {
        case .number(let dtype, let isBigEndian):
            self.dtype = dtype
            self.isBigEndian = isBigEndian
            opaqueType = nil
            shape = fields.shape
            self.strides = strides
            guard let needed = dtype.byteCount(elementCount: elementCount) else {
                throw NumPyError.tensor(.overflow(shape: shape))
            }
            guard needed == data.count else {
                throw NumPyError.byteCount(dtype: dtype, shape: shape, needs: needed, has: data.count)
            }
        case .opaque(let description):
            isBigEndian = false
            opaqueType = description
            let width = try NumPyHeader.elementWidth(
                description, shape: fields.shape, elementCount: elementCount, byteCount: data.count)
            switch width {
            case 2 where NumPyType.isRaw(description):
                (dtype, shape, self.strides) = (.uint16, fields.shape, strides)
            case let width? where width > 0 && fields.shape.count < TensorGeometry.maximumRank:
                (dtype, shape) = (.uint8, fields.shape + [width])
                // No stride is longer than the array, but where it is empty.
                self.strides =
                    data.isEmpty ? TensorGeometry.contiguousStrides(shape) : strides.map { $0 * width } + [1]
            default: (dtype, shape, self.strides) = (.uint8, [data.count], [1])
            }
        }
    }

    /// Bytes of an element that is not read; `nil` where each may have another number.
    private static func elementWidth(
        _ description: String, shape: [Int], elementCount: Int, byteCount: Int
    ) throws -> Int? {
        if let width = NumPyType.elementWidth(description) {
            let (needed, overflow) = elementCount.multipliedReportingOverflow(by: width)
            guard !overflow else { throw NumPyError.tensor(.overflow(shape: shape)) }
            guard needed == byteCount else {
                throw NumPyError.opaqueByteCount(type: description, shape: shape, needs: needed, has: byteCount)
            }
            return width
        }
        // Objects are a pickle, whatever its length.
        guard elementCount > 0, byteCount % elementCount == 0,
            !NumPyType.isObjects(description)
        else { return nil }
        return byteCount / elementCount
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

    mutating func header() throws -> (type: NumPyType, isFortranOrder: Bool, shape: [Int]) {
        var type: NumPyType?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !skip("}") {
            let key = try text()
            try expect(":")
            switch key {
            case "descr" where type == nil:
                type = try list().map { .opaque($0) } ?? NumPyType(text())
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
        guard position == bytes.endIndex, let type, let isFortranOrder, let shape else {
            throw NumPyError.header
        }
        return (type, isFortranOrder, shape)
    }

    /// The source of a list, as that of the fields of an element, where one comes next.
    private mutating func list() throws -> String? {
        guard skip("[") else { return nil }
        let start = position - 1
        var depth = 1
        while depth > 0 {
            guard position < bytes.endIndex else { throw NumPyError.header }
            switch bytes[position] {
            case UInt8(ascii: "["), UInt8(ascii: "("): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: ")"): depth -= 1
            case let quote where quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""):
                guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { throw NumPyError.header }
                position = end
            default: break
            }
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
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
