import Checkpoints
import Tensors

extension TorchPickler {
    /// Writes an array of texts, dates or objects, as NumPy would: the object that ``TorchReader`` makes of one.
    ///
    /// - Returns: Whether the object is one.
    /// - Throws: ``PyTorchLayoutError/object(_:)`` where some of its elements are missing.
    mutating func writeNumPyList(_ form: ObjectForm, _ parts: Parts) throws -> Bool {
        guard form.name == .known("numpy:ndarray"), form.construction == .call else { return false }
        var items: [CheckpointOutline] = []
        if case .list(let given)? = parts.first(where: { $0.part == .items })?.value { items = given }
        guard let (type, shape) = numPyListType(parts), try TensorGeometry.elementCount(shape) == items.count
        else {
            throw PyTorchLayoutError.object(form.name)
        }
        writer.global("numpy.core.multiarray", "_reconstruct")
        writer.mark()
        writer.global(form.name)
        writer.integers([0])
        writer.bytes(Array("b".utf8))
        writer.endTuple()
        writer.reduce()
        memorise(form)
        // The state: version, shape, dtype, whether columns come first, elements.
        writer.mark()
        writer.integer(1)
        writer.integers(shape)
        writeNumPyType(type)
        writer.boolean(false)
        if type == .object {
            try write(.list(items))
        } else {
            var bytes: [UInt8] = []
            for item in items {
                guard case .value(let value) = item, let element = type.bytes(value) else {
                    throw PyTorchLayoutError.object(form.name)
                }
                bytes += element
            }
            writer.bytes(bytes)
        }
        writer.endTuple()
        writer.build()
        return true
    }

    private func numPyListType(_ parts: Parts) -> (NumPyListType, shape: [Int])? {
        guard case .tuple(let arguments)? = parts.first(where: { $0.part == .arguments })?.value,
            arguments.count == 2, case .value(.string(let name)) = arguments[0],
            let type = NumPyListType(name: name), case .tuple(let lengths) = arguments[1]
        else { return nil }
        var shape: [Int] = []
        for length in lengths {
            guard case .value(.integer(let number)) = length, let count = Int(exactly: number), count >= 0
            else {
                return nil
            }
            shape.append(count)
        }
        return (type, shape)
    }

    private mutating func writeNumPyType(_ type: NumPyListType) {
        if writer.recall("dtype \(type.name)") { return }
        writer.global("numpy", "dtype")
        writer.mark()
        writer.text(type.name)
        writer.boolean(false)
        writer.boolean(true)
        writer.endTuple()
        writer.reduce()
        writer.memorise("dtype \(type.name)")
    }
}
