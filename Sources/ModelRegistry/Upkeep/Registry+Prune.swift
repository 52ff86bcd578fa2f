import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB

/// What becomes of a version.
public struct PruneDecision: Hashable, Sendable {
    /// The version, as it was.
    public let version: Version
    /// What happens to it.
    public let action: RetentionPolicy.Action
    /// Why it stays; empty where nothing speaks for it.
    public let reasons: [RetentionPolicy.Reason]
    /// Paths of the tensors that are dropped where it is thinned.
    public let droppedPaths: [String]
}

extension Registry {
    /// What thinning drops unless told otherwise: optimiser and random state, under the names that the checkpoints of
    /// this library, PyTorch's tutorials, Lightning and Accelerate give them.
    public static let thinnedPaths = [
        "optimizer", "optimizer_state_dict", "optimizer_states", "optim", "rng", "rng_state", "rng_states",
        "random_states",
    ]

    /// What ``prune(_:_:dropping:)`` would do, latest version first. Nothing is changed.
    ///
    /// - Throws: ``RegistryError``.
    public func pruningPlan(
        for model: String, _ policy: RetentionPolicy, dropping patterns: [String] = thinnedPaths
    ) throws -> [PruneDecision] {
        try read { db in try pruningPlan(db, model, policy, patterns) }
    }

    /// Bytes that the file is shorter by once a plan is carried out and its garbage is collected.
    ///
    /// - Throws: ``RegistryError``.
    public func byteCountFreed(by plan: [PruneDecision]) throws -> Int {
        try byteCountFreed { db in try carryOut(plan, db) }
    }

    /// Deletes and thins versions of a model as a policy says, in one transaction: it decides by what is there then, so
    /// that saves of other processes are counted.
    ///
    /// Bytes are freed by the next garbage collection.
    ///
    /// - Parameters:
    ///   - policy: Which versions stay.
    ///   - patterns: Which tensors thinning drops: paths, or patterns as in ``PathSelection``. A version that has none of
    ///     them, or would be left without any tensor, stays as it is.
    /// - Returns: What was done to each version, latest first.
    /// - Throws: ``RegistryError``.
    @discardableResult
    public func prune(
        _ model: String, _ policy: RetentionPolicy, dropping patterns: [String] = thinnedPaths
    ) throws -> [PruneDecision] {
        try write { db in
            let plan = try pruningPlan(db, model, policy, patterns)
            try carryOut(plan, db)
            return plan
        }
    }

    /// Drops some tensors of a version. It keeps its number, content id, metrics and all else; what was dropped is known
    /// by name and content id, and cannot be loaded any more.
    ///
    /// - Parameter patterns: Which tensors to drop; see ``prune(_:_:dropping:)``.
    /// - Returns: The paths that were dropped now.
    /// - Throws: ``RegistryError``, ``PathSelectionError``.
    @discardableResult
    public func thin(_ reference: String, dropping patterns: [String] = thinnedPaths) throws -> [String] {
        try write { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            let content = try VersionContent(db, version)
            let paths = content.leaves.map(\.path)
            let ordinals = content.presentTensors(try PathSelection(patterns).selects(paths))
            guard ordinals.count < content.presentTensors(paths.map { _ in true }).count else {
                throw RegistryError.nothingLeft(version: version.reference)
            }
            try DroppedTable.drop(db, content, ordinals: ordinals, at: Timestamp.now())
            return ordinals.map { paths[$0].text }
        }
    }

    private func pruningPlan(
        _ db: Database, _ model: String, _ policy: RetentionPolicy, _ patterns: [String]
    ) throws -> [PruneDecision] {
        let modelID = try VersionTable.modelID(db, model)
        let versions = try VersionTable.fetch(
            db, where: "version.model = ? AND version.deleted_at IS NULL", arguments: [modelID])
        let unfinished = try unfinishedRuns(db, modelID)
        let candidates = versions.map { version in
            RetentionPolicy.Candidate(
                number: version.number, savedAt: version.createdAt,
                metrics: version.metrics, aliases: version.aliases, unfinishedRun: unfinished[version.number])
        }
        let decisions = policy.decisions(for: candidates, now: Date())
        return try zip(versions, decisions).map { version, decision in
            var dropped: [String] = []
            if decision.action == .thin {
                let content = try VersionContent(db, version, checksContentID: false)
                dropped = try content.droppable(patterns).map { content.leaves[$0].path.text }
            }
            return PruneDecision(
                version: version,
                action: decision.action == .thin && dropped.isEmpty ? .keep : decision.action,
                reasons: decision.reasons, droppedPaths: dropped)
        }
    }

    /// The runs that have not finished, by the number of the latest version that each has of a model.
    private func unfinishedRuns(_ db: Database, _ modelID: Int64) throws -> [Int: String] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT max(version.number) AS number, run.name FROM version JOIN run ON run.id = version.run
                WHERE version.model = ? AND version.deleted_at IS NULL AND run.state <> 'finished' GROUP BY run.id
                """,
            arguments: [modelID])
        return try Dictionary(
            rows.map { (try $0.value("number"), try $0.value("name")) }, uniquingKeysWith: { name, _ in name })
    }

    private func carryOut(_ plan: [PruneDecision], _ db: Database) throws {
        let now = Timestamp.now()
        for decision in plan {
            switch decision.action {
            case .keep: break
            case .delete: try GarbageTable.delete(decision.version, db)
            case .thin:
                let content = try VersionContent(db, decision.version)
                let paths = Set(decision.droppedPaths)
                let ordinals = content.presentTensors(content.leaves.map { paths.contains($0.path.text) })
                try DroppedTable.drop(db, content, ordinals: ordinals, at: now)
            }
        }
    }
}

extension VersionContent {
    /// The leaves that are tensors and there, among those selected.
    fileprivate func presentTensors(_ isSelected: [Bool]) -> [Int] {
        leaves.indices.filter { index in
            if isSelected[index], case .tensor = leaves[index].content { true } else { false }
        }
    }

    /// The leaves that thinning drops; none where it would leave no tensor.
    fileprivate func droppable(_ patterns: [String]) throws -> [Int] {
        guard let isSelected = try? PathSelection(patterns).selects(leaves.map(\.path)) else { return [] }
        let ordinals = presentTensors(isSelected)
        return ordinals.count < presentTensors(leaves.map { _ in true }).count ? ordinals : []
    }
}
