import Checkpoints
import Tensors

extension TorchPickler {
    typealias Parts = [(part: ObjectPart, value: CheckpointOutline)]

    /// An object: how it is made, then what it holds, then its state.
    mutating func write(_ form: ObjectForm, _ parts: Parts) throws {
        if form.construction == .view {
            let rest = try writeView(form, parts)
            memorise(form)
            try writeContents(rest, of: form)
            return
        }
        if try writeNumPyList(form, parts) { return }
        var rest = parts.filter { $0.part != .arguments && $0.part != .keywords }
        let arguments = parts.first { $0.part == .arguments }?.value ?? .tuple([])
        switch form.construction {
        case .new:
            if let keywords = parts.first(where: { $0.part == .keywords })?.value {
                // NEWOBJ_EX came with protocol 4; this is what protocol 2 has for it.
                writer.global("copyreg", "__newobj_ex__")
                writer.mark()
                writer.global(form.name)
                try write(arguments)
                try write(keywords)
                writer.endTuple()
                writer.reduce()
            } else {
                writer.global(form.name)
                try write(arguments)
                writer.newObject()
            }
        case .call:
            writer.global(form.name)
            let items = rest.first { $0.part == .items }?.value
            if TorchGlobal("\(form.name.module).\(form.name.name)") == .collection, let items {
                // The items of a set are its only argument.
                try write(.tuple([items]))
                rest.removeAll { $0.part == .items }
            } else {
                try write(arguments)
            }
            writer.reduce()
        case .apply:
            guard case .tuple(let values) = arguments, let function = values.first else {
                throw PyTorchLayoutError.object(form.name)
            }
            try write(function)
            try write(.tuple(Array(values.dropFirst())))
            writer.reduce()
        case .persistent:
            guard case .tuple(let values) = arguments, let id = values.first else {
                throw PyTorchLayoutError.object(form.name)
            }
            try write(id)
            writer.persistentID()
        case .view: preconditionFailure("views are written above")
        }
        memorise(form)
        try writeContents(rest, of: form)
    }

    mutating func memorise(_ form: ObjectForm) {
        if let label = form.label { writer.memorise("object \(label)") }
    }

    private mutating func writeContents(_ parts: Parts, of form: ObjectForm) throws {
        for (part, value) in parts {
            switch (part, value) {
            case (.items, .list(let items)):
                writer.mark()
                try write(items)
                writer.endList()
            case (.entries, .dictionary(let entries, _)):
                writer.mark()
                try write(entries)
                writer.endDictionary()
            case (.state, let state):
                try write(state)
                writer.build()
            default: throw PyTorchLayoutError.object(form.name)
            }
        }
    }

    // MARK: Tensors in other guises

    /// - Returns: The parts that are not written with it.
    private mutating func writeView(_ form: ObjectForm, _ parts: Parts) throws -> Parts {
        guard case .tensor(let view, let role, let object)? = parts.first(where: { $0.part == .value })?.value
        else {
            throw PyTorchLayoutError.object(form.name)
        }
        // Python has no such class: the bytes alone are of use there.
        if form == .opaqueFile {
            try writePlain(view)
            return []
        }
        let state = parts.first { $0.part == .state }?.value ?? .value(.none)
        let known = TorchGlobal("\(form.name.module).\(form.name.name)")
        var rest = parts.filter { $0.part != .value }
        switch known {
        case .rebuildTensorV2, .rebuildTensorV3, .rebuildParameterWithState, .rebuildFromType:
            rest.removeAll { $0.part == .state }
        default: break
        }
        switch known {
        case .storageType, .untypedStorage:
            let width = known == .untypedStorage ? 1 : view.dtype.byteWidth ?? 1
            writeStorage(view, type: form.name, elementByteCount: width)
        case .rebuildTensorV2, .rebuildTensorV3:
            try writePlain(view, requiresGrad: role.requiresGrad(view.dtype), metadata: state)
        case .rebuildParameterWithState:
            writer.global(form.name)
            writer.mark()
            try writePlain(view)
            writer.boolean(role.requiresGrad(view.dtype))
            writer.emptyOrderedDictionary()
            try write(state)
            writer.endTuple()
            writer.reduce()
        case .rebuildFromType:
            try writeTyped(form.name, view, role, state)
        default:
            // A NumPy array is what NumPy makes of the tensor, and so is a number.
            writer.global(form.name.name == "ndarray" ? .known("numpy:asarray") : form.name)
            writer.mark()
            try write(view, role, object: object)
            writer.endTuple()
            writer.reduce()
        }
        return rest
    }

    /// `_rebuild_from_type_v2(function, type, arguments, state)`: a tensor with attributes.
    private mutating func writeTyped(
        _ name: QualifiedName, _ view: TensorLayout<Int>, _ role: TensorRole, _ state: CheckpointOutline
    ) throws {
        writer.global(name)
        writer.mark()
        let type: QualifiedName =
            switch role {
            case .parameter, .frozenParameter: .known("torch.nn.parameter:Parameter")
            case .buffer: .known("torch.nn.parameter:Buffer")
            case .unspecified, .requiresGrad: .known("torch:Tensor")
            }
        try writePlain(view, requiresGrad: role.requiresGrad(view.dtype), as: type)
        try write(state)
        writer.endTuple()
        writer.reduce()
    }
}
