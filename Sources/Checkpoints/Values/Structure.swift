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
    /// An object, with its parts in the order of ``ObjectPart``.
    case object(ObjectForm, parts: [Part])
    /// The place of an object that is elsewhere, by its label.
    case reference(Int)

    /// A part of an object, and what it is.
    public struct Part: Hashable, Sendable {
        /// Which part it is.
        public let part: ObjectPart
        /// What the part is.
        public let structure: Structure

        /// Pairs a part with what it is.
        public init(part: ObjectPart, structure: Structure) {
            self.part = part
            self.structure = structure
        }
    }

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
        foldLeaves(from: .root) { $0.appending($1) }
    }

    /// The keys and indices that lead to each leaf, depth first.
    public var leafKeys: [[String]] {
        foldLeaves(from: []) { $0 + [$1] }
    }

    private func foldLeaves<Path>(from top: Path, _ append: (Path, String) -> Path) -> [Path] {
        var paths: [Path] = []
        func visit(_ structure: Structure, at path: Path) {
            switch structure {
            case .tensor, .value: paths.append(path)
            case .list(let items), .tuple(let items):
                for (index, item) in items.enumerated() { visit(item, at: append(path, "\(index)")) }
            case .dictionary(let entries, _):
                for entry in entries { visit(entry.structure, at: append(path, entry.key.description)) }
            case .object(_, let parts):
                let direct = parts.lazy.map(\.part).direct
                for part in parts {
                    visit(
                        part.structure,
                        at: part.part == direct ? path : append(path, part.part.pathComponent))
                }
            case .reference: break
            }
        }
        visit(self, at: top)
        return paths
    }

    /// The objects, by path, with the classes or functions that make them; a tensor in another guise is none.
    public var objects: [(path: CheckpointPath, name: QualifiedName)] {
        var objects: [(path: CheckpointPath, name: QualifiedName)] = []
        func visit(_ structure: Structure, at path: CheckpointPath) {
            switch structure {
            case .tensor, .value, .reference: break
            case .list(let items), .tuple(let items):
                for (index, item) in items.enumerated() { visit(item, at: path.appending("\(index)")) }
            case .dictionary(let entries, _):
                for entry in entries { visit(entry.structure, at: path.appending(entry.key.description)) }
            case .object(let form, let parts):
                if form.construction != .view { objects.append((path, form.name)) }
                let direct = parts.lazy.map(\.part).direct
                for part in parts {
                    visit(
                        part.structure, at: part.part == direct ? path : path.appending(part.part.pathComponent)
                    )
                }
            }
        }
        visit(self, at: .root)
        return objects
    }

    /// What people would call a checkpoint of this structure: `tensor`, `list`, `state dict`, …
    public var kind: CheckpointKind {
        switch self {
        case .tensor: .tensor
        case .value, .reference: .value
        case .object(let form, _): form.construction == .view ? .tensor : .object
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
    /// A Python object: a whole module, for instance.
    case object
    /// A flat dictionary from names to tensors.
    case stateDict = "state_dict"
}
