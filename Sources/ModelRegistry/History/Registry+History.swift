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
    /// - Complexity: O(versions · paths); with `measuresDistances`, O(bytes of the tensors that changed).
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
            let query = try HistoryQuery(db, modelID, from: oldest)
            return try zip(paths, isSelected).filter(\.1).map { path, _ in
                let entries = try query.entries(at: path, Array(versions))
                return ParameterHistory(
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

/// Reads the leaves of many versions, path by path.
private struct HistoryQuery {
    private let statement: Statement
    private let modelID: Int64
    private let firstNumber: Int

    init(_ db: Database, _ modelID: Int64, from oldest: Version) throws {
        self.modelID = modelID
        firstNumber = oldest.number
        // CROSS JOIN: from the model's versions to the path, since other models may have the path too.
        statement = try db.cachedStatement(
            sql: """
                SELECT version.id AS version_id, parameter.ordinal, value_kind, value, storage, view_id,
                       tensor.content_id, ifnull(view_dtype, dtype) AS dtype, ifnull(view_shape, shape) AS shape,
                       nan_count, infinity_count, zero_count, minimum, maximum, l2_norm
                FROM version CROSS JOIN parameter INDEXED BY parameter_by_path
                  ON parameter.version = version.id AND parameter.path = (SELECT id FROM path WHERE text = ?1)
                LEFT JOIN tensor ON tensor.id = parameter.tensor
                WHERE version.model = ?2 AND version.number >= ?3 AND version.deleted_at IS NULL
                ORDER BY version.number, parameter.ordinal
                """)
    }

    /// All paths of the model's living versions, those of the latest first.
    static func paths(_ db: Database, _ modelID: Int64, from oldest: Version) throws -> [CheckpointPath] {
        let texts = try String.fetchAll(
            db,
            sql: """
                SELECT structure.json FROM version JOIN structure ON structure.id = version.structure
                WHERE version.model = ? AND version.number >= ? AND version.deleted_at IS NULL
                GROUP BY structure.id ORDER BY max(version.number) DESC
                """,
            arguments: [modelID, oldest.number])
        var seen: Set<[UInt8]> = []
        do {
            return try texts.flatMap { text in
                try Structure(json: text).leafPaths.filter { seen.insert(Array($0.text.utf8)).inserted }
            }
        } catch let error as StructureError {
            throw RegistryError.Damage(problem: "\(error)")
        }
    }

    /// A leaf in one version. Of several that spell the same (the keys 0 and "0"), the first.
    private struct Leaf {
        let ordinal: Int
        let content: Manifest.Content
        let health: ParameterHealth?
    }

    func entries(at path: CheckpointPath, _ versions: [Version]) throws -> [ParameterHistory.Entry] {
        var leaves: [Int64: Leaf] = [:]
        let rows = try Row.fetchCursor(statement, arguments: [path.text, modelID, firstNumber])
        while let row = try rows.next() {
            let version: Int64 = try row.value("version_id")
            if leaves[version] == nil { leaves[version] = try leaf(row) }
        }
        var entries: [ParameterHistory.Entry] = []
        var before: Leaf?
        for version in versions {
            let leaf = leaves[version.rowID]
            if leaf != nil || before != nil {
                entries.append(
                    ParameterHistory.Entry(
                        version: version,
                        change: ParameterHistory.Change(from: before?.content, to: leaf?.content),
                        content: leaf?.content, health: leaf?.health,
                        normChange: Self.relativeChange(from: before?.health?.l2Norm, to: leaf?.health?.l2Norm),
                        ordinal: leaf?.ordinal ?? 0))
            }
            before = leaf
        }
        return entries
    }

    private static func relativeChange(from old: Double?, to new: Double?) -> Double? {
        guard let old, let new else { return nil }
        if old == new { return 0 }
        return old == 0 ? nil : (new - old) / old
    }

    private func leaf(_ row: Row) throws -> Leaf {
        let ordinal: Int = try row.value("ordinal")
        if let kind: String = try row.optional("value_kind") {
            let value = try PlainValue(kind: kind, value: row["value"])
            return Leaf(ordinal: ordinal, content: .value(value), health: nil)
        }
        let (dtype, shape) = (
            try DType(column: row.value("dtype")), try IntegerList.numbers(row.value("shape"))
        )
        // Memory for it is made of what the row claims.
        guard (try? TensorGeometry.byteCount(dtype: dtype, shape: shape)) != nil else {
            throw RegistryError.Damage(problem: "\(dtype) of shape \(shape) is impossibly large")
        }
        let isView = !(row["view_id"] as DatabaseValue).isNull
        let content = Manifest.TensorContent(
            id: try row.contentID(isView ? "view_id" : "content_id"), dtype: dtype, shape: shape, tie: nil)
        // A lone view holds all elements of its tensor; one that shares a storage may be any part of it.
        let isWhole = !isView || (row["storage"] as DatabaseValue).isNull
        return Leaf(
            ordinal: ordinal, content: .tensor(content), health: try ParameterHealth(row, isWhole: isWhole))
    }
}

extension ParameterHistory.Change {
    fileprivate init(from old: Manifest.Content?, to new: Manifest.Content?) {
        guard let new else {
            self = .removed
            return
        }
        guard let old else {
            self = .added
            return
        }
        let differences = CheckpointDiff.differences(from: old, to: new)
        self = differences.isEmpty ? .unchanged : .changed(differences)
    }
}
