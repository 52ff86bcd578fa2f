import CModelReg
import Foundations
import ModelReg

/// Reads the leaves that a caller describes: nothing of them is believed.
struct LeafReader {
    /// Storages by where they are, so that tensors of one are tied.
    private var storages: [Place: Storage] = [:]

    private struct Place: Hashable {
        let address: UInt
        let byteCount: Int
    }

    /// The leaves, in order.
    ///
    /// - Throws: ``Refusal``.
    mutating func read(_ leaves: UnsafePointer<mr_leaf>?, count: Int64) throws -> [CheckpointLeaf<Tensor>?] {
        guard count >= 0, count <= LeafReader.maximumCount else {
            throw Refusal("leaf_count is \(count); 0 to \(LeafReader.maximumCount) are possible")
        }
        guard count > 0 else { return [] }
        guard let leaves else { throw Refusal("leaves is NULL") }
        var result: [CheckpointLeaf<Tensor>?] = []
        result.reserveCapacity(Int(count))
        for index in 0..<Int(count) {
            do {
                result.append(try read(leaves[index]))
            } catch {
                throw Refusal("leaf \(index): \(error)")
            }
        }
        return result
    }

    /// More than any model has, and few enough that no sum of sizes overflows.
    private static let maximumCount: Int64 = 1 << 28

    private mutating func read(_ leaf: mr_leaf) throws -> CheckpointLeaf<Tensor> {
        guard leaf.kind >= 0 else { throw Refusal("no such kind: \(leaf.kind)") }
        switch mr_leaf_kind(UInt32(leaf.kind)) {
        case MR_TENSOR: return .tensor(try tensor(leaf), role: try role(leaf.role))
        case MR_STRING: return .value(.string(try content(leaf)))
        case MR_INTEGER: return .value(.integer(leaf.integer))
        case MR_NUMBER: return .value(.number(bits: leaf.number.bitPattern))
        case MR_BOOLEAN:
            guard leaf.integer == 0 || leaf.integer == 1 else {
                throw Refusal("a boolean is 0 or 1, not \(leaf.integer)")
            }
            return .value(.boolean(leaf.integer == 1))
        case MR_NONE: return .value(.none)
        case MR_BYTES: return .value(.bytes([UInt8](try bytes(leaf))))
        case MR_BIG_INTEGER:
            let digits = try content(leaf)
            guard let number = BigInteger(decimal: digits) else {
                throw Refusal(
                    "no integer of more than 64 bits and at most 1784 bytes: \(printable(digits, limit: 40))")
            }
            return .value(.bigInteger(number))
        case MR_NAME:
            let name = try content(leaf)
            guard let name = QualifiedName(text: name) else {
                throw Refusal("no name of a class or function: \(printable(name, limit: 80))")
            }
            return .value(.name(name))
        default: throw Refusal("no such kind: \(leaf.kind)")
        }
    }

    private mutating func tensor(_ leaf: mr_leaf) throws -> Tensor {
        let name = try text(leaf.dtype, "dtype")
        guard let dtype = DType(rawValue: name) else {
            throw Refusal("no such dtype: \(printable(name, limit: 40))")
        }
        let rank = Int(leaf.rank)
        guard (0...TensorGeometry.maximumRank).contains(rank) else {
            throw Refusal("rank \(rank); 0 to \(TensorGeometry.maximumRank) are possible")
        }
        guard rank == 0 || leaf.shape != nil else { throw Refusal("shape is NULL") }
        let shape = (0..<rank).map { Int(leaf.shape[$0]) }
        let strides = leaf.strides.map { strides in (0..<rank).map { Int(strides[$0]) } }
        return try Tensor(
            storage: try storage(leaf), dtype: dtype, shape: shape, strides: strides, offset: Int(leaf.offset))
    }

    private mutating func storage(_ leaf: mr_leaf) throws -> Storage {
        let bytes = try bytes(leaf)
        let place = Place(address: UInt(bitPattern: bytes.baseAddress), byteCount: bytes.count)
        // Nothing is tied to what has no bytes.
        if bytes.isEmpty { return Storage(uninitializedByteCount: 0) }
        if let known = storages[place] { return known }
        // A save only reads.
        let storage = Storage(wrapping: UnsafeMutableRawBufferPointer(mutating: bytes), keepingAlive: 0)
        storages[place] = storage
        return storage
    }

    private func bytes(_ leaf: mr_leaf) throws -> UnsafeRawBufferPointer {
        guard leaf.byte_count >= 0 else { throw Refusal("byte_count is \(leaf.byte_count)") }
        guard leaf.byte_count == 0 || leaf.bytes != nil else { throw Refusal("bytes is NULL") }
        let count = Int(leaf.byte_count)
        guard !UInt(bitPattern: leaf.bytes).addingReportingOverflow(UInt(count)).overflow else {
            throw Refusal("\(count) bytes do not fit behind their address")
        }
        return UnsafeRawBufferPointer(start: leaf.bytes, count: count)
    }

    private func content(_ leaf: mr_leaf) throws -> String {
        guard let text = String(validating: try bytes(leaf), as: UTF8.self) else {
            throw Refusal("a text that is no UTF-8")
        }
        return text
    }

    private func role(_ number: Int32) throws -> TensorRole {
        guard let role = TensorRole.numbered.first(where: { $0.value == number })?.key else {
            throw Refusal("no such role: \(number)")
        }
        return role
    }
}

extension TensorRole {
    /// How roles are numbered in C.
    static let numbered: [TensorRole: Int32] = [
        .unspecified: Int32(MR_UNSPECIFIED.rawValue), .parameter: Int32(MR_PARAMETER.rawValue),
        .buffer: Int32(MR_BUFFER.rawValue), .frozenParameter: Int32(MR_FROZEN_PARAMETER.rawValue),
        .requiresGrad: Int32(MR_REQUIRES_GRAD.rawValue),
    ]
}
