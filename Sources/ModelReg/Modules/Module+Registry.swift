public import Checkpoints
public import ModelRegistry
public import NN
import Tensors

extension Module {
    /// The module's state dict as a checkpoint that knows which tensors are parameters and which are buffers.
    ///
    /// Tensors are references; tied ones are tied in the checkpoint. Save it with ``Registry``, or put it into a
    /// larger checkpoint beside an optimiser's state.
    public var checkpoint: Checkpoint {
        let parameters = Set(parameters().map { ObjectIdentifier($0) })
        var dictionary = CheckpointDictionary(kind: .ordered)
        for (name, tensor) in stateDict() {
            let role: TensorRole = parameters.contains(ObjectIdentifier(tensor)) ? .parameter : .buffer
            dictionary[name] = .tensor(tensor, role: role)
        }
        return .dictionary(dictionary)
    }
}

extension Registry {
    /// Saves a module's parameters and persistent buffers as the next version of a model.
    ///
    /// - Throws: ``RegistryError``; then nothing of the version is in the registry.
    @discardableResult
    public func save(
        _ module: Module, as model: String, options: SaveOptions = SaveOptions(),
        progress: ProgressHandler? = nil
    ) throws -> SaveResult {
        try save(module.checkpoint, as: model, options: options, progress: progress)
    }

    /// Copies the values of a version, a state dict, into a module.
    ///
    /// ```swift
    /// try registry.load("mlp:best", into: model)
    /// ```
    ///
    /// All or nothing: on error no tensor of the module has changed. A module that was just made takes over the memory
    /// that the values were decoded into, and its own first values are never made.
    ///
    /// - Parameters:
    ///   - reference: Which version; see ``VersionReference``.
    ///   - strict: Whether missing and unexpected names are errors. Shapes and dtypes must always match.
    ///   - verifiesHashes: Whether to check each chunk's SHA-256 too.
    /// - Returns: The names that did not match; empty if `strict`.
    /// - Throws: ``RegistryError``; `CheckpointTypeError` where the version is not a state dict; `LoadStateDictError`
    ///   naming every problem.
    @discardableResult
    public func load(
        _ reference: String, into module: Module, strict: Bool = true, verifiesHashes: Bool = false,
        progress: ProgressHandler? = nil
    ) throws -> IncompatibleKeys {
        let stateDict: StateDict = try load(reference, verifiesHashes: verifiesHashes, progress: progress)
        return try module.adoptStateDict(stateDict, strict: strict)
    }
}
