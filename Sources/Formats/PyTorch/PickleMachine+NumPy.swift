import Checkpoints
import Tensors

/// A NumPy array or number, as a pickle describes it.
struct PickledArray {
    /// The class that it comes back as: `numpy.ndarray`, `numpy.float64`, ….
    let name: QualifiedName
    let dtype: DType
    let isBigEndian: Bool
    let shape: [Int]
    /// Whether the first axis varies fastest.
    let isColumnMajor: Bool
    /// The elements: bytes, in one of their guises.
    let elements: PickleValue
}

extension PickleMachine {
    /// The array or number that `object` is; `nil` for anything else, such as an array of texts or objects.
    func numPyArray(_ object: PickleHeap.Object) -> PickledArray? {
        let name = heap.globals[Int(object.global)].name
        guard object.construction == .call, name.module.hasPrefix("numpy") else { return nil }
        switch name.name {
        case "_reconstruct": return reconstructed(object)
        case "scalar" where object.arguments.count == 2: return number(object)
        case "_frombuffer" where object.arguments.count == 4: return fromBuffer(object)
        default: return nil
        }
    }

    /// `_reconstruct(ndarray, (0,), b"b")`, with the state `(1, shape, dtype, is column major, elements)`.
    private func reconstructed(_ object: PickleHeap.Object) -> PickledArray? {
        guard case .global(let type)? = object.arguments.first, heap.globals[Int(type)].name.module == "numpy",
            let state = object.state,
            let parts = tuple(state), parts.count == 5, let shape = lengths(parts[1]),
            let (dtype, isBigEndian) = numPyDType(parts[2]), isBytes(parts[4])
        else { return nil }
        let isColumnMajor: Bool
        switch parts[3] {
        case .boolean(let flag): isColumnMajor = flag
        case .integer(let number): isColumnMajor = number != 0
        default: return nil
        }
        return PickledArray(
            name: heap.globals[Int(type)].name, dtype: dtype, isBigEndian: isBigEndian, shape: shape,
            isColumnMajor: isColumnMajor, elements: parts[4])
    }

    /// `scalar(dtype, bytes)`.
    private func number(_ object: PickleHeap.Object) -> PickledArray? {
        guard let (dtype, isBigEndian) = numPyDType(object.arguments[0]), isBytes(object.arguments[1]),
            let name = dtype.numPyScalarName.flatMap({ QualifiedName(module: "numpy", name: $0) })
        else { return nil }
        return PickledArray(
            name: name, dtype: dtype, isBigEndian: isBigEndian, shape: [], isColumnMajor: false,
            elements: object.arguments[1])
    }

    /// `_frombuffer(bytes, dtype, shape, order)`: protocol 5.
    private func fromBuffer(_ object: PickleHeap.Object) -> PickledArray? {
        guard let (dtype, isBigEndian) = numPyDType(object.arguments[1]),
            let shape = lengths(object.arguments[2]), let elements = buffer(object.arguments[0])
        else { return nil }
        var isColumnMajor = false
        if case .text(let order) = object.arguments[3] { isColumnMajor = shortText(.text(order)) == "F" }
        return PickledArray(
            name: .known("numpy:ndarray"), dtype: dtype, isBigEndian: isBigEndian, shape: shape,
            isColumnMajor: isColumnMajor, elements: elements)
    }

    /// Bytes, or a byte array of such.
    func buffer(_ value: PickleValue) -> PickleValue? {
        if case .object(let index) = value {
            let object = heap.objects[Int(index)]
            guard heap.globals[Int(object.global)].name == .builtin("bytearray"), object.arguments.count == 1
            else {
                return nil
            }
            return isBytes(object.arguments[0]) ? object.arguments[0] : nil
        }
        return isBytes(value) ? value : nil
    }

    /// Number of bytes that `elements` are; 0 for what is none.
    func elementByteCount(_ elements: PickleValue) -> Int {
        switch elements {
        case .bytes(let text), .byteText(let text): Int(text.byteCount)
        // One byte for each character: all bytes but those that continue one.
        case .latin1(let text): bytes(text).reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        case .decodedBytes(let index): heap.decodedBytes[Int(index)].count
        default: 0
        }
    }

    private func isBytes(_ value: PickleValue) -> Bool {
        switch value {
        case .bytes, .byteText, .latin1, .decodedBytes: true
        default: false
        }
    }

    private func tuple(_ value: PickleValue) -> [PickleValue]? { items(value, .tuple) }

    func lengths(_ value: PickleValue) -> [Int]? {
        guard let items = tuple(value), items.count <= TensorGeometry.maximumRank else { return nil }
        var integers: [Int] = []
        for item in items {
            guard case .integer(let integer) = item, integer >= 0 else { return nil }
            integers.append(Int(integer))
        }
        return integers
    }

    /// `numpy.dtype("f4", False, True)` with the state `(3, "<", None, None, None, -1, -1, 0)`.
    private func numPyDType(_ value: PickleValue) -> (DType, isBigEndian: Bool)? {
        guard case .object(let index) = value else { return nil }
        let object = heap.objects[Int(index)]
        let name = heap.globals[Int(object.global)].name
        guard name.module == "numpy", name.name == "dtype", let first = object.arguments.first,
            let dtype = dtype(first)
        else { return nil }
        guard let state = object.state else { return (dtype, false) }
        guard let parts = tuple(state), parts.count >= 5, case .none = parts[2], case .none = parts[3] else {
            return nil
        }
        switch byteOrder(parts[1]) {
        case UInt8(ascii: "<"), UInt8(ascii: "|"), UInt8(ascii: "="): return (dtype, false)
        case UInt8(ascii: ">"): return (dtype, true)
        default: return nil
        }
    }

    /// What NumPy calls the type, or a class of `ml_dtypes`.
    private func dtype(_ value: PickleValue) -> DType? {
        switch value {
        case .global(let index):
            let name = heap.globals[Int(index)].name
            return name.module == "ml_dtypes" ? TorchDType(name: name.name)?.dtype : nil
        default: return shortText(value).flatMap { DType(numPyName: $0) }
        }
    }

    /// A text of a few characters.
    func shortText(_ value: PickleValue) -> String? {
        switch value {
        case .text(let text) where text.byteCount <= 64, .byteText(let text) where text.byteCount <= 64:
            try? characters(text)
        case .decodedText(let index): heap.decodedTexts[Int(index)]
        default: nil
        }
    }

    private func byteOrder(_ value: PickleValue) -> UInt8? { shortText(value)?.utf8.first }
}
