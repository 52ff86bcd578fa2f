import Checkpoints
import Tensors

/// Writes the pickle of a PyTorch file, as `torch.save` would.
struct TorchPickler {
    var writer = PickleWriter()
    private let storageByteCounts: [Int]

    /// Storages that are seen as more than one dtype. PyTorch remembers a typed storage by its first type, so these
    /// are written as bytes.
    private var mixedStorages: Set<Int> = []

    private var path: [CheckpointKey] = []

    init(storageByteCounts: [Int]) { self.storageByteCounts = storageByteCounts }

    /// The pickle of `outline`.
    ///
    /// - Throws: ``PyTorchLayoutError`` where PyTorch cannot hold a value.
    mutating func pickle(_ outline: CheckpointOutline) throws -> [UInt8] {
        var dtypes: [Int: DType] = [:]
        try findMixedStorages(outline, &dtypes, depth: 0)
        try write(outline)
        writer.stop()
        return writer.bytes
    }

    private mutating func findMixedStorages(
        _ value: CheckpointOutline, _ dtypes: inout [Int: DType], depth: Int
    ) throws {
        guard depth <= Checkpoint.maximumDepth else { throw PyTorchLayoutError.tooDeep }
        switch value {
        case .tensor(let view, _, _):
            let known = dtypes.updateValue(view.dtype, forKey: view.storage)
            if let known, known != view.dtype { mixedStorages.insert(view.storage) }
        case .list(let elements), .tuple(let elements):
            for element in elements { try findMixedStorages(element, &dtypes, depth: depth + 1) }
        case .dictionary(let entries, _):
            for entry in entries { try findMixedStorages(entry.value, &dtypes, depth: depth + 1) }
        case .object(_, let parts):
            for part in parts { try findMixedStorages(part.value, &dtypes, depth: depth + 1) }
        case .value, .reference: break
        }
    }

    // MARK: Values

    mutating func write(_ value: CheckpointOutline) throws {
        switch value {
        case .tensor(let view, let role, let object): try write(view, role, object: object)
        case .list(let elements):
            writer.emptyList()
            writer.mark()
            try write(elements)
            writer.endList()
        case .tuple(let elements):
            writer.mark()
            try write(elements)
            writer.endTuple()
        case .dictionary(let entries, let kind):
            if kind.isOrdered { writer.emptyOrderedDictionary() } else { writer.emptyDictionary() }
            writer.mark()
            try write(entries)
            writer.endDictionary()
            if let attributes = kind.attributes {
                try write(CheckpointOutline(attributes))
                writer.build()
            }
        case .value(let value): write(value)
        case .object(let form, let parts): try write(form, parts)
        case .reference(let label):
            guard writer.recall("object \(label)") else {
                throw PyTorchLayoutError.reference(path: path.pointer)
            }
        }
    }

    private mutating func write(_ value: PlainValue) {
        switch value {
        case .string(let text): writer.text(text)
        case .integer(let integer): writer.integer(integer)
        case .number(let bits): writer.number(Double(bitPattern: bits))
        case .boolean(let flag): writer.boolean(flag)
        case .none: writer.none()
        case .bytes(let bytes): writer.bytes(bytes)
        case .bigInteger(let number): writer.bigInteger(number)
        case .name(let name): writer.global(name)
        }
    }

    mutating func write(_ entries: [(key: CheckpointKey, value: CheckpointOutline)]) throws {
        for (key, value) in entries {
            write(key)
            path.append(key)
            try write(value)
            path.removeLast()
        }
    }

    mutating func write(_ elements: [CheckpointOutline]) throws {
        for (index, element) in elements.enumerated() {
            path.append(.integer(Int64(index)))
            try write(element)
            path.removeLast()
        }
    }

    private mutating func write(_ key: CheckpointKey) {
        switch key {
        case .string(let text): writer.text(text)
        case .integer(let integer): writer.integer(integer)
        case .boolean(let flag): writer.boolean(flag)
        case .none: writer.none()
        case .number(let bits): writer.number(Double(bitPattern: bits))
        case .bytes(let bytes): writer.bytes(bytes)
        case .name(let name): writer.global(name)
        case .tuple(let keys):
            writer.mark()
            for key in keys { write(key) }
            writer.endTuple()
        }
    }

    // MARK: Tensors

    mutating func write(_ view: TensorLayout<Int>, _ role: TensorRole, object: Int?) throws {
        let object = object.map { "tensor \($0) \(role)" }
        if let object, writer.recall(object) { return }
        if role.isParameter {
            writer.global("torch._utils", "_rebuild_parameter")
            writer.mark()
            try writePlain(view)
            writer.boolean(role.requiresGrad(view.dtype))
            writer.emptyOrderedDictionary()
            writer.endTuple()
            writer.reduce()
        } else {
            try writePlain(view, requiresGrad: role.requiresGrad(view.dtype))
        }
        if let object { writer.memorise(object) }
    }

    /// A tensor that is no parameter.
    ///
    /// - Parameters:
    ///   - metadata: Written after the other arguments.
    ///   - type: The class that another function makes of the tensor. Then nothing is called yet: the function, the type
    ///     and the arguments are the first arguments of that other one.
    mutating func writePlain(
        _ view: TensorLayout<Int>, requiresGrad: Bool = false, metadata: CheckpointOutline? = nil,
        as type: QualifiedName? = nil
    ) throws {
        var (shape, strides) = (view.shape, view.strides)
        let isPairPacked = view.dtype == .float4e2m1fn
        if isPairPacked {
            // PyTorch counts bytes of two elements each.
            guard let last = shape.last, last % 2 == 0 else {
                throw PyTorchLayoutError.oddFloat4(path: path.pointer, shape: shape)
            }
            shape[shape.count - 1] = last / 2
            strides = TensorGeometry.contiguousStrides(shape)
        }
        guard let dtype = TorchDType(name: TorchDType(view.dtype, isPairPacked: isPairPacked).name) else {
            throw PyTorchLayoutError.dtype(path: path.pointer, view.dtype)
        }
        precondition(storageByteCounts.indices.contains(view.storage), "no storage \(view.storage)")
        let storageType = mixedStorages.contains(view.storage) ? nil : view.dtype.torchStorageName
        let function = storageType == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2"
        writer.global("torch._utils", function)
        if let type {
            // `_rebuild_from_type_v2` calls the function with the arguments that follow its type.
            writer.global(type)
        }
        writer.mark()
        writeStorage(view, type: storageType)
        writer.integer(Int64(view.offset))
        writer.integers(shape)
        writer.integers(strides)
        writer.boolean(requiresGrad)
        writer.emptyOrderedDictionary()  // hooks
        if storageType == nil { writer.global("torch", dtype.name) }
        if let metadata { try write(metadata) }
        writer.endTuple()
        if type == nil { writer.reduce() }
    }

    /// `('storage', type, key, location, number of elements)`, bytes being the elements where there is no type.
    private mutating func writeStorage(_ view: TensorLayout<Int>, type: String?) {
        let type = QualifiedName.known(type.map { "torch:\($0)" } ?? "torch.storage:UntypedStorage")
        writeStorage(
            view, type: type, elementByteCount: type.name == "UntypedStorage" ? 1 : view.dtype.byteWidth ?? 1)
    }

    mutating func writeStorage(_ view: TensorLayout<Int>, type: QualifiedName, elementByteCount: Int) {
        writer.mark()
        writer.sharedText("storage")
        writer.global(type)
        writer.text("\(view.storage)")
        writer.sharedText("cpu")
        writer.integer(Int64(storageByteCounts[view.storage] / elementByteCount))
        writer.endTuple()
        writer.persistentID()
    }
}

extension TensorRole {
    var isParameter: Bool { self == .parameter || self == .frozenParameter }

    /// Whether a tensor of this role and type is trained. Parameters are, where their type can be.
    func requiresGrad(_ dtype: DType) -> Bool {
        (self == .parameter || self == .requiresGrad) && (dtype.isFloatingPoint || dtype.isComplex)
    }
}
