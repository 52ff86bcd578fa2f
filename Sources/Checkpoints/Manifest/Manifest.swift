import Foundations
public import Tensors

/// What a version is, without its bytes: structure, names, types, shapes, content ids and ties.
///
/// Equal weights and structure make an equal manifest, byte for byte, whatever file they came from.
public struct Manifest: Sendable {
    /// The checkpoint without its leaves.
    public let structure: Structure

    /// The leaves, in the structure's order.
    public let leaves: [Leaf]

    /// A leaf and its path.
    public struct Leaf: Hashable, Sendable {
        /// Where the leaf is.
        public let path: CheckpointPath
        /// What the leaf is.
        public let content: Content

        /// Names a leaf.
        public init(path: CheckpointPath, content: Content) {
            self.path = path
            self.content = content
        }
    }

    /// A tensor or a plain value.
    public enum Content: Hashable, Sendable {
        /// A tensor.
        case tensor(TensorContent)
        /// A plain value.
        case value(PlainValue)
    }

    /// A tensor by its content.
    public struct TensorContent: Hashable, Sendable {
        /// SHA-256 of type, shape and elements.
        public let id: ContentID
        /// What one element is.
        public let dtype: DType
        /// Length of each axis.
        public let shape: [Int]
        /// What it shares with other leaves; `nil` if it is alone.
        public let tie: Tie?

        /// Describes a tensor.
        public init(id: ContentID, dtype: DType, shape: [Int], tie: Tie?) {
            self.id = id
            self.dtype = dtype
            self.shape = shape
            self.tie = tie
        }

        /// Bytes of the packed elements.
        public var byteCount: Int { shape.reduce(1, *) * dtype.bitWidth / 8 }
    }

    /// The place of a leaf in a storage that several leaves share.
    public struct Tie: Hashable, Sendable {
        /// The storage's number within the version.
        public let storage: Int
        /// Position of the first element, in bytes.
        public let byteOffset: Int
        /// Distance between neighbours along each axis, in elements.
        public let strides: [Int]

        /// Describes a place.
        public init(storage: Int, byteOffset: Int, strides: [Int]) {
            self.storage = storage
            self.byteOffset = byteOffset
            self.strides = strides
        }
    }

    /// Describes a version.
    ///
    /// - Precondition: `leaves` are those of `structure`, in order.
    public init(structure: Structure, leaves: [Leaf]) {
        self.structure = structure
        self.leaves = leaves
    }
}

extension Manifest {
    /// Describes what `plan` stores, once its tensors have their names.
    package init(_ plan: SavePlan, ids: [ContentID?]) {
        self.init(plan.structure, plan.leaves, ids: ids)
    }

    /// Describes leaves as a plan has them.
    ///
    /// - Parameter ids: The content id of each leaf that is a tensor.
    package init(_ structure: Structure, _ leaves: [SavePlan.Leaf], ids: [ContentID?]) {
        let leaves = zip(structure.leafPaths, zip(leaves, ids)).map { path, leaf in
            switch leaf {
            case (.value(let value), _): return Leaf(path: path, content: .value(value))
            case (.tensor(_, let view, _), let id):
                guard let id else { preconditionFailure("no content id for \(path.text)") }
                return Leaf(path: path, content: .tensor(TensorContent(id: id, view: view)))
            }
        }
        self.init(structure: structure, leaves: leaves)
    }

    /// Reads all tensors of `checkpoint` and describes it.
    ///
    /// - Throws: ``CheckpointError`` when it is nested too deeply; `FileError`, `FileChangedError` where its storages are
    ///   those of a file that cannot be read any more.
    /// - Complexity: O(bytes), on all cores.
    public init(of checkpoint: Checkpoint) throws {
        let plan = try SavePlan(checkpoint)
        self.init(plan, ids: try plan.hashes().leaves)
    }
}

extension Manifest.TensorContent {
    /// The content of a leaf that lies as `view` says.
    package init(id: ContentID, view: SavePlan.View) {
        let tie = view.sharing.map { sharing in
            Manifest.Tie(
                storage: sharing.storage, byteOffset: sharing.byteOffset + (view.placement?.byteOffset ?? 0),
                strides: view.placement?.strides ?? TensorGeometry.contiguousStrides(view.shape))
        }
        self.init(id: id, dtype: view.dtype, shape: view.shape, tie: tie)
    }
}

extension Manifest {
    /// The bytes that the content id is the hash of; `docs/format.md` gives the grammar.
    public var canonicalBytes: [UInt8] {
        var text = "modelreg manifest 1\n\(structure.json)\n"
        for leaf in leaves {
            text += leaf.content.canonicalLine
            text += "\n"
        }
        return Array(text.utf8)
    }

    /// The version's content id: same weights and structure, same id.
    public var contentID: ContentID { ContentID(hashing: canonicalBytes) }

    /// Sum of the packed bytes of all tensors; a tied tensor counts under each of its names.
    ///
    /// Expanded tensors can have more bytes than an integer counts; then it is the largest integer.
    public var byteCount: Int {
        leaves.reduce(0) { sum, leaf in
            guard case .tensor(let tensor) = leaf.content else { return sum }
            let (next, overflow) = sum.addingReportingOverflow(tensor.byteCount)
            return overflow ? .max : next
        }
    }

    /// Number of leaves that are tensors.
    public var tensorCount: Int {
        leaves.reduce(0) { sum, leaf in if case .tensor = leaf.content { sum + 1 } else { sum } }
    }
}

extension Manifest.Content {
    fileprivate var canonicalLine: String {
        switch self {
        case .tensor(let tensor):
            guard let tie = tensor.tie else { return "tensor \(tensor.id.hex)" }
            let strides = tie.strides.map(String.init).joined(separator: ",")
            return "tensor \(tensor.id.hex) storage \(tie.storage) at \(tie.byteOffset) strides [\(strides)]"
        case .value(.string(let text)): return "string \(JSONText.quoted(text))"
        case .value(.integer(let number)): return "integer \(number)"
        case .value(.number(let bits)):
            let digits = String(bits, radix: 16)
            return "number " + String(repeating: "0", count: 16 - digits.count) + digits
        case .value(.boolean(let flag)): return "boolean \(flag)"
        case .value(.none): return "none"
        case .value(.bytes(let bytes)): return "bytes \(bytes.count) \(ContentID(hashing: bytes).hex)"
        case .value(.bigInteger(let number)): return "integer \(number)"
        case .value(.name(let name)): return "name \(JSONText.quoted(name.text))"
        }
    }
}
