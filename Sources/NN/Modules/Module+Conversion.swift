import Foundations
public import Tensors

extension Module {
    /// Converts the floating-point parameters and buffers, here and within, to another dtype; those of integers stay.
    ///
    /// They become other tensors: make optimisers afterwards. Tied ones stay tied. Gradients are forgotten.
    ///
    /// - Precondition: `dtype` is a floating-point type.
    @discardableResult
    public func to(_ dtype: DType) -> Self {
        require(dtype.isFloatingPoint, "a module of \(dtype); parameters are floating-point numbers")
        replaceTensors { old in old.dtype.isFloatingPoint && old.dtype != dtype ? old.detach().to(dtype) : old }
        return self
    }

    /// Puts other tensors in the places of all parameters and buffers, the same one where there was the same.
    private func replaceTensors(_ replace: (Tensor) -> Tensor) {
        var made: [ObjectIdentifier: (old: Tensor, new: Tensor)] = [:]
        for (_, module) in namedModules() {
            for (_, value) in Member.storedProperties(of: module) {
                guard let slot = value as? any TensorSlot else { continue }
                slot.replaceTensors { old in
                    if let known = made[ObjectIdentifier(old)] { return known.new }
                    let new = replace(old)
                    made[ObjectIdentifier(old)] = (old, new)
                    return new
                }
            }
        }
    }

    /// A module of its own with the same values: `model.copied { MLP(config) }`.
    ///
    /// Training mode, and which parameters are trained, are copied as well, and buffers that are not saved.
    ///
    /// - Parameter make: Makes a module with the same parameters and buffers. Its first values are not made.
    /// - Throws: ``LoadStateDictError`` where the module made differs.
    public func copied<Copy: Module>(_ make: () -> Copy) throws(LoadStateDictError) -> Copy {
        let copy = Module.withoutInitialization(make)
        try copy.loadStateDict(stateDict())
        let own = Dictionary(namedBuffers().map { ($0.name, $0.buffer) }) { first, _ in first }
        withoutGradient {
            for (name, buffer) in copy.namedBuffers() {
                if let source = own[name], source.shape == buffer.shape { buffer.copy(from: source) }
            }
        }
        for (name, parameter) in copy.namedParameters() {
            parameter.requiresGrad = self.parameter(at: name)?.requiresGrad ?? true
        }
        for ((_, mine), (_, other)) in zip(namedModules(), copy.namedModules()) {
            other.isTraining = mine.isTraining
        }
        return copy
    }
}

/// All elements of the parameters, one after the other, as one vector. A gradient flows back.
public func parametersToVector(_ parameters: [Tensor]) -> Tensor {
    Tensor.concatenate(parameters.map { $0.reshaped(to: [$0.elementCount]) })
}

/// Writes the elements of a vector into the parameters, one after the other.
///
/// - Precondition: The vector has as many elements as the parameters.
public func vectorToParameters(_ vector: Tensor, _ parameters: [Tensor]) {
    let count = parameters.reduce(0) { $0 + $1.elementCount }
    require(vector.shape == [count], "vector of shape \(vector.shape) for parameters of \(count) elements")
    withoutGradient {
        var start = 0
        for parameter in parameters {
            let part = vector.detach()[start..<start + parameter.elementCount]
            parameter.copy(from: part.reshaped(to: parameter.shape))
            start += parameter.elementCount
        }
    }
}
