import Checkpoints
import ChunkStore
import GRDB
import Tensors

/// Reads some leaves of many versions, version by version, and the row of each tensor once.
struct HistoryQuery {
    /// The leaf in a version. Entries of versions with the same content share it.
    final class Leaf: Sendable {
        let content: Manifest.Content
        let health: ParameterHealth?

        init(_ content: Manifest.Content, health: ParameterHealth?) {
            self.content = content
            self.health = health
        }
    }

    private struct TensorFacts {
        let contentID: ContentID
        let dtype: DType
        let shape: [Int]
        let health: ParameterHealth
        /// A leaf that is exactly the tensor.
        let leaf: Leaf
    }

    private let leaves: Statement
    private let tensor: Statement
    /// The places among the paths asked for, by row of `path`.
    private let places: [Int64: Int]
    private let pathCount: Int
    private var tensors: [Int64: TensorFacts] = [:]

    /// A version in which less than this part of the paths is wanted is searched, and not read through.
    private static let searchedPart = 8

    /// - Parameters:
    ///   - paths: Those that are wanted.
    ///   - leafCount: How many leaves versions have, about.
    init(_ db: Database, _ paths: [CheckpointPath], leafCount: Int) throws {
        let find = try db.cachedStatement(sql: "SELECT id FROM path WHERE text = ?")
        var places: [Int64: Int] = [:]
        for (place, path) in paths.enumerated() {
            if let row = try Int64.fetchOne(find, arguments: [path.text]) { places[row] = place }
        }
        self.places = places
        pathCount = paths.count
        let columns = "path, ordinal, tensor, value_kind, value, storage, view_id, view_dtype, view_shape"
        let isSearched = paths.count <= leafCount / HistoryQuery.searchedPart
        leaves = try db.makeStatement(
            sql: isSearched
                ? """
                SELECT \(columns) FROM parameter INDEXED BY parameter_by_path
                WHERE version = ? AND path IN (\(places.keys.map(String.init).joined(separator: ","))) ORDER BY ordinal
                """ : "SELECT \(columns) FROM parameter WHERE version = ? ORDER BY ordinal")
        tensor = try db.cachedStatement(
            sql: """
                SELECT content_id, dtype, shape, nan_count, infinity_count, zero_count, minimum, maximum, l2_norm
                FROM tensor WHERE id = ?
                """)
    }

    /// The histories of the paths, in their order.
    ///
    /// - Parameter versions: Oldest first.
    /// - Complexity: O(leaves of the versions); O(versions · paths) where few paths are wanted.
    mutating func histories(_ versions: [Version]) throws -> [[ParameterHistory.Entry]] {
        var histories = [[ParameterHistory.Entry]](repeating: [], count: pathCount)
        var before = [Leaf?](repeating: nil, count: pathCount)
        for version in versions {
            let found = try read(version)
            let origin = ParameterHistory.Origin(version)
            for place in histories.indices {
                let leaf = found[place]?.leaf
                let old = before[place]
                guard leaf != nil || old != nil else { continue }
                let isSame = leaf === old
                histories[place].append(
                    ParameterHistory.Entry(
                        origin: origin, leaf: leaf,
                        change: isSame
                            ? .unchanged : ParameterHistory.Change(from: old?.content, to: leaf?.content),
                        normChange: HistoryQuery.relativeChange(
                            from: old?.health?.l2Norm, to: leaf?.health?.l2Norm),
                        ordinal: found[place]?.ordinal ?? 0))
                before[place] = leaf
            }
        }
        return histories
    }

    /// The wanted leaves of a version. Of several that spell the same (the keys 0 and "0"), the first.
    private mutating func read(_ version: Version) throws -> [(leaf: Leaf, ordinal: Int)?] {
        var found = [(leaf: Leaf, ordinal: Int)?](repeating: nil, count: pathCount)
        let rows = try Row.fetchCursor(leaves, arguments: [version.rowID])
        while let row = try rows.next() {
            // By index: a name is searched for in each row.
            guard let path = Int64.fromDatabaseValue(row[0]), let place = places[path], found[place] == nil
            else { continue }
            guard let ordinal = Int.fromDatabaseValue(row[1]) else {
                throw RegistryError.Damage(problem: "a leaf without a place")
            }
            found[place] = (try leaf(row), ordinal)
        }
        return found
    }

    private mutating func leaf(_ row: Row) throws -> Leaf {
        if let kind: String = try row.optional("value_kind") {
            return Leaf(.value(try PlainValue(kind: kind, value: row["value"])), health: nil)
        }
        let facts = try facts(of: row.value("tensor"))
        guard !row.hasNull(atIndex: 6) else { return facts.leaf }
        let dtype = try row.optional("view_dtype").map { try DType(column: $0) } ?? facts.dtype
        let shape = try row.optional("view_shape").map { try IntegerList.numbers($0) } ?? facts.shape
        // A lone view holds all elements of its tensor; one that shares a storage may be any part of it.
        let isWhole = (row["storage"] as DatabaseValue).isNull
        return try Leaf(
            HistoryQuery.content(row.contentID("view_id"), dtype, shape),
            health: isWhole ? facts.health : .unknown)
    }

    private mutating func facts(of id: Int64) throws -> TensorFacts {
        if let known = tensors[id] { return known }
        guard let row = try Row.fetchOne(tensor, arguments: [id]) else {
            throw RegistryError.Damage(problem: "a tensor's row is missing")
        }
        let contentID = try row.contentID("content_id")
        let (dtype, shape) = (
            try DType(column: row.value("dtype")), try IntegerList.numbers(row.value("shape"))
        )
        let health = try ParameterHealth(row, isWhole: true)
        let facts = TensorFacts(
            contentID: contentID, dtype: dtype, shape: shape, health: health,
            leaf: try Leaf(HistoryQuery.content(contentID, dtype, shape), health: health))
        tensors[id] = facts
        return facts
    }

    private static func content(_ id: ContentID, _ dtype: DType, _ shape: [Int]) throws -> Manifest.Content {
        // Memory for it is made of what the row claims.
        guard (try? TensorGeometry.byteCount(dtype: dtype, shape: shape)) != nil else {
            throw RegistryError.Damage(problem: "\(dtype) of shape \(shape) is impossibly large")
        }
        return .tensor(Manifest.TensorContent(id: id, dtype: dtype, shape: shape, tie: nil))
    }

    private static func relativeChange(from old: Double?, to new: Double?) -> Double? {
        guard let old, let new else { return nil }
        if old == new { return 0 }
        return old == 0 ? nil : (new - old) / old
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
