import Foundations
public import Tensors

extension Module {
    /// Parameters and persistent buffers by dotted name. A tied tensor appears under each of its names.
    ///
    /// Entries are the module's own tensors; use ``StateDict/copied()`` for a copy and ``StateDict/snapshot()`` to
    /// hand the values to another thread.
    public func stateDict() -> StateDict {
        var result = StateDict()
        for entry in entries() {
            switch entry.content {
            case .parameter(let tensor), .buffer(let tensor, isPersistent: true): result[entry.name] = tensor
            default: break
            }
        }
        return result
    }

    /// Copies values from `stateDict` into this module.
    ///
    /// All or nothing: on error no tensor has changed.
    /// - Parameter strict: If true, missing and unexpected names are errors. Shapes and dtypes must always match.
    /// - Returns: The names that did not match; empty if `strict`.
    /// - Throws: ``LoadStateDictError`` naming every problem.
    @discardableResult
    public func loadStateDict(
        _ stateDict: StateDict, strict: Bool = true
    ) throws(LoadStateDictError) -> IncompatibleKeys {
        try load(stateDict, strict: strict, adopts: false)
    }

    /// ``loadStateDict(_:strict:)`` of a state dict that nobody else has or will use: parameters that take no memory
    /// yet take over its storage.
    @discardableResult
    package func adoptStateDict(
        _ stateDict: consuming StateDict, strict: Bool = true
    ) throws(LoadStateDictError) -> IncompatibleKeys {
        try load(stateDict, strict: strict, adopts: true)
    }

    private func load(
        _ stateDict: StateDict, strict: Bool, adopts: Bool
    ) throws(LoadStateDictError) -> IncompatibleKeys {
        let own = self.stateDict()
        let missing = own.names.filter { stateDict[$0] == nil }
        let unexpected = stateDict.names.filter { own[$0] == nil }
        var problems: [LoadStateDictError.Problem] = []
        if strict {
            problems += missing.map { .missing(name: $0) }
            problems += unexpected.map {
                .unexpected(name: $0, suggestion: Suggestion.closest(to: $0, among: missing))
            }
        }
        var writes: [(target: Tensor, source: Tensor, name: String)] = []
        var writeIndex: [ObjectIdentifier: Int] = [:]
        for (name, target) in own {
            guard let source = stateDict[name] else { continue }
            if source.shape != target.shape {
                problems.append(.shape(name: name, stateDict: source.shape, module: target.shape))
            } else if source.dtype != target.dtype {
                problems.append(
                    .dtype(name: name, stateDict: source.dtype.rawValue, module: target.dtype.rawValue))
            } else if let first = writeIndex[ObjectIdentifier(target)] {
                let earlier = writes[first]
                if earlier.source !== source && !earlier.source.isIdentical(to: source) {
                    problems.append(.tiedValuesDiffer(name: earlier.name, other: name))
                }
            } else {
                writeIndex[ObjectIdentifier(target)] = writes.count
                writes.append((target, source, name))
            }
        }
        guard problems.isEmpty else { throw LoadStateDictError(module: typeName, problems: problems) }
        var adopted = IdentitySet()
        withoutGradient {
            for (target, source, _) in writes {
                // Tensors that share storage in the checkpoint may not do so here: the second one is copied.
                if adopts, source.isWholeStorage, adopted.insert(source.storage), target.adopt(source) {
                    continue
                }
                target.overwrite(with: source)
            }
        }
        return strict ? IncompatibleKeys() : IncompatibleKeys(missing: missing, unexpected: unexpected)
    }
}
