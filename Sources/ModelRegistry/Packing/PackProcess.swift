import Checkpoints
import Foundations
import GRDB
import Glibc
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
        for model in ids where !isCancelled() { try pack(model) }
        try tidy()
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
        try jobs(
            db, model, "chunk.base IS NOT NULL AND \(DeltaGraph.loadsFast)", aim: .otherBase,
            triesKeyframe: true)
    }

    /// Keyframes of versions that need not load fast.
    private func keyframes(_ db: Database, _ model: Int64) throws -> [RecodingJob] {
        let graph = try DeltaGraph(db)
        return try jobs(db, model, "chunk.base IS NULL", aim: .shorter, triesKeyframe: true)
            .filter { try !graph.isNeededFast($0.chunk) }
    }

    private func jobs(
        _ db: Database, _ model: Int64, _ condition: String, aim: RecodingJob.Aim, triesKeyframe: Bool
    ) throws -> [RecodingJob] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT chunk.id, chunk.byte_count, min(tensor.dtype) AS dtype
                FROM version JOIN parameter ON parameter.version = version.id
                JOIN tensor ON tensor.id = parameter.tensor JOIN tensor_chunk ON tensor_chunk.tensor = tensor.id
                JOIN chunk ON chunk.id = tensor_chunk.chunk
                WHERE version.model = ? AND version.deleted_at IS NULL AND \(condition)
                GROUP BY chunk.id ORDER BY chunk.id
                """,
            arguments: [model])
        return try rows.compactMap { row in
            guard let dtype = DType(rawValue: try row.value("dtype")) else { return nil }
            return RecodingJob(
                chunk: try row.value("id"), base: nil, byteCount: try row.value("byte_count"),
                kind: ElementKind(dtype), aim: aim, triesKeyframe: triesKeyframe)
        }
    }

    // MARK: One version

    private func pack(_ step: Step) throws {
        let candidates =
            try step.base.map { base in
                try registry.read { db in
                    try PackingPlan(
                        db, version: step.version, base: base, earlierBases: step.earlierBases, rules: rules,
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
            let (chunks, source) = try registry.read { db in
                var finder = try ChunkFinder(db)
                let packs = PackReader(db)
                var source = LoadedChunks()
                let chunks = try run.map { candidate -> (ChunkLocation, ChunkLocation)? in
                    do {
                        guard let chunk = try finder.chunk(candidate.sample.pair.chunk),
                            let base = try finder.chunk(candidate.sample.pair.base)
                        else { return nil }
                        try source.load(chunk, from: packs)
                        try source.load(base, from: packs)
                        return (chunk, base)
                    } catch is RegistryError.Damage {
                        return nil
                    }
                }
                return (chunks, source)
            }
            let results = ConcurrentMap.map(Array(zip(run, chunks))) { candidate, chunks -> Bool? in
                guard let (chunk, base) = chunks, chunk.byteCount == base.byteCount else { return nil }
                var bytes = [UInt8](repeating: 0, count: chunk.byteCount)
                var baseBytes = bytes
                let isDecoded: Void? = try? ChainDecoder.pool.withWorker { decoder in
                    try bytes.withUnsafeMutableBytes { try decoder.decode(chunk, from: source, into: $0) }
                    try baseBytes.withUnsafeMutableBytes { try decoder.decode(base, from: source, into: $0) }
                }
                guard isDecoded != nil else { return nil }
                let start = candidate.sample.byteOffset
                let range = start..<min(start + PackingPlan.sampleByteCount, bytes.count)
                return bytes.withUnsafeBytes { bytes in
                    baseBytes.withUnsafeBytes { base in
                        ProvenEncoder.with(.fast) { encoder in
                            encoder.isShorterAsDelta(
                                UnsafeRawBufferPointer(rebasing: bytes[range]),
                                from: UnsafeRawBufferPointer(rebasing: base[range]), as: candidate.kind)
                        }
                    }
                }
            }
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
        let recoder = ChunkRecoder(registry: registry, effort: effort)
        let total = jobs.reduce(0) { $0 + $1.byteCount }
        var done = 0
        var rest = jobs[...]
        var batch: [Recoding] = []
        while !rest.isEmpty {
            if isCancelled() { return false }
            let (recodings, jobCount) = try recoder.recode(rest)
            batch += recodings
            let byteCount = batch.reduce(0) { $0 + $1.change.to }
            if byteCount >= PackTable.batchByteCount || jobCount == rest.count {
                try store(batch)
                batch = []
            }
            done += rest.prefix(jobCount).reduce(0) { $0 + $1.byteCount }
            rest = rest.dropFirst(jobCount)
            progress?(done, total)
        }
        return true
    }

    private func store(_ batch: [Recoding]) throws {
        guard !batch.isEmpty else { return }
        let (stored, packs) = try write { db in
            let result = try ChunkRecoder.store(batch, db, rules: rules)
            try PackTable.deleteEmpty(db, among: result.oldPacks)
            return result
        }
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
        usleep(Registry.pauseMicroseconds)
        return result
    }

    /// Gives back the space of what moved.
    private func tidy() throws {
        guard !oldPacks.isEmpty else { return }
        let thin = try registry.read { db in try PackTable.thin(db, among: oldPacks) }
        for packs in PackTable.batches(thin) {
            if isCancelled() { return }
            try write { db in try PackTable.rewrite(db, packs) }
        }
        try registry.shrinkFile()
    }
}
