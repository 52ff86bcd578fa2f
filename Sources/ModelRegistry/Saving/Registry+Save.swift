public import Checkpoints
import ChunkStore
import Expressions
import Foundations
import GRDB
import OrderedCollections

extension Registry {
    /// Saves a checkpoint as the next version of a model.
    ///
    /// Tensors are read while the call runs, not after it. Bytes that the registry has already, in whatever
    /// version, are not stored again. Tied tensors stay tied; views of one storage stay views of one storage.
    ///
    /// - Parameters:
    ///   - value: Tensors, lists and dictionaries of them, a state dict, or any ``Checkpoint``.
    ///   - model: The model's name; it comes into being with its first version.
    ///   - options: Message, aliases, metrics and the like.
    /// - Throws: ``RegistryError``; then nothing of the version is in the registry.
    /// - Complexity: O(bytes) to hash all tensors, and to encode those that are new, on all cores.
    @discardableResult
    public func save(
        _ value: some CheckpointConvertible, as model: String, options: SaveOptions = SaveOptions(),
        progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        let result = try saveUnpacked(value, as: model, options: options, progress: progress)
        packInBackground(model)
        return result
    }

    /// Saves a checkpoint and leaves earlier versions as they are; see ``packNewVersions(of:progress:isCancelled:)``.
    package func saveUnpacked(
        _ value: some CheckpointConvertible, as model: String, options: SaveOptions,
        progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        options.findEnvironment()
        try Names.checkModel(model)
        for alias in options.aliases { try Names.checkAlias(alias) }
        if let step = options.step, step < 0 { throw RegistryError.badStep(step) }
        var options = options
        try read { db in
            try AliasTable.checkMovable(db, options, model: model)
            for ancestor in options.mergedFrom {
                _ = try VersionTable.resolve(db, VersionReference(ancestor), text: ancestor)
            }
            if let run = options.run { _ = try RunTable.info(db, run) }
            if let parent = options.parent {
                _ = try VersionTable.resolve(db, VersionReference(parent), text: parent)
            }
        }
        let plan = try SavePlan(value.checkpoint)
        var unhealthy: [TensorFacts] = []
        if let gate = options.gate {
            unhealthy = try plan.tensorFacts().filter { try gate.condition.holds(in: $0) }
            if !unhealthy.isEmpty {
                if gate.action == .refuse {
                    throw RegistryError.gated(condition: gate.condition.text, unhealthy)
                }
                options.attributes[HealthGate.attribute] = AttributeValue(
                    unhealthy.prefix(100).map { AttributeValue($0.path) })
            }
        }
        var result = try sayingWhatChanged {
            let recipe = try options.sourceFile.flatMap { try FileRecipe($0, plan) }
            return try SaveProcess(registry: self, plan: plan)
                .run(as: model, options: options, recipe: recipe, progress: progress)
        }
        result.unhealthy = unhealthy
        return result
    }

    private func sayingWhatChanged<Result>(_ body: () throws -> Result) throws -> Result {
        try translatingErrors {
            do {
                return try body()
            } catch let error as FileChangedError {
                throw RegistryError.changedWhileSaving(path: error.path)
            } catch is ContentChangedError {
                throw RegistryError.changedWhileSaving(path: nil)
            }
        }
    }

    /// Saves a checkpoint as the next version of a model, with a message.
    ///
    /// - Throws: ``RegistryError``; then nothing of the version is in the registry.
    @discardableResult
    public func save(_ value: some CheckpointConvertible, as model: String, message: String) throws
        -> SaveResult
    {
        try save(value, as: model, options: SaveOptions(message: message))
    }
}
