import Checkpoints
import ChunkStore
import Foundations
import GRDB
import TensorCodec
import Tensors

/// Puts tensors and chunks right: by what their own bytes prove, and by what other registries have.
struct ContentRepair {
    private let registry: Registry
    private let supplies: [ChunkSupply]
    private let log: RepairLog
    private let repair: ChunkRepair

    init(_ registry: Registry, _ supplies: [ChunkSupply], _ log: RepairLog) {
        self.registry = registry
        self.supplies = supplies
        self.log = log
        repair = ChunkRepair(registry.store)
    }

    /// Chunks that are looked for and written in one transaction, beside the limit of their bytes: where their rows lie about
    /// these, 256 MiB.
    private static let chunkCountAtOnce = 256

    /// - Complexity: O(bytes), in memory for a few tens of chunks, and in short transactions.
    func run(progress: ((_ byteCount: Int) -> Void)?) throws {
        if !supplies.isEmpty { try repairTensors() }
        let damaged = try translatingErrors { try repair.damaged(progress: progress) }
        // Bases first: most of what is a difference from one is whole again with it.
        var rest = damaged[...]
        while let first = rest.first {
            try Task.checkCancellation()
            var byteCount = 0
            let batch = rest.prefix(ContentRepair.chunkCountAtOnce).prefix { chunk in
                defer { byteCount += chunk.byteCount }
                return chunk.depth == first.depth && byteCount < LockPolicy.batchByteCount
            }
            rest = rest.dropFirst(batch.count)
            try repair(batch)
        }
        if !damaged.isEmpty { try checkPackPages() }
    }

    /// Old encodings stay where they are, and gc frees them: by pages that name the next one, which may be wrong.
    private func checkPackPages() throws {
        let problems = try registry.readWhereSound { db in try TableCopies.problems("pack", db) }
        guard problems?.isEmpty != true else { return }
        log.leave(
            "pages of table pack are damaged, and gc would free them: modelreg export writes a registry without them"
        )
    }

    // MARK: Chunks

    private func repair(_ batch: ArraySlice<ChunkRepair.Damaged>) throws {
        var wanted = try translatingErrors { try repair.stillDamaged(batch) }
        for chunk in wanted where try translatingErrors({ try repair.repairChecksum(of: chunk) }) {
            log.note(.init("its checksum was computed anew", chunk: chunk.id))
            wanted.removeAll { $0.row == chunk.row }
        }
        for supply in supplies where !wanted.isEmpty {
            let bytes = try supply.bytes(of: wanted.map(\.id))
            let found = wanted.filter { bytes[$0.id] != nil }
            guard !found.isEmpty else { continue }
            let kinds = try registry.read { db in try found.map { try kind(ofChunk: $0.row, db) } }
            let replacements = zip(found, kinds).map { chunk, kind in
                ChunkRepair.Replacement(chunk, bytes: bytes[chunk.id] ?? [], kind: kind)
            }
            for id in try translatingErrors({ try repair.replace(replacements) }) {
                log.note(.init("its bytes were written anew", chunk: id))
            }
            wanted.removeAll { bytes[$0.id] != nil }
            LockPolicy.pause()
        }
    }

    private func kind(ofChunk row: Int64, _ db: Database) throws -> ElementKind {
        let dtype = try String.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT dtype FROM tensor_chunk JOIN tensor ON tensor.id = tensor_chunk.tensor
                    WHERE tensor_chunk.chunk = ? ORDER BY tensor.id LIMIT 1
                    """), arguments: [row])
        return dtype.flatMap { DType(rawValue: $0) }.map { ElementKind($0) } ?? .bytes
    }

    // MARK: Tensors

    /// A tensor whose rows do not lead to the chunks of its content id.
    private struct Broken {
        let row: Int64
        let id: ContentID
    }

    private func repairTensors() throws {
        for tensor in try brokenTensors() {
            try Task.checkCancellation()
            for supply in supplies {
                guard let found = try supply.chunkIDs(of: tensor.id) else { continue }
                if try replace(tensor, by: found.tensor, found.chunks, from: supply) {
                    log.note(
                        .init("the rows that name the chunks of tensor \(tensor.id.short)… were written anew"))
                    break
                }
            }
        }
    }

    private func brokenTensors() throws -> [Broken] {
        var broken: [Broken] = []
        try TransactionSeries(registry.store).forEachBatch(of: "tensor", where: "TRUE", rowCount: 1000) { ids in
            try registry.read { db in
                let proof = RowProof(registry)
                let find = try db.cachedStatement(sql: "SELECT content_id FROM tensor WHERE id = ?")
                for id in ids where try !proof.isTensorProvenOrGone(id, db) {
                    guard let contentID = try? Row.fetchOne(find, arguments: [id])?.contentID("content_id")
                    else {
                        continue
                    }
                    broken.append(Broken(row: id, id: contentID))
                }
            }
        }
        return broken
    }

    /// Writes the chunks that are missing, and then the rows that name all of them.
    ///
    /// - Returns: Whether all were to be had.
    private func replace(
        _ broken: Broken, by tensor: TensorRow, _ chunks: [ContentID], from supply: ChunkSupply
    ) throws -> Bool {
        let unfinished = UnfinishedWrite(registry.store)
        let writer = ChunkWriter(registry.store, unfinished)
        do {
            var rest = Array(try registry.store.missing(chunks))[...]
            while !rest.isEmpty {
                try Task.checkCancellation()
                let batch = Array(rest.prefix(LockPolicy.batchByteCount / Chunking.chunkByteCount))
                rest = rest.dropFirst(batch.count)
                let bytes = try supply.bytes(of: batch)
                guard bytes.count == batch.count else {
                    writer.abandon()
                    unfinished.abandon()
                    return false
                }
                for chunk in bytes.values {
                    let source = ChunkWriter.Source(byteCount: chunk.count, kind: ElementKind(tensor.dtype)) {
                        target in chunk.withUnsafeBytes { target.copyMemory(from: $0) }
                    }
                    try writer.add([source], isWanted: { _, _ in true }, look: { _, _ in })
                }
            }
            try translatingErrors {
                try writer.finish { db in
                    try unfinished.end(db)
                    // Their row was found by the content id that ours has, and matches it: so dtype and shape do, too.
                    try db.execute(
                        sql: """
                            UPDATE tensor SET dtype = ?, shape = ?, byte_count = ? WHERE id = ? AND content_id = ?
                            """,
                        arguments: [
                            tensor.dtype.rawValue, IntegerList.text(tensor.shape), tensor.byteCount, broken.row,
                            broken.id.data,
                        ])
                    guard db.changesCount > 0 else { return }
                    try db.execute(sql: "DELETE FROM tensor_chunk WHERE tensor = ?", arguments: [broken.row])
                    try TensorChunkTable.insert(chunks, of: broken.row, db)
                }
            }
            return true
        } catch {
            writer.abandon()
            unfinished.abandon()
            throw error
        }
    }
}
