import Checkpoints
import ChunkStore
import GRDB
import TensorCodec
import Tensors

/// One packing: version by version, oldest first, batch by batch.
final class PackProcess {
    /// Which versions to look at.
    enum Scope {
        /// Those that have not been packed since they were saved.
        case unpacked
        /// All of them.
        case all
    }

    private let registry: Registry
    private let effort: EncodingEffort
    private let scope: Scope
    private let progress: ProgressHandler?
    private let isCancelled: @Sendable () -> Bool
    private var report = PackingReport()
    private var oldPacks: Set<Int64> = []
    private var rules = PackingRules()

    init(
        registry: Registry, effort: EncodingEffort, scope: Scope, progress: ProgressHandler?,
        isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.registry = registry
        self.effort = effort
        self.scope = scope
        self.progress = progress
        self.isCancelled = isCancelled
    }

    /// Packs models; `nil` for all.
    func run(_ models: [String]?) throws -> PackingReport {
        rules = try registry.packingRules()
        let ids = try registry.read { db in
            if let models { return try models.map { try VersionTable.modelID(db, $0) } }
            return try Int64.fetchAll(db, sql: "SELECT id FROM model ORDER BY id")
        }
        try translatingErrors {
            for model in ids where !isCancelled() { try pack(model) }
            try tidy()
        }
        return report
    }

    private func pack(_ model: Int64) throws {
        let steps = try registry.read { db in try self.steps(db, model) }
        guard scope == .all || !steps.isEmpty else { return }
        try recode(try registry.read { db in try slowKeyframes(db, model) })
        for step in steps {
            if isCancelled() { return }
            try pack(step)
        }
        if effort == .best { try recode(try registry.read { db in try keyframes(db, model) }) }
    }

    /// A version to pack.
    private struct Step {
        let version: Int64
        /// The version to store differences from; `nil` if all stays as it is.
        let base: Int64?
        /// The versions that stood in for it.
        let earlierBases: [Int64]
        let isFirst: Bool
    }

    /// What to do, oldest version first. When a better base than the present one has been saved, a version is packed
    /// again.
    private func steps(_ db: Database, _ model: Int64) throws -> [Step] {
        let rows = try Row.fetchAll(
            db,
            sql:
                "SELECT id, number, is_packed FROM version WHERE model = ? AND deleted_at IS NULL ORDER BY number",
            arguments: [model])
        let versions = try rows.map { row -> (id: Int64, number: Int, isPacked: Bool) in
            (try row.value("id"), try row.value("number"), try row.value("is_packed", as: Int.self) == 1)
        }
        // The newest version is not packed: the first unpacked one was the newest at the last packing.
        let firstUnpacked = versions.firstIndex { !$0.isPacked } ?? versions.count
        return versions.indices.dropLast().compactMap { index in
            let version = versions[index]
            // A deleted base is replaced by the version after it.
            let bases = rules.baseNumbers(of: version.number).compactMap { number in
                versions[index...].firstIndex { $0.number >= number }
            }
            let isBaseNew = bases.last.map { $0 >= firstUnpacked } ?? false
            guard scope == .all || !version.isPacked || isBaseNew else { return nil }
            return Step(
                version: version.id, base: bases.last.map { versions[$0].id },
                earlierBases: bases.dropLast().map { versions[$0].id }, isFirst: !version.isPacked)
        }
    }

    /// Deltas of versions that are to load fast: after a return to earlier weights, a deletion, a new pin.
    private func slowKeyframes(_ db: Database, _ model: Int64) throws -> [RecodingJob] {
        let graph = try DeltaGraph(db, registry.store.needs)
        return try jobs(db, model, ChunkNeeds.loadsFast, aim: .otherBase) { try graph.base(of: $0) != nil }
    }

    /// Keyframes of versions that need not load fast.
    private func keyframes(_ db: Database, _ model: Int64) throws -> [RecodingJob] {
        let graph = try DeltaGraph(db, registry.store.needs)
        return try jobs(db, model, "TRUE", aim: .shorter) { chunk in
            try graph.base(of: chunk) == nil && !graph.isNeededFast(chunk)
        }
    }

    /// - Parameters:
    ///   - condition: On a row of `version`.
    ///   - isWanted: On the row of a chunk.
    private func jobs(
        _ db: Database, _ model: Int64, _ condition: String, aim: RecodingJob.Aim,
        where isWanted: (_ chunk: Int64) throws -> Bool
    ) throws -> [RecodingJob] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT DISTINCT tensor.id, tensor.byte_count, tensor.dtype
                FROM version JOIN parameter ON parameter.version = version.id
                JOIN tensor ON tensor.id = parameter.tensor
                WHERE version.model = ? AND version.deleted_at IS NULL AND \(condition) ORDER BY tensor.id
                """,
            arguments: [model])
        var jobs: [RecodingJob] = []
        var seen: Set<Int64> = []
        while let row = try rows.next() {
            guard let dtype = DType(rawValue: try row.value("dtype")) else { continue }
            let byteCount: Int = try row.value("byte_count")
            for (ordinal, chunk) in try TensorChunkTable.rows(of: row.value("id"), db).enumerated() {
                guard ordinal < Chunking.chunkCount(byteCount: max(0, byteCount)), seen.insert(chunk).inserted,
                    try isWanted(chunk)
                else { continue }
                jobs.append(
                    RecodingJob(
                        chunk: chunk, base: nil,
                        byteCount: Chunking.range(ofChunk: ordinal, byteCount: byteCount).count,
                        kind: ElementKind(dtype), aim: aim, triesKeyframe: true))
            }
        }
        return jobs.sorted { $0.chunk < $1.chunk }
    }

    // MARK: One version

    private func pack(_ step: Step) throws {
        let candidates =
            try step.base.map { base in
                try registry.read { db in
                    try PackingPlan(
                        db, registry.store, version: step.version, base: base, earlierBases: step.earlierBases,
                        rules: rules,
                        reconsiders: effort == .best)
                }.candidates
            } ?? []
        let tested = effort == .best ? [:] : try sample(candidates.filter { $0.isDelta == nil })
        let jobs = candidates.flatMap { candidate in
            let isDelta = effort == .best || (candidate.isDelta ?? tested[candidate.path] ?? true)
            return isDelta ? candidate.jobs(triesKeyframe: effort == .best) : []
        }
        guard try recode(jobs), step.isFirst || !tested.isEmpty else { return }
        try write { db in
            for candidate in candidates where candidate.byteCount > PackingPlan.sampleByteCount {
                if let isDelta = tested[candidate.path] {
                    try PackingChoiceTable.set(db, path: candidate.path, isDelta: isDelta)
                } else if step.isFirst {
                    try PackingChoiceTable.use(db, path: candidate.path)
                }
            }
            try db.execute(sql: "UPDATE version SET is_packed = 1 WHERE id = ?", arguments: [step.version])
        }
    }

    /// Whether each name's tensor is shorter as a delta, judged by a stretch from its middle.
    private func sample(_ candidates: [PackingPlan.Candidate]) throws -> [Int64: Bool] {
        var found: [Int64: Bool] = [:]
        for start in stride(from: 0, to: candidates.count, by: PackProcess.samplesAtOnce) {
            let run = Array(candidates[start..<min(start + PackProcess.samplesAtOnce, candidates.count)])
            let results = try DeltaSampler(registry.store).areShorterAsDeltas(
                run.map { candidate in
                    DeltaSampler.Sample(
                        chunk: candidate.sample.pair.chunk, base: candidate.sample.pair.base,
                        kind: candidate.kind,
                        byteOffset: candidate.sample.byteOffset, byteCount: PackingPlan.sampleByteCount)
                })
            for (candidate, result) in zip(run, results) { found[candidate.path] = result }
        }
        return found
    }

    private static let samplesAtOnce = 16

    // MARK: Batches

    /// Encodes and stores, a batch at a time.
    ///
    /// - Returns: Whether all of `jobs` were looked at.
    @discardableResult
    private func recode(_ jobs: [RecodingJob]) throws -> Bool {
        let recoder = ChunkRecoder(registry.store, effort: effort)
        let total = jobs.reduce(0) { $0 + $1.byteCount }
        var done = 0
        var rest = jobs[...]
        var batch: [Recoding] = []
        while !rest.isEmpty {
            try Task.checkCancellation()
            if isCancelled() { return false }
            let (recodings, jobCount) = try recoder.recode(rest)
            batch += recodings
            let byteCount = batch.reduce(0) { $0 + $1.change.to }
            if byteCount >= LockPolicy.batchByteCount || jobCount == rest.count {
                try store(batch, recoder)
                batch = []
            }
            done += rest.prefix(jobCount).reduce(0) { $0 + $1.byteCount }
            rest = rest.dropFirst(jobCount)
            progress?(done, total)
        }
        return true
    }

    private func store(_ batch: [Recoding], _ recoder: ChunkRecoder) throws {
        guard !batch.isEmpty else { return }
        let (stored, packs) = try write { db in try recoder.store(batch, db, rules: rules.delta) }
        oldPacks.formUnion(packs)
        for recoding in stored {
            if recoding.isDelta { report.deltaCount += 1 } else { report.keyframeCount += 1 }
            report.byteCountBefore += recoding.change.from
            report.byteCountAfter += recoding.change.to
        }
    }

    /// Writes, and then lets others in who wait for the lock.
    private func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        let result = try registry.write(body)
        LockPolicy.pause()
        return result
    }

    /// Gives back the space of what moved.
    private func tidy() throws {
        guard !oldPacks.isEmpty else { return }
        try translatingErrors { try GarbageRemoval(registry.store).tidy(oldPacks, isCancelled: isCancelled) }
    }
}
