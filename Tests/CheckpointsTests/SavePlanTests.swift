import Checkpoints
import Foundations
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct SavePlanTests {
    /// Bytes 0, 1, 2, …, as a storage.
    private func counted(_ byteCount: Int) -> Storage {
        (0..<byteCount).map { UInt8($0) }.withUnsafeBytes { Storage(copying: $0) }
    }

    private func view(
        _ storage: Storage, _ shape: [Int], strides: [Int]? = nil, offset: Int = 0
    ) throws -> Tensor {
        try view(storage, .uint8, shape, strides: strides, offset: offset)
    }

    private func view(
        _ storage: Storage, _ dtype: DType, _ shape: [Int], strides: [Int]? = nil, offset: Int = 0
    ) throws -> Tensor {
        try Tensor(storage: storage, dtype: dtype, shape: shape, strides: strides, offset: offset)
    }

    private func plan(_ tensors: Tensor...) throws -> SavePlan {
        try SavePlan(.list(tensors.map { .tensor($0) }))
    }

    private func views(_ plan: SavePlan) -> [SavePlan.View] {
        plan.leaves.compactMap { leaf in if case .tensor(_, let view, _) = leaf { view } else { nil } }
    }

    private func storedIndices(_ plan: SavePlan) -> [Int] {
        plan.leaves.compactMap { leaf in if case .tensor(let stored, _, _) = leaf { stored } else { nil } }
    }

    private func bytes(_ stored: SavePlan.StoredTensor) -> [UInt8] { stored.withUnsafeBytes { [UInt8]($0) } }

    // MARK: Alone

    @Test func loneContiguousTensorIsStoredAsItIs() throws {
        let tensor = try view(counted(10), [2, 3], offset: 2)
        let plan = try plan(tensor)
        #expect(plan.storedTensors.count == 1)
        #expect(plan.storedTensors[0].shape == [2, 3])
        #expect(plan.storedTensors[0].storage === tensor.storage)
        #expect(plan.storedTensors[0].byteRange == 2..<8)
        #expect(views(plan) == [SavePlan.View(dtype: .uint8, shape: [2, 3], placement: nil, sharing: nil)])
    }

    @Test func loneViewWithGapsIsStoredCompact() throws {
        let plan = try plan(try view(counted(12), [2, 2], strides: [6, 2], offset: 1))
        #expect(plan.storedTensors[0].shape == [2, 2])
        #expect(bytes(plan.storedTensors[0]) == [1, 3, 7, 9])
        #expect(views(plan)[0].placement == nil)
    }

    @Test func loneRowWithGapsAndRepeatsIsStoredCompact() throws {
        // Each of two elements, 9 bytes apart, three times: 10 bytes of memory for 6 elements.
        let plan = try plan(try view(counted(10), [2, 3], strides: [9, 0]))
        #expect(bytes(plan.storedTensors[0]) == [0, 0, 0, 9, 9, 9])
        #expect(views(plan)[0].placement == nil)
    }

    @Test func lonePermutedTensorKeepsItsStrides() throws {
        let plan = try plan(try view(counted(8), [3, 2], strides: [1, 3], offset: 2))
        #expect(plan.storedTensors[0].shape == [6])
        #expect(bytes(plan.storedTensors[0]) == [2, 3, 4, 5, 6, 7])
        #expect(views(plan)[0].placement == SavePlan.Placement(byteOffset: 0, strides: [1, 3]))
        #expect(views(plan)[0].sharing == nil)
    }

    @Test func expandedTensorStoresItsElementsOnce() throws {
        let plan = try plan(try view(counted(4), .uint16, [1000, 2], strides: [0, 1]))
        #expect(plan.storedTensors[0].byteCount == 4)
        #expect(plan.storedTensors[0].dtype == .uint16)
        #expect(views(plan)[0].shape == [1000, 2])
        #expect(views(plan)[0].placement == SavePlan.Placement(byteOffset: 0, strides: [0, 1]))
    }

    // A file of a few bytes can say this.
    @Test func impossiblyLargeExpandedTensorIsPlannedOrRefused() throws {
        for exponent in 40...62 {
            guard let tensor = try? view(counted(1), [1 << exponent], strides: [0]) else { continue }
            let plan = try plan(tensor, try view(counted(1), [1 << exponent], strides: [0]), tensor)
            #expect(plan.storedTensors.allSatisfy { $0.byteCount == 1 })
            #expect(try Manifest(plan, ids: plan.hashes().leaves).byteCount > 0)
        }
    }

    @Test func scalarAndEmptyTensorsAreStored() throws {
        let plan = try plan(
            try view(counted(8), .float64, []), try view(counted(8), .float64, [0, 3], offset: 1))
        #expect(plan.storedTensors.map(\.shape) == [[], [0, 3]])
        #expect(plan.storedTensors.map(\.byteCount) == [8, 0])
        #expect(plan.storedTensors.map(\.chunkCount) == [1, 0])
    }

    @Test func plainValuesStoreNoTensor() throws {
        let plan = try SavePlan(.tuple([.integer(1), .none]))
        #expect(plan.storedTensors.isEmpty)
        #expect(plan.leaves.count == 2)
    }

    // MARK: Sharing a storage

    @Test func tiedTensorsAreStoredOnce() throws {
        let tensor = Tensor([Float(1), 2, 3])
        let plan = try plan(tensor, tensor)
        #expect(plan.storedTensors.count == 1)
        #expect(storedIndices(plan) == [0, 0])
        let tied = SavePlan.View(
            dtype: .float32, shape: [3], placement: nil, sharing: SavePlan.Sharing(storage: 0, byteOffset: 0))
        #expect(views(plan) == [tied, tied])
    }

    @Test func equalTensorsStaySeparate() throws {
        let plan = try plan(Tensor([Float(1)]), Tensor([Float(1)]))
        #expect(plan.storedTensors.count == 2)
        #expect(views(plan).allSatisfy { $0.sharing == nil })
    }

    @Test func overlappingViewsWithACoverAreViewsOfIt() throws {
        let storage = counted(12)
        let plan = try plan(
            try view(storage, [2], offset: 5), try view(storage, [2, 4], offset: 2),
            try view(storage, [4, 2], strides: [1, 4], offset: 2))
        #expect(plan.storedTensors.count == 1)
        #expect(plan.storedTensors[0].shape == [2, 4])
        #expect(plan.storedTensors[0].byteRange == 2..<10)
        let sharing = SavePlan.Sharing(storage: 0, byteOffset: 0)
        #expect(
            views(plan) == [
                SavePlan.View(
                    dtype: .uint8, shape: [2], placement: SavePlan.Placement(byteOffset: 3, strides: [1]),
                    sharing: sharing),
                SavePlan.View(dtype: .uint8, shape: [2, 4], placement: nil, sharing: sharing),
                SavePlan.View(
                    dtype: .uint8, shape: [4, 2],
                    placement: SavePlan.Placement(byteOffset: 0, strides: [1, 4]),
                    sharing: sharing),
            ])
    }

    @Test func overlappingViewsWithoutACoverStoreTheirUnion() throws {
        let storage = counted(40)
        let plan = try plan(
            try view(storage, .float32, [3], offset: 1), try view(storage, .float32, [4], offset: 3))
        #expect(plan.storedTensors.count == 1)
        #expect(plan.storedTensors[0].dtype == .float32)
        #expect(plan.storedTensors[0].shape == [6])
        #expect(plan.storedTensors[0].byteRange == 4..<28)
        #expect(views(plan).map(\.placement?.byteOffset) == [0, 8])
    }

    @Test func disjointViewsShareAStorageWithoutWhatIsBetween() throws {
        let storage = counted(200)
        let plan = try plan(try view(storage, [10], offset: 150), try view(storage, [20], offset: 30))
        #expect(plan.storedTensors.map(\.byteRange) == [30..<50, 150..<160])
        #expect(storedIndices(plan) == [1, 0])
        #expect(
            views(plan).map(\.sharing) == [
                SavePlan.Sharing(storage: 0, byteOffset: 64), SavePlan.Sharing(storage: 0, byteOffset: 0),
            ])
        #expect(views(plan).allSatisfy { $0.placement == nil })
    }

    @Test func neighboursThatTouchStaySeparateStretches() throws {
        let storage = counted(8)
        let plan = try plan(try view(storage, [4]), try view(storage, [4], offset: 4))
        #expect(plan.storedTensors.map(\.byteRange) == [0..<4, 4..<8])
    }

    @Test func viewsOfSeveralTypesAreStoredAsBytesAndStayAligned() throws {
        let storage = counted(64)
        let plan = try plan(
            try view(storage, .float32, [3], offset: 3), try view(storage, .uint16, [4], offset: 5))
        #expect(plan.storedTensors[0].dtype == .uint8)
        #expect(plan.storedTensors[0].byteRange == 10..<24)
        for view in views(plan) {
            let first = (view.sharing?.byteOffset ?? 0) + (view.placement?.byteOffset ?? 0)
            #expect(first % (view.dtype.byteWidth ?? 1) == 0)
        }
    }

    @Test func storagesAreNumberedByFirstUse() throws {
        let tensors = (0..<3).map { Tensor([Float($0)]) }
        let plan = try plan(tensors[2], tensors[1], tensors[0], tensors[1], tensors[2])
        #expect(views(plan).map(\.sharing?.storage) == [0, 1, nil, 1, 0])
    }

    @Test func emptyTensorsShareNothing() throws {
        let storage = counted(8)
        let plan = try plan(
            try view(storage, [8]), try view(storage, [0], offset: 3), try view(storage, [0], offset: 3))
        #expect(views(plan).allSatisfy { $0.sharing == nil })
    }

    @Test func aStoragePutTogetherAgainIsPlannedTheSame() throws {
        // What a plan says of a storage is how the storage is made when it is loaded; saving that must say the same.
        for seed in 0..<200 as Range<UInt64> {
            var random = RandomCheckpoints(seed: seed)
            let plan = try SavePlan(random.checkpoint())
            let ids = try plan.hashes()
            let again = try SavePlan(
                try #require(try plan.structure.assembled(from: loaded(plan)), "seed \(seed)"))
            let manifests = [
                Manifest(plan, ids: ids.leaves), Manifest(again, ids: try again.hashes().leaves),
            ]
            #expect(manifests[0].canonicalBytes == manifests[1].canonicalBytes, "seed \(seed)")
            #expect(try Set(again.hashes().stored).subtracting(ids.stored).isEmpty, "seed \(seed)")
        }
    }

    /// The plan's leaves in new memory, shared storages laid out as it says.
    private func loaded(_ plan: SavePlan) throws -> [CheckpointLeaf<Tensor>] {
        var storages: [Int: Storage] = [:]
        return try plan.leaves.map { leaf in
            switch leaf {
            case .value(let value): return .value(value)
            case .tensor(let stored, let view, let role):
                let stored = plan.storedTensors[stored]
                let storage =
                    view.sharing.map { sharing in
                        storages[sharing.storage] ?? Storage(zeroedByteCount: 1 << 16)
                    } ?? Storage(zeroedByteCount: stored.byteCount)
                if let sharing = view.sharing { storages[sharing.storage] = storage }
                let start = view.sharing?.byteOffset ?? 0
                storage.withUnsafeMutableBytes { bytes in
                    stored.withUnsafeBytes { source in
                        UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + source.count]).copyMemory(
                            from: source)
                    }
                }
                let width = view.dtype.byteWidth ?? 1
                let tensor = try Tensor(
                    storage: storage, dtype: view.dtype, shape: view.shape, strides: view.placement?.strides,
                    offset: (start + (view.placement?.byteOffset ?? 0)) / width)
                return .tensor(tensor, role: role)
            }
        }
    }
}
