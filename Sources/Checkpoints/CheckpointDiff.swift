/// What changed between two checkpoints, told from their manifests: no tensor is read.
public struct CheckpointDiff: Sendable {
    /// The changes: those at paths of the new checkpoint in its order, then what was removed, in the old order.
    public let changes: [Change]

    /// Number of leaves that are the same in both.
    public let unchangedCount: Int

    /// Whether keys changed their order or containers their type while paths stayed the same.
    public let isStructureChanged: Bool

    /// A change at one path.
    public struct Change: Hashable, Sendable {
        /// The path in the new checkpoint, or the old path of what was removed.
        public let path: CheckpointPath
        /// What happened.
        public let kind: Kind
        /// The leaf before, if there was one.
        public let old: Manifest.Content?
        /// The leaf now, if there is one.
        public let new: Manifest.Content?
    }

    /// What happened at a path.
    public enum Kind: Hashable, Sendable {
        /// Only the new checkpoint has it.
        case added
        /// Only the old checkpoint has it.
        case removed
        /// The same content was at another path.
        case renamed(from: CheckpointPath)
        /// Both have it, and it differs so.
        case changed(Set<Difference>)
    }

    /// How two leaves at one path differ.
    public enum Difference: String, Hashable, Sendable, CaseIterable {
        /// One is a tensor and the other a plain value.
        case type
        /// The element type.
        case dtype
        /// The shape.
        case shape
        /// The elements, or the plain value. Not said where dtype or shape differ.
        case value
        /// With which other paths it shares its storage.
        case tie
    }

    /// Whether both are the same checkpoint.
    public var isEmpty: Bool { changes.isEmpty && !isStructureChanged }
}

extension CheckpointDiff {
    /// Compares the selected leaves of two manifests.
    ///
    /// - Throws: ``PathSelectionError`` when neither has such a leaf.
    public init(from old: Manifest, to new: Manifest, only selection: PathSelection) throws(PathSelectionError)
    {
        let paths = old.leaves.map(\.path) + new.leaves.map(\.path)
        let selected = try selection.selects(paths)
        guard selected.contains(false) else {
            self.init(from: old, to: new)
            return
        }
        func part(_ manifest: Manifest, _ selected: ArraySlice<Bool>) -> Manifest {
            let leaves = zip(manifest.leaves, selected).filter(\.1).map(\.0)
            // Paths say where the leaves are; the rest of the structure is not compared.
            return Manifest(structure: .list(leaves.map { $0.content.place }), leaves: leaves)
        }
        self.init(
            from: part(old, selected.prefix(old.leaves.count)), to: part(new, selected.suffix(new.leaves.count))
        )
    }

    /// Compares two manifests.
    ///
    /// - Complexity: O(n log n) in the number of leaves, whatever the tensors' sizes.
    public init(from old: Manifest, to new: Manifest) {
        let oldLeaves = Self.numbered(old.leaves)
        let newLeaves = Self.numbered(new.leaves)
        let oldTies = Self.tiedPaths(old)
        let newTies = Self.tiedPaths(new)

        var removed: [CheckpointPath] = []
        var removedByID: [ContentID: [CheckpointPath]] = [:]
        for (name, leaf) in oldLeaves.ordered where newLeaves.byName[name] == nil {
            removed.append(leaf.path)
            if case .tensor(let tensor) = leaf.content { removedByID[tensor.id, default: []].append(leaf.path) }
        }

        var changes: [Change] = []
        var unchangedCount = 0
        var renamed: Set<CheckpointPath> = []
        for (name, leaf) in newLeaves.ordered {
            if let before = oldLeaves.byName[name] {
                var differences = Self.differences(from: before.content, to: leaf.content)
                if oldTies[leaf.path] != newTies[leaf.path] { differences.insert(.tie) }
                if differences.isEmpty {
                    unchangedCount += 1
                } else {
                    changes.append(
                        Change(
                            path: leaf.path, kind: .changed(differences), old: before.content, new: leaf.content
                        ))
                }
                continue
            }
            if case .tensor(let tensor) = leaf.content,
                let source = Self.takeMostAlike(leaf.path, from: &removedByID[tensor.id])
            {
                renamed.insert(source)
                changes.append(
                    Change(
                        path: leaf.path, kind: .renamed(from: source), old: leaf.content, new: leaf.content))
            } else {
                changes.append(Change(path: leaf.path, kind: .added, old: nil, new: leaf.content))
            }
        }
        for (name, leaf) in oldLeaves.ordered
        where newLeaves.byName[name] == nil && !renamed.contains(leaf.path) {
            changes.append(Change(path: leaf.path, kind: .removed, old: leaf.content, new: nil))
        }
        self.changes = changes
        self.unchangedCount = unchangedCount
        let isSamePaths = changes.allSatisfy { if case .changed = $0.kind { true } else { false } }
        isStructureChanged = isSamePaths && old.structure != new.structure
    }

    /// A path, and which one of several leaves with that path: the keys `0` and `"0"` spell the same.
    private struct Name: Hashable {
        let path: CheckpointPath
        let occurrence: Int
    }

    private static func numbered(
        _ leaves: [Manifest.Leaf]
    ) -> (ordered: [(Name, Manifest.Leaf)], byName: [Name: Manifest.Leaf]) {
        var occurrences: [CheckpointPath: Int] = [:]
        let ordered = leaves.map { leaf in
            let occurrence = occurrences[leaf.path, default: 0]
            occurrences[leaf.path] = occurrence + 1
            return (Name(path: leaf.path, occurrence: occurrence), leaf)
        }
        return (ordered, Dictionary(uniqueKeysWithValues: ordered))
    }

    /// For each path with a tie, all paths of its storage.
    private static func tiedPaths(_ manifest: Manifest) -> [CheckpointPath: Set<CheckpointPath>] {
        var members: [Int: Set<CheckpointPath>] = [:]
        for leaf in manifest.leaves {
            if case .tensor(let tensor) = leaf.content, let tie = tensor.tie {
                members[tie.storage, default: []].insert(leaf.path)
            }
        }
        var ties: [CheckpointPath: Set<CheckpointPath>] = [:]
        for paths in members.values where paths.count > 1 {
            for path in paths { ties[path] = paths }
        }
        return ties
    }

    private static func differences(from old: Manifest.Content, to new: Manifest.Content) -> Set<Difference> {
        switch (old, new) {
        case (.tensor(let old), .tensor(let new)):
            var differences: Set<Difference> = []
            if old.dtype != new.dtype { differences.insert(.dtype) }
            if old.shape != new.shape { differences.insert(.shape) }
            if differences.isEmpty, old.id != new.id { differences.insert(.value) }
            return differences
        case (.value(let old), .value(let new)): return old == new ? [] : [.value]
        default: return [.type]
        }
    }

    /// Takes from `candidates` the path that ends most like `path`; the first of these.
    private static func takeMostAlike(
        _ path: CheckpointPath, from candidates: inout [CheckpointPath]?
    ) -> CheckpointPath? {
        guard let paths = candidates, !paths.isEmpty else { return nil }
        func commonSuffix(_ other: CheckpointPath) -> Int {
            zip(path.text.utf8.reversed(), other.text.utf8.reversed()).prefix { $0 == $1 }.count
        }
        var best = 0
        for index in paths.indices where commonSuffix(paths[index]) > commonSuffix(paths[best]) { best = index }
        return candidates?.remove(at: best)
    }
}

extension Manifest.Content {
    fileprivate var place: Structure {
        switch self {
        case .tensor: .tensor
        case .value: .value
        }
    }
}
