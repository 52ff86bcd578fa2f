import Checkpoints
import ChunkStore
import GRDB
import Tensors

extension Registry {
    /// What became of some leaves of a model, from version to version.
    ///
    /// Told from content ids and the health that saves note; weights are read for `measuresDistances` only. Health is
    /// that of the stored tensor: `nil` throughout where the leaf shares a storage and is only a part of what is stored.
    ///
    /// - Parameters:
    ///   - model: The model's name.
    ///   - patterns: Paths to look at, `encoder.*`; everything where there are none.
    ///   - limit: Only the latest versions, at most this many; `nil` for all.
    ///   - measuresDistances: Whether to read the tensors and measure how far each moved.
    /// - Returns: One history for each path that a living version has; in the order of the latest version, then
    ///   those that earlier versions had.
    /// - Throws: ``RegistryError``, ``PathSelectionError``.
    /// - Complexity: O(leaves of the versions); of few paths O(versions · paths); with `measuresDistances`, O(bytes of the
    ///   tensors that changed).
    public func history(
        of model: String, only patterns: [String] = [], limit: Int? = nil, measuresDistances: Bool = false
    ) throws -> [ParameterHistory] {
        let histories = try read { db in
            let modelID = try VersionTable.modelID(db, model)
            // One more, so that the oldest one shown is compared too.
            let versions = try VersionTable.fetch(
                db, where: "version.model = ? AND version.deleted_at IS NULL", arguments: [modelID],
                limit: limit.map { $0 == .max ? $0 : $0 + 1 }
            ).reversed()
            guard let oldest = versions.first else { throw RegistryError.noVersions(model: model) }
            let hasBefore = limit.map { versions.count > $0 } ?? false
            let paths = try HistoryQuery.paths(db, modelID, from: oldest)
            let isSelected = try PathSelection(patterns).selects(paths)
            let wanted = zip(paths, isSelected).filter(\.1).map(\.0)
            var query = try HistoryQuery(db, wanted, leafCount: paths.count)
            return zip(wanted, try query.histories(Array(versions))).map { path, entries in
                ParameterHistory(
                    path: path,
                    entries: hasBefore ? entries.filter { $0.version.rowID != oldest.rowID } : entries)
            }
        }
        return measuresDistances ? try histories.map { try measured($0) } : histories
    }

    /// The same history with distances.
    private func measured(_ history: ParameterHistory) throws -> ParameterHistory {
        var entries = history.entries
        var last: (entry: ParameterHistory.Entry, bytes: Storage)?
        for index in entries.indices {
            let entry = entries[index]
            guard case .tensor(let tensor)? = entry.content,
                let unit = TensorDistance.unit(tensor.dtype)
            else { continue }
            switch entry.change {
            case .unchanged: entries[index].distance = 0
            case .changed(let differences) where differences == [.value]:
                if last?.entry.content != entries[index - 1].content {
                    last = (entries[index - 1], try bytes(of: entries[index - 1], tensor.byteCount))
                }
                let new = try bytes(of: entry, tensor.byteCount)
                if let old = last?.bytes {
                    entries[index].distance = try TensorDistance.l2(old, new, unit: unit)
                }
                last = (entry, new)
            default: break
            }
        }
        return ParameterHistory(path: history.path, entries: entries)
    }

    private func bytes(of entry: ParameterHistory.Entry, _ byteCount: Int) throws -> Storage {
        // The rows of the version are checked before there is memory for what one of them claims.
        let content = try read { db in try VersionContent(db, entry.version) }
        guard content.leaves.indices.contains(entry.ordinal),
            case .tensor(let tensor) = content.manifest.leaves[entry.ordinal].content,
            tensor.byteCount == byteCount
        else {
            throw RegistryError.damaged(
                RegistryError.Damage(
                    version: entry.version.reference, problem: "its leaves do not fit its structure"))
        }
        let storage = Storage(uninitializedByteCount: byteCount)
        try copyTensors(
            of: entry.version, [(leaf: entry.ordinal, destination: storage.unsafeMutableBytes)])
        return storage
    }
}

/// How far two tensors are apart.
private enum TensorDistance {
    /// What to compute with: complex numbers are pairs. `nil` where there is no arithmetic for the type.
    static func unit(_ dtype: DType) -> DType? {
        switch dtype {
        case .complex32: .float16
        case .complex64: .float32
        case .complex128: .float64
        case .bool, .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64, .float16, .bfloat16,
            .float32, .float64:
            dtype
        default: nil
        }
    }

    /// L2 norm of the difference, in double precision, stretch by stretch. NaN if any element is NaN.
    static func l2(_ old: Storage, _ new: Storage, unit: DType) throws -> Double {
        let width = unit.byteWidth ?? 1
        var sum = 0.0
        for start in stride(from: 0, to: new.byteCount, by: 1 << 18) {
            let range = start..<min(start + 1 << 18, new.byteCount)
            func doubles(_ storage: Storage) throws -> [Double] {
                let window = UnsafeMutableRawBufferPointer(rebasing: storage.unsafeMutableBytes[range])
                return try Tensor(
                    storage: Storage(wrapping: window, keepingAlive: storage), dtype: unit,
                    shape: [range.count / width], strides: [1]
                ).doubles()
            }
            var part = 0.0
            for (old, new) in zip(try doubles(old), try doubles(new)) { part += (new - old) * (new - old) }
            sum += part
        }
        return sum.squareRoot()
    }
}
