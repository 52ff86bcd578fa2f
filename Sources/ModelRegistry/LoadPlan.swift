import Checkpoints
import Tensors

/// How the leaves of a version become tensors: which storages to make, and which stored tensors go where in them.
struct LoadPlan {
    /// The tensors to read.
    private(set) var requests: [TensorReader.Request] = []
    /// The leaves, once the requests are fulfilled; `nil` where not selected.
    private(set) var leaves: [CheckpointLeaf?] = []

    /// Makes storages for the leaves of `content` that are selected.
    ///
    /// - Throws: ``RegistryError/damaged(_:)`` when shared storages contradict themselves.
    init(_ content: VersionContent, selected: [Bool]) throws {
        do {
            var shared = try SharedStorages(content, selected: selected)
            for (leaf, isSelected) in zip(content.leaves, selected) {
                guard isSelected else {
                    leaves.append(nil)
                    continue
                }
                switch leaf.content {
                case .value(let value): leaves.append(.value(value))
                case .tensor(let row, let view, _):
                    let (storage, byteOffset) = shared.place(row, view, path: leaf.path, &requests)
                    leaves.append(.tensor(try LoadPlan.tensor(storage, view, at: byteOffset), role: leaf.role))
                }
            }
        } catch var damage as RegistryError.Damage {
            damage.version = content.version.reference
            throw RegistryError.damaged(damage)
        }
    }

    private static func tensor(_ storage: Storage, _ view: SavePlan.View, at byteOffset: Int) throws -> Tensor {
        let first = byteOffset + (view.placement?.byteOffset ?? 0)
        let width = view.dtype.byteWidth ?? 1
        guard first % width == 0 else {
            throw RegistryError.Damage(problem: "a view is not aligned to its elements")
        }
        do {
            return try Tensor(
                storage: storage, dtype: view.dtype, shape: view.shape, strides: view.placement?.strides,
                offset: first / width)
        } catch {
            throw RegistryError.Damage(problem: "\(error)")
        }
    }
}

/// The storages that leaves share, each made once.
private struct SharedStorages {
    private var storages: [Int: (storage: Storage, start: Int)] = [:]
    private var placed: Set<Place> = []

    private struct Place: Hashable {
        let tensor: Int64
        let storage: Int
        let byteOffset: Int
    }

    init(_ content: VersionContent, selected: [Bool]) throws {
        struct Extent {
            var range: Range<Int>
            var members: [Place: Int]
        }
        var extents: [Int: Extent] = [:]
        for (leaf, isSelected) in zip(content.leaves, selected) where isSelected {
            guard case .tensor(let row, let view, _) = leaf.content, let sharing = view.sharing else {
                continue
            }
            let (end, overflow) = sharing.byteOffset.addingReportingOverflow(row.byteCount)
            guard !overflow else { throw RegistryError.Damage(problem: "a shared storage is impossibly large") }
            let place = Place(tensor: row.rowID, storage: sharing.storage, byteOffset: sharing.byteOffset)
            var extent = extents[sharing.storage] ?? Extent(range: sharing.byteOffset..<end, members: [:])
            let lower = min(extent.range.lowerBound, sharing.byteOffset)
            extent.range = lower..<max(extent.range.upperBound, end)
            extent.members[place] = row.byteCount
            extents[sharing.storage] = extent
        }
        for (number, extent) in extents {
            // What is not selected may leave gaps, but none that the version's own tensors do not explain.
            let known = content.leaves.reduce(0) { sum, leaf in
                guard case .tensor(let row, let view, _) = leaf.content, view.sharing?.storage == number else {
                    return sum
                }
                return sum + row.byteCount + 2 * SavePlan.sharedStretchAlignment
            }
            let start =
                extent.range.lowerBound / SavePlan.sharedStretchAlignment * SavePlan.sharedStretchAlignment
            guard extent.range.upperBound - start <= known else {
                throw RegistryError.Damage(problem: "a shared storage is larger than what is in it")
            }
            storages[number] = (Storage(zeroedByteCount: extent.range.upperBound - start), start)
        }
    }

    /// The storage and position of a leaf's stored tensor, which is read if nobody has asked for it yet.
    mutating func place(
        _ row: TensorRow, _ view: SavePlan.View, path: CheckpointPath, _ requests: inout [TensorReader.Request]
    ) -> (Storage, byteOffset: Int) {
        guard let sharing = view.sharing, let (storage, start) = storages[sharing.storage] else {
            let storage = Storage(uninitializedByteCount: row.byteCount)
            requests.append(
                TensorReader.Request(tensor: row, path: path, destination: storage.unsafeMutableBytes))
            return (storage, 0)
        }
        let place = Place(tensor: row.rowID, storage: sharing.storage, byteOffset: sharing.byteOffset)
        let offset = sharing.byteOffset - start
        if placed.insert(place).inserted {
            let bytes = storage.unsafeMutableBytes[offset..<offset + row.byteCount]
            requests.append(
                TensorReader.Request(
                    tensor: row, path: path, destination: UnsafeMutableRawBufferPointer(rebasing: bytes)))
        }
        return (storage, offset)
    }
}
