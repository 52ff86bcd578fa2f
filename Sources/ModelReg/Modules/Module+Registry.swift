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
    public func save(_ module: Module, as model: String, options: SaveOptions = SaveOptions()) throws -> Version
    {
        try save(module.checkpoint, as: model, options: options).version
    }
}
