import Checkpoints
import ChunkStore
import Foundation
import GRDB
import Tensors

/// A tensor's row.
struct TensorRow: Hashable, Sendable {
    let rowID: Int64
    let contentID: ContentID
    let dtype: DType
    let shape: [Int]
    /// As many as its chunks hold: a row that claims more than is there never becomes memory.
    let byteCount: Int
}

/// Rows of `tensor`.
enum TensorTable {
    /// The row of a tensor, if there is one.
    static func row(of id: ContentID, _ db: Database) throws -> Int64? {
        try db.row(in: "tensor", where: "content_id", is: id.data)
    }

    /// The row of a tensor, inserted where there is none. Its chunks are there.
    static func findOrInsert(_ tensor: NewTensor, _ db: Database) throws -> Int64 {
        if let row = try row(of: tensor.id, db) { return row }
        let insertion = try db.cachedStatement(
            sql: """
                INSERT INTO tensor
                  (content_id, dtype, shape, byte_count, nan_count, infinity_count, zero_count, minimum, maximum, l2_norm)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        let health = tensor.health
        try insertion.execute(arguments: [
            tensor.id.data, tensor.dtype.rawValue, IntegerList.text(tensor.shape), tensor.byteCount,
            health?.nanCount, health?.infinityCount, health?.zeroCount, health?.minimum, health?.maximum,
            health?.l2Norm,
        ])
        let row = db.lastInsertedRowID
        try TensorChunkTable.insert(tensor.chunks, of: row, db)
        return row
    }

    /// The tensor in a row; `nil` where there is no such row. Found without an index.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func tensor(_ row: Int64, _ db: Database) throws -> TensorRow? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT id AS tensor_id, content_id, dtype, shape, byte_count,
                           (SELECT count(*) FROM tensor_chunk WHERE tensor_chunk.tensor = tensor.id)
                             AS chunk_count
                    FROM tensor NOT INDEXED WHERE id = ?
                    """), arguments: [row]
        ).map { try TensorRow($0) }
    }

    /// Those of `ids` that the registry has.
    static func known(_ ids: some Sequence<ContentID>, _ db: Database) throws -> Set<ContentID> {
        let ids = Array(Set(ids))
        return Set(zip(ids, try rows(of: ids, db)).lazy.filter { $0.1 != nil }.map(\.0))
    }

    /// The rows of tensors, in the order of `ids`; `nil` where there is none.
    ///
    /// One question for all of them: a model may have ten thousand. As ``row(of:_:)``, it trusts no index.
    ///
    /// - Throws: ``StoreDamage``.
    static func rows(of ids: [ContentID], _ db: Database) throws -> [Int64?] {
        var rows = [Int64?](repeating: nil, count: ids.count)
        guard !ids.isEmpty else { return rows }
        var packed = Data(capacity: ids.count * ContentID.byteCount)
        for id in ids { id.withUnsafeBytes { packed.append(contentsOf: $0) } }
        let found = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    WITH RECURSIVE place(number) AS
                      (SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number + 1 < ?2)
                    SELECT number, found.id,
                           found.content_id = substr(?1, ?3 * number + 1, ?3) AS is_right
                    FROM place
                    CROSS JOIN tensor AS indexed ON indexed.content_id = substr(?1, ?3 * number + 1, ?3)
                    JOIN tensor AS found ON found.id = indexed.id
                    """), arguments: [packed, ids.count, ContentID.byteCount])
        while let row = try found.next() {
            guard row[2] == true else {
                throw StoreDamage(problem: "the index of \"tensor.content_id\" does not match its table")
            }
            rows[row[0]] = row[1]
        }
        return rows
    }

    /// The tensors of a version, in the order of its leaves.
    static func facts(_ db: Database, version: Int64) throws -> [TensorFacts] {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT path.text AS path, tensor.dtype, tensor.shape, tensor.byte_count, nan_count, infinity_count,
                           zero_count, minimum, maximum, l2_norm
                    FROM parameter JOIN tensor ON tensor.id = parameter.tensor JOIN path ON path.id = parameter.path
                    WHERE version = ? ORDER BY ordinal
                    """), arguments: [version])
        var facts: [TensorFacts] = []
        while let row = try rows.next() {
            let shape = try IntegerList.numbers(row.value("shape"))
            var count = 1
            for length in shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: length)
                guard !overflow, product >= 0 else {
                    throw RegistryError.Damage(problem: "impossible shape \(shape)")
                }
                count = product
            }
            facts.append(
                TensorFacts(
                    path: try row.value("path"), dtype: try row.value("dtype"), count: count,
                    byteCount: try row.value("byte_count"), nanCount: try row.optional("nan_count"),
                    infinityCount: try row.optional("infinity_count"),
                    zeroCount: try row.optional("zero_count"),
                    minimum: try row.optional("minimum"), maximum: try row.optional("maximum"),
                    l2Norm: try row.optional("l2_norm")))
        }
        return facts
    }

    /// The health of a tensor.
    ///
    /// - Throws: ``RegistryError/Damage``.
    static func health(_ db: Database, row: Int64) throws -> TensorHealth {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql:
                    "SELECT nan_count, infinity_count, zero_count, minimum, maximum, l2_norm FROM tensor WHERE id = ?"
            ), arguments: [row])
        guard let row else { throw RegistryError.Damage(problem: "a tensor's row is missing") }
        return try TensorHealth(row)
    }
}

extension TensorHealth {
    /// Reads the columns of a tensor's row.
    fileprivate init(_ row: Row) throws {
        nanCount = try row.optional("nan_count")
        infinityCount = try row.optional("infinity_count")
        zeroCount = try row.optional("zero_count")
        minimum = try row.optional("minimum")
        maximum = try row.optional("maximum")
        l2Norm = try row.optional("l2_norm")
    }
}

extension TensorRow {
    /// Reads and checks columns of a tensor's row: `tensor_id`, those of the table, and `chunk_count`.
    ///
    /// - Throws: ``RegistryError/Damage``.
    init(_ row: Row) throws {
        rowID = try row.value("tensor_id")
        contentID = try row.contentID("content_id")
        dtype = try DType(column: row.value("dtype"))
        shape = try IntegerList.numbers(row.value("shape"))
        byteCount = try row.value("byte_count")
        guard let needed = try? TensorGeometry.byteCount(dtype: dtype, shape: shape), needed == byteCount else {
            throw RegistryError.Damage(problem: "\(dtype) of shape \(shape) is not \(byteCount) bytes")
        }
        let chunkCount: Int = try row.value("chunk_count")
        let expected = Chunking.chunkCount(byteCount: byteCount)
        guard chunkCount == expected else {
            throw RegistryError.Damage(problem: "\(chunkCount) chunks where \(expected) belong")
        }
    }
}
