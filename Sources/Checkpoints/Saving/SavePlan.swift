package import Tensors

/// What a save has to store: which bytes of which storages, and how the checkpoint's tensors are views of them.
///
/// Tensors are grouped by storage. A lone view is stored compact. Views that share a storage are stored once,
/// as the stretches of bytes that they cover together, and remember where they lie in them.
package struct SavePlan: Sendable {
    /// The checkpoint without its leaves.
    package let structure: Structure

    /// The leaves, in the structure's order.
    package let leaves: [Leaf]

    /// The tensors to store, in order of first use.
    package let storedTensors: [StoredTensor]

    /// A leaf of the checkpoint.
    package enum Leaf: Sendable {
        /// A plain value.
        case value(PlainValue)
        /// A tensor, as a view of `storedTensors[stored]`.
        case tensor(stored: Int, view: View, role: TensorRole)
    }

    /// How a leaf lies in its stored tensor, and its stored tensor among those that share its storage.
    package struct View: Hashable, Sendable {
        /// The leaf's element type; a view may read bytes as another type than they are stored as.
        package let dtype: DType
        /// The leaf's shape.
        package let shape: [Int]
        /// Where the leaf's elements lie in the stored tensor; `nil` if the leaf is exactly the stored tensor.
        package let placement: Placement?
        /// The storage that the leaf shares with other leaves; `nil` if it is alone.
        package let sharing: Sharing?

        /// Describes a leaf's place.
        package init(dtype: DType, shape: [Int], placement: Placement?, sharing: Sharing?) {
            self.dtype = dtype
            self.shape = shape
            self.placement = placement
            self.sharing = sharing
        }
    }

    /// A strided view of a stored tensor's bytes.
    package struct Placement: Hashable, Sendable {
        /// Position of the first element, in bytes from the start of the stored tensor.
        package let byteOffset: Int
        /// Distance between neighbours along each axis, in elements of the view's type.
        package let strides: [Int]

        /// Describes a strided view.
        package init(byteOffset: Int, strides: [Int]) {
            self.byteOffset = byteOffset
            self.strides = strides
        }
    }

    /// The membership of a stored tensor in a storage that several leaves share.
    package struct Sharing: Hashable, Sendable {
        /// The storage's number within the checkpoint, by first use, from 0.
        package let storage: Int
        /// Where the stored tensor begins in that storage, in bytes.
        package let byteOffset: Int

        /// Describes a membership.
        package init(storage: Int, byteOffset: Int) {
            self.storage = storage
            self.byteOffset = byteOffset
        }
    }

    /// A tensor to store: always packed and row-major once stored.
    package struct StoredTensor: Sendable {
        /// What one element is.
        package let dtype: DType
        /// Length of each axis.
        package let shape: [Int]
        /// Where the bytes are: the checkpoint's own storage, or a copy where elements had to be gathered.
        package let storage: Storage
        /// The tensor's packed bytes in `storage`.
        package let byteRange: Range<Int>

        /// Bytes that the stored tensor takes before compression.
        package var byteCount: Int { byteRange.count }
    }
}

extension SavePlan {
    /// Where stretches of a shared storage begin when it is put together again: as aligned as new storage.
    package static let sharedStretchAlignment = Storage.alignment

    /// Plans the save of `checkpoint`.
    ///
    /// - Throws: ``CheckpointError`` when it is nested too deeply.
    /// - Complexity: O(n log n) in the number of tensors. Bytes are read of lone views with gaps only, which are
    ///   copied without these.
    package init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        let (structure, leaves) = try checkpoint.disassembled()
        var planner = Planner()
        self.structure = structure
        self.leaves = planner.plan(leaves)
        storedTensors = planner.storedTensors
    }
}

/// Works through the storages of a checkpoint.
private struct Planner {
    var storedTensors: [SavePlan.StoredTensor] = []
    private var sharedStorageCount = 0

    /// Bytes of the widest element there is, `complex128`.
    private static let widestElement = 16

    /// A leaf that is a tensor, and the bytes that it lies in.
    private struct Use {
        let leaf: Int
        let tensor: Tensor
        let role: TensorRole
        let span: Range<Int>
    }

    mutating func plan(_ leaves: [CheckpointLeaf<Tensor>]) -> [SavePlan.Leaf] {
        var usesByStorage: [ObjectIdentifier: [Use]] = [:]
        for (index, leaf) in leaves.enumerated() {
            guard case .tensor(let tensor, let role) = leaf, tensor.elementCount > 0 else { continue }
            usesByStorage[ObjectIdentifier(tensor.storage), default: []].append(
                Use(leaf: index, tensor: tensor, role: role, span: tensor.storageSpan))
        }
        var planned = [SavePlan.Leaf?](repeating: nil, count: leaves.count)
        for (index, leaf) in leaves.enumerated() where planned[index] == nil {
            switch leaf {
            case .value(let value): planned[index] = .value(value)
            case .tensor(let tensor, let role):
                let uses = usesByStorage[ObjectIdentifier(tensor.storage)] ?? []
                // Empty tensors have no bytes to share.
                if tensor.elementCount == 0 || uses.count == 1 {
                    planned[index] = planLone(tensor, role: role)
                } else {
                    for (leaf, plan) in planShared(uses) { planned[leaf] = plan }
                }
            }
        }
        return planned.compactMap { $0 }
    }

    private mutating func planLone(_ tensor: Tensor, role: TensorRole) -> SavePlan.Leaf {
        let span = tensor.storageSpan
        let isSpanFull = span.count <= tensor.byteCount
        let stored: SavePlan.StoredTensor
        var placement: SavePlan.Placement?
        if tensor.isContiguous {
            stored = SavePlan.StoredTensor(
                dtype: tensor.dtype, shape: tensor.shape, storage: tensor.storage, byteRange: span)
        } else if isSpanFull {
            // Axes in another order, such as channels-last, or expanded: kept as they lie in memory.
            stored = stretch(of: tensor.storage, span, dtype: tensor.dtype)
            placement = SavePlan.Placement(byteOffset: 0, strides: tensor.strides)
        } else {
            let copy = tensor.copied()
            stored = SavePlan.StoredTensor(
                dtype: tensor.dtype, shape: tensor.shape, storage: copy.storage, byteRange: copy.storageSpan)
        }
        let view = SavePlan.View(dtype: tensor.dtype, shape: tensor.shape, placement: placement, sharing: nil)
        return .tensor(stored: append(stored), view: view, role: role)
    }

    /// Stores the stretches that the views in `uses` cover, each stretch once.
    private mutating func planShared(_ uses: [Use]) -> [(leaf: Int, plan: SavePlan.Leaf)] {
        let storageNumber = sharedStorageCount
        sharedStorageCount += 1
        var result: [(leaf: Int, plan: SavePlan.Leaf)] = []
        var nextOffset = 0
        for (range, members) in stretches(of: uses) {
            let stored = storedTensor(for: range, members)
            let index = append(stored)
            // Elements of different widths are each aligned in the old storage; keep that in the new one.
            let isUniform = members.allSatisfy { $0.tensor.dtype == stored.dtype }
            nextOffset += isUniform ? 0 : range.lowerBound % Planner.widestElement
            for use in members {
                let isWhole =
                    use.tensor.isContiguous && use.tensor.dtype == stored.dtype
                    && use.tensor.shape == stored.shape
                let placement =
                    isWhole
                    ? nil
                    : SavePlan.Placement(
                        byteOffset: use.span.lowerBound - range.lowerBound, strides: use.tensor.strides)
                let view = SavePlan.View(
                    dtype: use.tensor.dtype, shape: use.tensor.shape, placement: placement,
                    sharing: SavePlan.Sharing(storage: storageNumber, byteOffset: nextOffset))
                result.append((use.leaf, .tensor(stored: index, view: view, role: use.role)))
            }
            let alignment = SavePlan.sharedStretchAlignment
            nextOffset = (nextOffset + range.count + alignment - 1) / alignment * alignment
        }
        return result
    }

    /// The unions of overlapping spans, ascending, each with the views within it in leaf order.
    private func stretches(of uses: [Use]) -> [(range: Range<Int>, members: [Use])] {
        let ordered = uses.sorted { ($0.span.lowerBound, $0.leaf) < ($1.span.lowerBound, $1.leaf) }
        var stretches: [(range: Range<Int>, members: [Use])] = []
        for use in ordered {
            if let last = stretches.last, use.span.lowerBound < last.range.upperBound {
                let end = max(last.range.upperBound, use.span.upperBound)
                stretches[stretches.count - 1].range = last.range.lowerBound..<end
                stretches[stretches.count - 1].members.append(use)
            } else {
                stretches.append((use.span, [use]))
            }
        }
        return stretches.map { ($0.range, $0.members.sorted { $0.leaf < $1.leaf }) }
    }

    /// A stretch of bytes as the first view that is all of it, else as a flat tensor of the views' type.
    private func storedTensor(for range: Range<Int>, _ members: [Use]) -> SavePlan.StoredTensor {
        let storage = members[0].tensor.storage
        if let cover = members.first(where: { $0.tensor.isContiguous && $0.span == range }) {
            return SavePlan.StoredTensor(
                dtype: cover.tensor.dtype, shape: cover.tensor.shape, storage: storage, byteRange: range)
        }
        let dtype = members[0].tensor.dtype
        let isUniform = members.allSatisfy { use in
            use.tensor.dtype == dtype
                && (use.span.lowerBound - range.lowerBound) % (dtype.byteWidth ?? 1) == 0
        }
        return stretch(of: storage, range, dtype: isUniform && dtype.byteWidth != nil ? dtype : .uint8)
    }

    private func stretch(of storage: Storage, _ range: Range<Int>, dtype: DType) -> SavePlan.StoredTensor {
        let count = range.count / (dtype.byteWidth ?? 1)
        return SavePlan.StoredTensor(
            dtype: dtype, shape: [count], storage: storage, byteRange: range)
    }

    private mutating func append(_ stored: SavePlan.StoredTensor) -> Int {
        storedTensors.append(stored)
        return storedTensors.count - 1
    }
}
