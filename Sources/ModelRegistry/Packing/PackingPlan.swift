import Checkpoints
import GRDB
import TensorCodec
import Tensors

/// What of a version can be stored as differences from a later version.
struct PackingPlan: Sendable {
    /// A tensor's name, and the chunks of it that differ between the versions.
    struct Candidate: Sendable {
        let path: Int64
        let kind: ElementKind
        let byteCount: Int
        var pairs: [Pair]
        /// What is remembered of the name; `nil` where a sample has to say.
        let isDelta: Bool?
    }

    /// A changed chunk, and the later version's chunk in its place.
    struct Pair: Sendable {
        let ordinal: Int
        let chunk: Int64
        let base: Int64
        /// Whether the chunk is a difference already, from a version that stood in for the base.
        let hasOtherBase: Bool
    }

    let candidates: [Candidate]

    /// Tensors up to this length are tried whole.
    static let sampleByteCount = 16 << 10

    /// Versions that go by what one sample said.
    static let usesOfASample = 8

    /// Compares the rows of versions of a model.
    ///
    /// - Parameters:
    ///   - base: The version to store differences from.
    ///   - earlierBases: Versions that stood in for it before it was saved.
    ///   - reconsiders: Whether to look at chunks again that are deltas from `base` already.
    init(
        _ db: Database, version: Int64, base: Int64, earlierBases: [Int64], rules: PackingRules,
        reconsiders: Bool
    ) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT old.path, old_tensor.dtype, old_tensor.byte_count, old_chunk.ordinal,
                       old_chunk.chunk, new_chunk.chunk AS base, chunk.base AS present_base, choice.is_delta,
                       choice.use_count, chunk.base IS NOT NULL AND EXISTS (
                         SELECT 1 FROM parameter AS earlier
                         JOIN tensor_chunk AS earlier_chunk ON earlier_chunk.tensor = earlier.tensor
                         WHERE earlier.version IN (SELECT value FROM json_each(?3)) AND earlier.path = old.path
                           AND earlier_chunk.ordinal = old_chunk.ordinal AND earlier_chunk.chunk = chunk.base
                       ) AS has_earlier_base
                FROM parameter AS old
                JOIN parameter AS new ON new.version = ?2 AND new.path = old.path AND new.tensor <> old.tensor
                JOIN tensor AS old_tensor ON old_tensor.id = old.tensor
                JOIN tensor AS new_tensor ON new_tensor.id = new.tensor
                  AND new_tensor.dtype = old_tensor.dtype AND new_tensor.shape = old_tensor.shape
                JOIN tensor_chunk AS old_chunk ON old_chunk.tensor = old.tensor
                JOIN tensor_chunk AS new_chunk ON new_chunk.tensor = new.tensor
                  AND new_chunk.ordinal = old_chunk.ordinal AND new_chunk.chunk <> old_chunk.chunk
                JOIN chunk ON chunk.id = old_chunk.chunk
                LEFT JOIN packing_choice AS choice ON choice.path = old.path
                WHERE old.version = ?1 ORDER BY old.ordinal, old_chunk.ordinal
                """,
            arguments: [version, base, "[\(earlierBases.map(String.init).joined(separator: ","))]"])
        let graph = try DeltaGraph(db)
        var candidates: [Candidate] = []
        var seen: Set<Int64> = []
        while let row = try rows.next() {
            let chunk: Int64 = try row.value("chunk")
            let base: Int64 = try row.value("base")
            let presentBase: Int64? = try row.optional("present_base")
            let hasEarlierBase = try row.value("has_earlier_base", as: Int.self) == 1
            let isOpen = presentBase == nil || (presentBase == base ? reconsiders : hasEarlierBase)
            guard isOpen, seen.insert(chunk).inserted,
                let dtype = DType(rawValue: try row.value("dtype")), try !graph.isNeededFast(chunk),
                try PackingPlan.isAllowed(chunk, base, graph, rules)
            else { continue }
            let path: Int64 = try row.value("path")
            let pair = Pair(
                ordinal: try row.value("ordinal"), chunk: chunk, base: base,
                hasOtherBase: presentBase != nil && presentBase != base)
            if let last = candidates.indices.last, candidates[last].path == path {
                candidates[last].pairs.append(pair)
                continue
            }
            let byteCount: Int = try row.value("byte_count")
            var isDelta: Bool? = true
            if byteCount > PackingPlan.sampleByteCount {
                let isFresh = (try row.optional("use_count") ?? Int.max) < PackingPlan.usesOfASample
                isDelta = isFresh ? try row.value("is_delta", as: Int.self) == 1 : nil
            }
            candidates.append(
                Candidate(
                    path: path, kind: ElementKind(dtype), byteCount: byteCount, pairs: [pair], isDelta: isDelta)
            )
        }
        self.candidates = candidates
    }

    private static func isAllowed(_ chunk: Int64, _ base: Int64, _ graph: DeltaGraph, _ rules: PackingRules)
        throws -> Bool
    {
        do {
            let chain = try graph.bases(of: base)
            return try !chain.contains(chunk)
                && rules.allowDelta(height: graph.height(of: chunk), baseDepth: chain.count)
        } catch is RegistryError.Damage {
            return false
        }
    }
}

extension PackingPlan.Candidate {
    /// The middle of the tensor, or the changed chunk nearest to it.
    var sample: (pair: PackingPlan.Pair, byteOffset: Int) {
        let wanted = byteCount / 2 / Chunking.chunkByteCount
        let pair = pairs.min { abs($0.ordinal - wanted) < abs($1.ordinal - wanted) } ?? pairs[0]
        let range = Chunking.range(ofChunk: pair.ordinal, byteCount: byteCount)
        let middle = pair.ordinal == wanted ? byteCount / 2 - range.lowerBound : range.count / 2
        let start = max(
            0, min(middle - PackingPlan.sampleByteCount / 2, range.count - PackingPlan.sampleByteCount))
        return (pair, start / 8 * 8)
    }

    func jobs(triesKeyframe: Bool) -> [RecodingJob] {
        pairs.map { pair in
            RecodingJob(
                chunk: pair.chunk, base: pair.base,
                byteCount: Chunking.range(ofChunk: pair.ordinal, byteCount: byteCount).count, kind: kind,
                aim: pair.hasOtherBase ? .otherBase : .shorter, triesKeyframe: triesKeyframe)
        }
    }
}

/// What is remembered of names.
enum PackingChoiceTable {
    /// Notes which encoding a sample found shorter.
    static func set(_ db: Database, path: Int64, isDelta: Bool) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO packing_choice (path, is_delta, use_count) VALUES (?, ?, 1)
                ON CONFLICT (path) DO UPDATE SET is_delta = excluded.is_delta, use_count = 1
                """
        ).execute(arguments: [path, isDelta ? 1 : 0])
    }

    /// Notes that a version went by what was known.
    static func use(_ db: Database, path: Int64) throws {
        try db.cachedStatement(sql: "UPDATE packing_choice SET use_count = use_count + 1 WHERE path = ?")
            .execute(arguments: [path])
    }
}
