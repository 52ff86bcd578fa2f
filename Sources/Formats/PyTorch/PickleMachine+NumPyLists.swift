import Checkpoints
import Foundations
import Tensors

/// A NumPy array of texts, dates or objects, as a pickle describes it.
struct PickledNumPyList {
    let type: NumPyListType
    let shape: [Int]
    let elements: Elements

    enum Elements {
        /// Those of texts, bytes and dates, little-endian.
        case bytes([UInt8])
        /// Objects.
        case values([PickleValue])
    }
}

extension PickleMachine {
    /// The array of texts, dates or objects that `object` is; `nil` for anything else, and where it is not as NumPy
    /// makes it.
    func numPyList(_ object: PickleHeap.Object) -> PickledNumPyList? {
        let name = heap.globals[Int(object.global)].name
        guard object.construction == .call, name.module.hasPrefix("numpy") else { return nil }
        switch name.name {
        case "_reconstruct":
            guard case .global(let type)? = object.arguments.first,
                heap.globals[Int(type)].name == .known("numpy:ndarray"), let state = object.state,
                let parts = items(state, .tuple), parts.count == 5
            else { return nil }
            let isColumnMajor: Bool
            switch parts[3] {
            case .boolean(let flag): isColumnMajor = flag
            case .integer(let number): isColumnMajor = number != 0
            default: return nil
            }
            return numPyList(parts[2], shape: parts[1], isColumnMajor: isColumnMajor, elements: parts[4])
        case "_frombuffer" where object.arguments.count == 4:
            guard let buffer = buffer(object.arguments[0]) else { return nil }
            return numPyList(
                object.arguments[1], shape: object.arguments[2],
                isColumnMajor: shortText(object.arguments[3]) == "F", elements: buffer)
        default: return nil
        }
    }

    private func numPyList(
        _ dtype: PickleValue, shape: PickleValue, isColumnMajor: Bool, elements: PickleValue
    ) -> PickledNumPyList? {
        guard let (type, isBigEndian) = numPyListType(dtype), let shape = lengths(shape),
            // Elements are listed in the order of indices.
            !isColumnMajor || shape.count < 2, let count = try? TensorGeometry.elementCount(shape)
        else { return nil }
        guard let width = type.byteWidth else {
            guard let values = items(elements, .list), values.count == count else { return nil }
            return PickledNumPyList(type: type, shape: shape, elements: .values(values))
        }
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, elementByteCount(elements) == byteCount, var bytes = plainBytes(elements) else {
            return nil
        }
        if isBigEndian { bytes.withUnsafeMutableBytes { ByteOrder.swap($0, width: type.swappedByteWidth) } }
        if case .text = type, !NumPyListType.isText(bytes) { return nil }
        return PickledNumPyList(type: type, shape: shape, elements: .bytes(bytes))
    }

    private func plainBytes(_ value: PickleValue) -> [UInt8]? {
        switch value {
        case .bytes(let text), .byteText(let text): [UInt8](bytes(text))
        case .latin1(let text): latin1Bytes(text)
        case .decodedBytes(let index): heap.decodedBytes[Int(index)]
        default: nil
        }
    }

    /// `numpy.dtype("U2", False, True)` with the state `(3, "<", None, None, None, 8, 4, 8)`, which for dates has the unit
    /// at its end; or `numpy.dtype("<U2", False, True)` without a state.
    private func numPyListType(_ value: PickleValue) -> (NumPyListType, isBigEndian: Bool)? {
        guard case .object(let index) = value else { return nil }
        let object = heap.objects[Int(index)]
        guard heap.globals[Int(object.global)].name == .known("numpy:dtype"),
            let first = object.arguments.first,
            let code = shortText(first)
        else { return nil }
        guard let state = object.state else { return NumPyListType(name: code).map { ($0, false) } }
        guard let parts = items(state, .tuple), parts.count >= 5, isNone(parts[2]), isNone(parts[3]),
            isNone(parts[4]),
            let unit = parts.count > 8 ? dateUnit(parts[8]) : "",
            let type = NumPyListType(code: code, unit: unit)
        else { return nil }
        switch shortText(parts[1]) {
        case "<", "|", "=": return (type, false)
        case ">": return (type, true)
        default: return nil
        }
    }

    private func isNone(_ value: PickleValue) -> Bool { if case .none = value { true } else { false } }

    /// `(None, (b"D", 1, 1, 1))`, or `{}` for `None`: the unit, how many of it, and two numbers that are always 1.
    private func dateUnit(_ value: PickleValue) -> String? {
        guard let pair = items(value, .tuple), pair.count == 2,
            isNone(pair[0]) || items(pair[0], .dictionary)?.isEmpty == true,
            let parts = items(pair[1], .tuple), parts.count == 4, let name = plainBytes(parts[0]),
            case .integer(let count) = parts[1], case .integer(1) = parts[2], case .integer(1) = parts[3]
        else { return nil }
        let unit = String(decoding: name, as: UTF8.self)
        return unit == "generic" ? "" : count == 1 ? unit : "\(count)\(unit)"
    }
}

extension NumPyListType {
    /// Whether `bytes` are characters in UTF-32.
    fileprivate static func isText(_ bytes: [UInt8]) -> Bool {
        stride(from: 0, to: bytes.count, by: 4).allSatisfy { scalar(bytes, at: $0) != nil }
    }

    private static func scalar(_ bytes: [UInt8], at offset: Int) -> Unicode.Scalar? {
        var reader = UInt32(0)
        for index in (offset..<offset + 4).reversed() { reader = reader << 8 | UInt32(bytes[index]) }
        return Unicode.Scalar(reader)
    }

    /// The elements that `bytes` are.
    ///
    /// - Precondition: There are whole ones, and texts are texts.
    func elements(_ bytes: [UInt8]) -> [Checkpoint] {
        guard let width = byteWidth else { return [] }
        return stride(from: 0, to: bytes.count, by: width).map { start in
            let element = bytes[start..<start + width]
            switch self {
            case .text:
                var scalars = String.UnicodeScalarView()
                for offset in stride(from: start, to: start + width, by: 4) {
                    scalars.append(NumPyListType.scalar(bytes, at: offset) ?? "\u{FFFD}")
                }
                while scalars.last == "\0" { scalars.removeLast() }
                return .string(String(scalars))
            case .bytes: return .bytes(Array(element.reversed().drop { $0 == 0 }.reversed()))
            case .date, .duration, .object:
                return .integer(Int64(bitPattern: element.reversed().reduce(0) { $0 << 8 | UInt64($1) }))
            }
        }
    }

    /// The bytes of an element; `nil` where it is none of this type.
    func bytes(_ element: PlainValue) -> [UInt8]? {
        var bytes: [UInt8]
        switch (self, element) {
        case (.text, .string(let text)):
            bytes = text.unicodeScalars.flatMap { scalar in
                (0..<4).map { UInt8(scalar.value >> (8 * $0) & 0xFF) }
            }
        case (.bytes, .bytes(let value)): bytes = value
        case (.date, .integer(let number)), (.duration, .integer(let number)):
            bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        default: return nil
        }
        guard let width = byteWidth, bytes.count <= width else { return nil }
        bytes += [UInt8](repeating: 0, count: width - bytes.count)
        return bytes
    }
}
