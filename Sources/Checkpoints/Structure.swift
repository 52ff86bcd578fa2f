/// The shape of a checkpoint without its leaves: containers, keys, and where tensors and plain values go.
///
/// Versions of one model share it, so that a registry keeps it once.
public indirect enum Structure: Hashable, Sendable {
    /// The place of a tensor.
    case tensor
    /// The place of a plain value.
    case value
    /// A list.
    case list([Structure])
    /// A tuple.
    case tuple([Structure])
    /// A dictionary, in order.
    case dictionary([Entry], kind: CheckpointDictionary.Kind)

    /// A key and what is below it.
    public struct Entry: Hashable, Sendable {
        /// The key.
        public let key: CheckpointKey
        /// What is at the key.
        public let structure: Structure

        /// Pairs a key with what is below it.
        public init(key: CheckpointKey, structure: Structure) {
            self.key = key
            self.structure = structure
        }
    }
}

extension Structure {
    /// The paths of all leaves, depth first: the order in which leaves are numbered.
    public var leafPaths: [CheckpointPath] {
        var paths: [CheckpointPath] = []
        visitLeaves(at: .root) { paths.append($0) }
        return paths
    }

    private func visitLeaves(at path: CheckpointPath, _ visit: (CheckpointPath) -> Void) {
        switch self {
        case .tensor, .value: visit(path)
        case .list(let items), .tuple(let items):
            for (index, item) in items.enumerated() {
                item.visitLeaves(at: path.appending("\(index)"), visit)
            }
        case .dictionary(let entries, _):
            for entry in entries {
                entry.structure.visitLeaves(at: path.appending(entry.key.description), visit)
            }
        }
    }

    /// What people would call a checkpoint of this structure: `tensor`, `list`, `state dict`, …
    public var kind: CheckpointKind {
        switch self {
        case .tensor: .tensor
        case .value: .value
        case .list: .list
        case .tuple: .tuple
        case .dictionary(let entries, _):
            entries.allSatisfy { entry in
                if case .string = entry.key { entry.structure == .tensor } else { false }
            } ? .stateDict : .dictionary
        }
    }
}

/// What a saved checkpoint is, at its top.
public enum CheckpointKind: String, Sendable {
    /// One tensor.
    case tensor
    /// One plain value.
    case value
    /// A list.
    case list
    /// A tuple.
    case tuple
    /// A dictionary that holds more than named tensors.
    case dictionary
    /// A flat dictionary from names to tensors.
    case stateDict = "state_dict"
}
