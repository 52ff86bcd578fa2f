import Checkpoints
import ChunkStore
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
        _ db: Database, _ store: ChunkStore, version: Int64, base: Int64, earlierBases: [Int64],
        rules: PackingRules,
        reconsiders: Bool
    ) throws {
        let old = try TensorPlace.all(db, version: version)
        let new = try TensorPlace.byPath(db, version: base)
        var earlier: [[Int64: TensorPlace]]?
        let graph = try DeltaGraph(db, store.needs)
        var candidates: [Candidate] = []
        var seen: Set<Int64> = []
        for place in old {
            guard let target = new[place.path], target.tensor != place.tensor, target.dtype == place.dtype,
                target.shape == place.shape, let dtype = DType(rawValue: place.dtype)
            else { continue }
            let bases = try TensorChunkTable.rows(of: target.tensor, db)
            // The byte count in the row may be invalid.
            let chunkCount = Chunking.chunkCount(byteCount: max(0, place.byteCount))
            var pairs: [Pair] = []
            for (ordinal, chunk) in try TensorChunkTable.rows(of: place.tensor, db).enumerated() {
                guard ordinal < min(bases.count, chunkCount), bases[ordinal] != chunk, !seen.contains(chunk)
                else {
                    continue
                }
                let present = try graph.base(of: chunk)
                let isOpen: Bool
                if let present, present != bases[ordinal] {
                    // A difference from a version that stood in for the base may be made one from the base.
                    if earlier == nil {
                        earlier = try earlierBases.map { try TensorPlace.byPath(db, version: $0) }
                    }
                    isOpen = try (earlier ?? []).contains { places in
                        guard let tensor = places[place.path]?.tensor else { return false }
                        let chunks = try TensorChunkTable.rows(of: tensor, db)
                        return ordinal < chunks.count && chunks[ordinal] == present
                    }
                } else {
                    isOpen = present == nil || reconsiders
                }
                guard isOpen, try !graph.isNeededFast(chunk),
                    try PackingPlan.isAllowed(chunk, bases[ordinal], graph, rules.delta)
                else { continue }
                seen.insert(chunk)
                pairs.append(
                    Pair(
                        ordinal: ordinal, chunk: chunk, base: bases[ordinal],
                        hasOtherBase: present != nil && present != bases[ordinal]))
            }
            guard !pairs.isEmpty else { continue }
            candidates.append(
                Candidate(
                    path: place.path, kind: ElementKind(dtype), byteCount: place.byteCount, pairs: pairs,
                    isDelta: place.byteCount > PackingPlan.sampleByteCount
                        ? try PackingChoiceTable.choice(db, path: place.path) : true))
        }
        self.candidates = candidates
    }

    private static func isAllowed(_ chunk: Int64, _ base: Int64, _ graph: DeltaGraph, _ rules: DeltaRules)
        throws -> Bool
    {
        do {
            let chain = try graph.bases(of: base)
            return try !chain.contains(chunk)
                && rules.allowDelta(height: graph.height(of: chunk), baseDepth: chain.count)
        } catch is StoreDamage {
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

/// A tensor of a version, as rows record it.
private struct TensorPlace {
    let path: Int64
    let tensor: Int64
    let dtype: String
    let shape: String
    let byteCount: Int

    /// The tensors of a version, in the order of its leaves.
    static func all(_ db: Database, version: Int64) throws -> [TensorPlace] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT path, tensor.id AS tensor, dtype, shape, byte_count
                FROM parameter JOIN tensor ON tensor.id = parameter.tensor WHERE version = ? ORDER BY ordinal
                """,
            arguments: [version])
        var places: [TensorPlace] = []
        while let row = try rows.next() {
            places.append(
                TensorPlace(
                    path: try row.value("path"), tensor: try row.value("tensor"), dtype: try row.value("dtype"),
                    shape: try row.value("shape"), byteCount: try row.value("byte_count")))
        }
        return places
    }

    /// The first of each name.
    static func byPath(_ db: Database, version: Int64) throws -> [Int64: TensorPlace] {
        Dictionary(try all(db, version: version).map { ($0.path, $0) }) { first, _ in first }
    }
}
