import Checkpoints
import Tensors

/// The leaves of a patch's version, and the tensors that they are views of.
enum PatchLeaf {
    /// The roles of tensors, by the numbers that patches have for them.
    static let roles: [TensorRole] = [.unspecified, .parameter, .buffer, .frozenParameter, .requiresGrad]
}

extension PatchWriter {
    mutating func leaf(_ leaf: SavePlan.Leaf, id: ContentID?) {
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
            byte(UInt8(PatchLeaf.roles.firstIndex(of: role) ?? 0))
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

extension PatchReader {
    private mutating func dtype() throws(PatchProblem) -> DType {
        let name = try text()
        guard let dtype = DType(rawValue: name) else {
            throw PatchProblem("an element type that is unknown here; perhaps it is from a newer modelreg")
        }
        return dtype
    }

    private mutating func numbers() throws(PatchProblem) -> [Int] {
        try list { reader throws(PatchProblem) in try reader.number() }
    }

    mutating func storedTensor() throws(PatchProblem) -> PatchHeader.StoredTensor {
        let dtype = try dtype()
        let shape = try numbers()
        let id = try id()
        guard let byteCount = try? TensorGeometry.byteCount(dtype: dtype, shape: shape) else {
            throw PatchProblem("an impossible shape")
        }
        let chunks = try optional { reader throws(PatchProblem) in
            try reader.list(elementByteCount: ContentID.byteCount + 1) { reader throws(PatchProblem) in
                guard let place = PatchHeader.Place(rawValue: try reader.byte()) else {
                    throw PatchProblem("a chunk that is nowhere")
                }
                return PatchHeader.Chunk(id: try reader.id(), place: place)
            }
        }
        if let chunks {
            guard chunks.count == Chunking.chunkCount(byteCount: byteCount),
                TensorHash(dtype: dtype, shape: shape, chunks: chunks.map(\.id)).id == id
            else { throw PatchProblem("a tensor whose chunks do not match its hash") }
        }
        return PatchHeader.StoredTensor(dtype: dtype, shape: shape, id: id, chunks: chunks)
    }

    mutating func leaf(
        of tensors: [PatchHeader.StoredTensor]
    ) throws(PatchProblem) -> (SavePlan.Leaf, ContentID?) {
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
                throw PatchProblem("a number of a wrong length")
            }
            return (.value(.bigInteger(number)), nil)
        case 8:
            guard let name = QualifiedName(text: try text()) else { throw PatchProblem("an invalid name") }
            return (.value(.name(name)), nil)
        default: throw PatchProblem("a value of an unknown kind")
        }
        let stored = try number()
        guard tensors.indices.contains(stored) else { throw PatchProblem("a tensor that is not there") }
        let tensor = tensors[stored]
        let role = Int(try byte())
        guard PatchLeaf.roles.indices.contains(role) else { throw PatchProblem("a tensor of an unknown role") }
        var (id, dtype, shape) = (tensor.id, tensor.dtype, tensor.shape)
        let placement = try optional { reader throws(PatchProblem) in
            id = try reader.id()
            dtype = try reader.dtype()
            shape = try reader.numbers()
            let strides = try reader.numbers()
            return SavePlan.Placement(byteOffset: try reader.number(), strides: strides)
        }
        let sharing = try optional { reader throws(PatchProblem) in
            SavePlan.Sharing(storage: try reader.number(), byteOffset: try reader.number())
        }
        let view = SavePlan.View(dtype: dtype, shape: shape, placement: placement, sharing: sharing)
        guard let byteCount = try? TensorGeometry.byteCount(dtype: tensor.dtype, shape: tensor.shape),
            (sharing?.byteOffset ?? 0).addingReportingOverflow(byteCount).overflow == false,
            (try? view.check(within: byteCount)) != nil
        else { throw PatchProblem("a view that reaches beyond its tensor") }
        return (.tensor(stored: stored, view: view, role: PatchLeaf.roles[role]), id)
    }
}
