package import Tensors

/// The leaves of a version in a patch or tree, and the tensors that they are views of.
enum LeafFields {
    /// The roles of tensors, by their numbers.
    static let roles: [TensorRole] = [.unspecified, .parameter, .buffer, .frozenParameter, .requiresGrad]
}

extension FieldWriter {
    /// Writes a leaf, and the content id of a view.
    package mutating func leaf(_ leaf: SavePlan.Leaf, id: ContentID?) {
        switch leaf {
        case .value(.none): byte(0)
        case .value(.boolean(let flag)):
            byte(1)
            byte(flag ? 1 : 0)
        case .value(.integer(let number)):
            byte(2)
            word(number)
        case .value(.number(let bits)):
            byte(3)
            word(bits)
        case .value(.string(let string)):
            byte(4)
            text(string)
        case .value(.bytes(let bytes)):
            byte(6)
            data(bytes)
        case .value(.bigInteger(let value)):
            byte(7)
            data(value.bytes)
        case .value(.name(let name)):
            byte(8)
            text(name.text)
        case .tensor(let stored, let view, let role):
            byte(5)
            number(stored)
            byte(UInt8(LeafFields.roles.firstIndex(of: role) ?? 0))
            optional(view.placement) { writer, placement in
                guard let id else { preconditionFailure("a view without a content id") }
                writer.id(id)
                writer.text(view.dtype.rawValue)
                writer.list(view.shape) { $0.number($1) }
                writer.list(placement.strides) { $0.number($1) }
                writer.number(placement.byteOffset)
            }
            optional(view.sharing) { writer, sharing in
                writer.number(sharing.storage)
                writer.number(sharing.byteOffset)
            }
        }
    }
}

extension FieldReader {
    /// An element type.
    package mutating func dtype() throws(FieldProblem) -> DType {
        let name = try text()
        guard let dtype = DType(rawValue: name) else {
            throw FieldProblem("an element type that is unknown here; perhaps it is from a newer modelreg")
        }
        return dtype
    }

    /// A list of numbers.
    package mutating func numbers() throws(FieldProblem) -> [Int] {
        try list { reader throws(FieldProblem) in try reader.number() }
    }

    /// Reads a leaf, known to lie within its tensor.
    ///
    /// - Parameter tensors: What the leaves are views of.
    /// - Returns: The leaf, and its content id where it is a tensor.
    package mutating func leaf(
        of tensors: [(dtype: DType, shape: [Int], id: ContentID)]
    ) throws(FieldProblem) -> (SavePlan.Leaf, ContentID?) {
        switch try byte() {
        case 0: return (.value(.none), nil)
        case 1: return (.value(.boolean(try flag())), nil)
        case 2: return (.value(.integer(try word())), nil)
        case 3: return (.value(.number(bits: try word())), nil)
        case 4: return (.value(.string(try text())), nil)
        case 5: break
        case 6: return (.value(.bytes(try data())), nil)
        case 7:
            guard let number = BigInteger(bytes: try data()) else {
                throw FieldProblem("a number of a wrong length")
            }
            return (.value(.bigInteger(number)), nil)
        case 8:
            guard let name = QualifiedName(text: try text()) else { throw FieldProblem("an invalid name") }
            return (.value(.name(name)), nil)
        default: throw FieldProblem("a value of an unknown kind")
        }
        let stored = try number()
        guard tensors.indices.contains(stored) else { throw FieldProblem("a tensor that is not there") }
        let tensor = tensors[stored]
        let role = Int(try byte())
        guard LeafFields.roles.indices.contains(role) else { throw FieldProblem("a tensor of an unknown role") }
        var (id, dtype, shape) = (tensor.id, tensor.dtype, tensor.shape)
        let placement = try optional { reader throws(FieldProblem) in
            id = try reader.id()
            dtype = try reader.dtype()
            shape = try reader.numbers()
            let strides = try reader.numbers()
            return SavePlan.Placement(byteOffset: try reader.number(), strides: strides)
        }
        let sharing = try optional { reader throws(FieldProblem) in
            SavePlan.Sharing(storage: try reader.number(), byteOffset: try reader.number())
        }
        let view = SavePlan.View(dtype: dtype, shape: shape, placement: placement, sharing: sharing)
        guard let byteCount = try? TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape),
            (sharing?.byteOffset ?? 0).addingReportingOverflow(byteCount).overflow == false,
            view.lies(within: byteCount)
        else { throw FieldProblem("a view that reaches beyond its tensor") }
        return (.tensor(stored: stored, view: view, role: LeafFields.roles[role]), id)
    }
}

extension Structure {
    /// Checks that leaves are those of the structure, and views of all tensors there are.
    ///
    /// - Parameter tensorCount: How many tensors; the leaves name no others.
    package func check(_ leaves: [SavePlan.Leaf], tensorCount: Int) throws(FieldProblem) {
        let places = leafPlaces
        guard places.count == leaves.count else {
            throw FieldProblem("\(leaves.count) leaves where its structure has \(places.count)")
        }
        var used = [Bool](repeating: false, count: tensorCount)
        for (leaf, isTensor) in zip(leaves, places) {
            switch leaf {
            case .value where isTensor: throw FieldProblem("a plain value where its structure has a tensor")
            case .tensor where !isTensor: throw FieldProblem("a tensor where its structure has a plain value")
            case .tensor(let stored, _, _): used[stored] = true
            case .value: break
            }
        }
        guard !used.contains(false) else { throw FieldProblem("a tensor that nothing is a view of") }
    }
}
