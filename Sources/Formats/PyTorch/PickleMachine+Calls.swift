import Checkpoints
import Tensors

/// The functions that make tensors and containers.
extension PickleMachine {
    /// The value that the function `known` makes; `nil` where its arguments are not the usual ones, or where the value is
    /// an object like any other.
    mutating func call(
        _ known: TorchGlobal, _ number: Int32, _ arguments: [PickleValue]
    ) throws -> PickleValue? {
        switch known {
        // A storage in another guise, such as a pickle within the pickle: an object like any other.
        case .rebuildTensor where !startsWithStorage(arguments),
            .rebuildTensorV2 where !startsWithStorage(arguments),
            .rebuildTensorV3 where !startsWithStorage(arguments):
            return nil
        case .rebuildTensor where arguments.count == 4: return try tensor(arguments, dtype: nil)
        // Storage, offset, shape, strides, requires_grad, hooks; then, since 2.0, metadata.
        case .rebuildTensorV2 where 6...7 ~= arguments.count:
            return try view(number, tensor(arguments, dtype: nil), arguments[4], arguments.dropFirst(6).first)
        case .rebuildTensorV3 where 7...8 ~= arguments.count:
            guard case .dtype(let dtype)? = knownGlobal(arguments[6]) else { throw expected("dtype") }
            // The same function to everybody but PyTorch.
            let plain = heap.global(.known("torch._utils:_rebuild_tensor_v2"))
            return try view(plain, tensor(arguments, dtype: dtype), arguments[4], arguments.dropFirst(7).first)
        case .rebuildParameter where arguments.count == 3:
            guard case .tensor(let index, _) = arguments[0] else { return nil }
            return .tensor(index, role(arguments[1]))
        case .rebuildParameterWithState where arguments.count == 4:
            guard case .tensor(let index, _) = arguments[0] else { return nil }
            return try stateful(number, .tensor(index, role(arguments[1])), arguments[3])
        case .rebuildFromType where arguments.count == 4: return try rebuildFromType(number, arguments)
        case .orderedDictionary where arguments.count <= 1:
            return try pairs(arguments.first).map { try container(.orderedDictionary, $0) }
        case .dictionary where arguments.count <= 1:
            return try pairs(arguments.first).map { try container(.dictionary, $0) }
        case .counter where arguments.count <= 1:
            guard let pairs = pairs(arguments.first) else { return nil }
            return try object(number, .call, entries: pairs)
        case .collection where arguments.count <= 1:
            guard let argument = arguments.first else { return try object(number, .call, arguments: []) }
            guard let items = items(argument, .list) ?? items(argument, .tuple) else { return nil }
            return try object(number, .call, items: items)
        case .encode where arguments.count == 2:
            guard let encoding = shortText(arguments[1]), ["latin1", "latin-1"].contains(encoding) else {
                return nil
            }
            switch arguments[0] {
            case .text(let text): return .latin1(text)
            case .decodedText(let index):
                let text = heap.decodedTexts[Int(index)]
                try spend(PickleHeap.containerByteCount + text.utf8.count)
                guard let bytes = PickleMachine.latin1Bytes(text) else { return nil }
                heap.decodedBytes.append(bytes)
                return .decodedBytes(Int32(heap.decodedBytes.count - 1))
            default: return nil
            }
        case .bytes where arguments.isEmpty: return .bytes(PickleText(0..<0))
        case .nestedStorage where allowsNesting: return try nestedStorage(arguments)
        case .reconstruct where arguments.count == 3:
            // How protocols 0 and 1 spell NEWOBJ without arguments.
            guard case .none = arguments[2], case .plainObject? = knownGlobal(arguments[1]) else { return nil }
            return try new(arguments[0], [], keywords: nil)
        case .newObject where !arguments.isEmpty:
            return try new(arguments[0], Array(arguments.dropFirst()), keywords: nil)
        case .newObjectWithKeywords where arguments.count == 3:
            guard let positional = items(arguments[1], .tuple) else { return nil }
            return try new(arguments[0], positional, keywords: arguments[2])
        default: return nil
        }
    }

    private mutating func object(
        _ global: Int32, _ construction: ObjectConstruction, items: [PickleValue] = [],
        entries: [PickleValue] = []
    ) throws -> PickleValue {
        try spend(PickleHeap.objectByteCount + PickleHeap.itemByteCount * (items.count + entries.count))
        heap.objects.append(
            PickleHeap.Object(global: global, construction: construction, items: items, entries: entries))
        return .object(Int32(heap.objects.count - 1))
    }

    private func startsWithStorage(_ arguments: [PickleValue]) -> Bool {
        if case .storage? = arguments.first { true } else { false }
    }

    private func knownGlobal(_ value: PickleValue) -> TorchGlobal? {
        guard case .global(let number) = value else { return nil }
        return heap.globals[Int(number)].known
    }

    /// The keys and values that a dictionary is made from: a dictionary, or a list of pairs; `nil` for anything else.
    private func pairs(_ value: PickleValue?) -> [PickleValue]? {
        guard let value else { return [] }
        guard case .container(let index) = value else { return nil }
        let container = heap.containers[Int(index)]
        switch container.kind {
        case .dictionary, .orderedDictionary: return container.items
        case .list, .tuple:
            var items: [PickleValue] = []
            for pair in container.items {
                guard let members = self.items(pair, .tuple) ?? self.items(pair, .list), members.count == 2
                else {
                    return nil
                }
                items += members
            }
            return items
        }
    }

    // MARK: Tensors

    /// A parameter, by whether it is trained.
    private func role(_ requiresGrad: PickleValue) -> TensorRole {
        if case .boolean(false) = requiresGrad { .frozenParameter } else { .parameter }
    }

    /// A tensor with what `_rebuild_tensor_v2` says beside it: whether it is trained, and metadata, by which a tensor is
    /// the conjugate or the negative of the bytes.
    private mutating func view(
        _ number: Int32, _ tensor: PickleValue, _ requiresGrad: PickleValue, _ metadata: PickleValue?
    ) throws -> PickleValue {
        guard case .tensor(let index, _) = tensor else { return tensor }
        var role = TensorRole.unspecified
        if case .boolean(true) = requiresGrad { role = .requiresGrad }
        return try stateful(number, .tensor(index, role), metadata ?? .none)
    }

    /// `tensor` as it is, or as an object where it has a state.
    private mutating func stateful(
        _ number: Int32, _ tensor: PickleValue, _ state: PickleValue
    ) throws -> PickleValue {
        switch state {
        case .none: return tensor
        case .container(let index) where heap.containers[Int(index)].items.isEmpty: return tensor
        // Attributes, and slots: none of both.
        default: break
        }
        if let slots = items(state, .tuple) {
            let areEmpty = slots.allSatisfy { item in
                if case .none = item { true } else { items(item, .dictionary)?.isEmpty ?? false }
            }
            if areEmpty { return tensor }
        }
        let object = try object(number, .view, arguments: [], value: tensor)
        guard case .object(let index) = object else { return object }
        heap.objects[Int(index)].state = state
        return object
    }

    /// `_rebuild_from_type_v2(function, type, arguments, state)`: a tensor of a class of its own, or with attributes.
    private mutating func rebuildFromType(_ number: Int32, _ arguments: [PickleValue]) throws -> PickleValue? {
        guard let type = knownGlobal(arguments[1]), let function = knownGlobal(arguments[0]),
            [.rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter, .rebuildParameterWithState]
                .contains(where: { $0 == function }),
            let inner = items(arguments[2], .tuple),
            case .tensor(let index, let role) = try call(arguments[0], inner)
        else { return nil }
        switch type {
        case .tensorType: return try stateful(number, .tensor(index, role), arguments[3])
        case .parameterType:
            let parameter: TensorRole = role == .frozenParameter ? .frozenParameter : .parameter
            return try stateful(number, .tensor(index, parameter), arguments[3])
        case .bufferType: return try stateful(number, .tensor(index, .buffer), arguments[3])
        default: return nil
        }
    }

    /// `('storage', type, key, location, count)`, and in the legacy format a sixth for a view of another storage:
    /// PyTorch writes `None` there since 0.4. Anything else is the name that another program has for an object.
    mutating func persistent(_ id: PickleValue) throws -> PickleValue {
        // What PyTorch wrote before 1.6 for the class of a module: the class, its file and its source text.
        if let parts = items(id, .tuple), parts.count == 4, let word = storageText(parts[0]),
            try characters(word) == "module", case .global = parts[1]
        {
            return parts[1]
        }
        guard let parts = items(id, .tuple), 5...6 ~= parts.count, let word = storageText(parts[0]),
            try characters(word) == "storage"
        else { return try object(PickleMachine.persistentName, .persistent, arguments: [id]) }
        guard let key = storageText(parts[2]), case .integer(let count) = parts[4],
            case .global(let type) = parts[1]
        else { throw expected("tuple that names a storage") }
        if parts.count == 6 {
            guard case .none = parts[5] else { throw expected("storage that is no view of another") }
        }
        let dtype: DType
        switch heap.globals[Int(type)].known {
        case .storageType(let known): dtype = known
        case .untypedStorage: dtype = .uint8
        default: throw expected("type of a storage")
        }
        try spend(PickleHeap.objectByteCount)
        heap.storages.append(PickleHeap.Storage(key: key, dtype: dtype, elementCount: count, type: type))
        return .storage(Int32(heap.storages.count - 1))
    }

    private func storageText(_ value: PickleValue) -> PickleText? {
        switch value {
        case .text(let text), .byteText(let text): text
        default: nil
        }
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
        var list = items(value, .tuple)
        if case .object(let index) = value { list = heap.objects[Int(index)].items }  // torch.Size
        guard let list, list.count <= TensorGeometry.maximumRank else {
            throw expected("tuple of at most \(TensorGeometry.maximumRank) whole numbers")
        }
        return try list.map { item in
            guard case .integer(let integer) = item else { throw expected("whole number") }
            return integer
        }
    }
}
