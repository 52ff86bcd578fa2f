/// What changed between two checkpoints, told from their manifests: no tensor is read.
public struct CheckpointDiff: Sendable {
    /// The changes: those at paths of the new checkpoint in its order, then what was removed, in the old order.
    public let changes: [Change]

    /// Number of leaves that are the same in both.
    public var unchangedCount: Int { unchanged.count }

    /// The leaves that are the same in both, by their numbers among the old leaves and among the new ones.
    package let unchanged: [(old: Int, new: Int)]

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
        /// The leaf's number among the old leaves, if it is one of them.
        package let oldOrdinal: Int?
        /// The leaf's number among the new leaves, if it is one of them.
        package let newOrdinal: Int?
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
        /// With which other paths it shares its storage, or where in that storage it lies.
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
        let oldTies = Ties(old)
        let newTies = Ties(new)

        var removedByID: [ContentID: [CheckpointPath]] = [:]
        for (name, leaf) in oldLeaves.ordered where newLeaves.byName[name] == nil {
            if case .tensor(let tensor) = leaf.content { removedByID[tensor.id, default: []].append(leaf.path) }
        }
        var renameSources = removedByID.mapValues { RenameSources($0) }

        var changes: [Change] = []
        var unchanged: [(old: Int, new: Int)] = []
        var renamed: Set<CheckpointPath> = []
        for (newOrdinal, (name, leaf)) in newLeaves.ordered.enumerated() {
            if let oldOrdinal = oldLeaves.byName[name] {
                let before = old.leaves[oldOrdinal]
                var differences = Self.differences(from: before.content, to: leaf.content)
                if oldTies.place(of: before) != newTies.place(of: leaf) { differences.insert(.tie) }
                if differences.isEmpty {
                    unchanged.append((oldOrdinal, newOrdinal))
                } else {
                    changes.append(
                        Change(
                            path: leaf.path, kind: .changed(differences), old: before.content,
                            new: leaf.content, oldOrdinal: oldOrdinal, newOrdinal: newOrdinal))
                }
                continue
            }
            if case .tensor(let tensor) = leaf.content,
                let source = renameSources[tensor.id]?.takeMostAlike(leaf.path)
            {
                renamed.insert(source)
                changes.append(
                    Change(
                        path: leaf.path, kind: .renamed(from: source), old: leaf.content, new: leaf.content,
                        oldOrdinal: oldLeaves.byName[Name(path: source, occurrence: 0)], newOrdinal: newOrdinal)
                )
            } else {
                changes.append(
                    Change(
                        path: leaf.path, kind: .added, old: nil, new: leaf.content, oldOrdinal: nil,
                        newOrdinal: newOrdinal))
            }
        }
        for (oldOrdinal, (name, leaf)) in oldLeaves.ordered.enumerated()
        where newLeaves.byName[name] == nil && !renamed.contains(leaf.path) {
            changes.append(
                Change(
                    path: leaf.path, kind: .removed, old: leaf.content, new: nil, oldOrdinal: oldOrdinal,
                    newOrdinal: nil))
        }
        self.changes = changes
        self.unchanged = unchanged
        let isSamePaths = changes.allSatisfy { if case .changed = $0.kind { true } else { false } }
        isStructureChanged =
            isSamePaths && old.structure.withoutLeafTypes != new.structure.withoutLeafTypes
    }

    /// A path, and which one of several leaves with that path: the keys `0` and `"0"` spell the same.
    private struct Name: Hashable {
        let path: CheckpointPath
        let occurrence: Int
    }

    private static func numbered(
        _ leaves: [Manifest.Leaf]
    ) -> (ordered: [(Name, Manifest.Leaf)], byName: [Name: Int]) {
        var occurrences: [CheckpointPath: Int] = [:]
        let ordered = leaves.map { leaf in
            let occurrence = occurrences[leaf.path, default: 0]
            occurrences[leaf.path] = occurrence + 1
            return (Name(path: leaf.path, occurrence: occurrence), leaf)
        }
        return (ordered, Dictionary(uniqueKeysWithValues: zip(ordered.map(\.0), ordered.indices)))
    }

    /// Who shares a storage with whom.
    private struct Ties {
        private var members: [Int: Set<CheckpointPath>] = [:]

        struct Place: Equatable {
            let members: Set<CheckpointPath>
            let byteOffset: Int
            let strides: [Int]
        }

        init(_ manifest: Manifest) {
            for leaf in manifest.leaves {
                if case .tensor(let tensor) = leaf.content, let tie = tensor.tie {
                    members[tie.storage, default: []].insert(leaf.path)
                }
            }
        }

        /// The paths in a leaf's storage, its own among them, and where in it the leaf is; `nil` if it is alone.
        func place(of leaf: Manifest.Leaf) -> Place? {
            guard case .tensor(let tensor) = leaf.content, let tie = tensor.tie else { return nil }
            return Place(members: members[tie.storage] ?? [], byteOffset: tie.byteOffset, strides: tie.strides)
        }
    }

    /// How two leaves differ, whatever they are tied to.
    package static func differences(from old: Manifest.Content, to new: Manifest.Content) -> Set<Difference> {
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
}

/// The paths that one content has left, of which renames take the most alike.
private struct RenameSources {
    /// Backwards, so that paths with the same end are neighbours; ascending.
    private let reversed: [[UInt8]]
    private let paths: [CheckpointPath]
    // The nearest path that is not taken, at or before an index plus one, and at or after an index: trees whose roots
    // are the answer.
    private var before: [Int]
    private var after: [Int]

    init(_ paths: [CheckpointPath]) {
        let ordered = paths.map { (reversed: Array($0.text.utf8.reversed()), path: $0) }
            .sorted { $0.reversed.lexicographicallyPrecedes($1.reversed) }
        reversed = ordered.map(\.reversed)
        self.paths = ordered.map(\.path)
        before = Array(0...paths.count)
        after = Array(0...paths.count)
    }

    /// Takes the path that shares the longest end with `path`; of two, the one that sorts before it.
    ///
    /// - Complexity: O(log n) for n paths, averaged over all calls.
    mutating func takeMostAlike(_ path: CheckpointPath) -> CheckpointPath? {
        let wanted = Array(path.text.utf8.reversed())
        var low = 0
        var high = reversed.count
        while low < high {
            let middle = (low + high) / 2
            if reversed[middle].lexicographicallyPrecedes(wanted) { low = middle + 1 } else { high = middle }
        }
        let lower = Self.root(low, &before) - 1
        let upper = Self.root(low, &after)
        func commonCount(_ index: Int) -> Int {
            reversed.indices.contains(index) ? zip(reversed[index], wanted).prefix { $0 == $1 }.count : -1
        }
        let best = commonCount(lower) >= commonCount(upper) ? lower : upper
        guard reversed.indices.contains(best) else { return nil }
        before[best + 1] = best
        after[best] = best + 1
        return paths[best]
    }

    private static func root(_ index: Int, _ tree: inout [Int]) -> Int {
        var index = index
        while tree[index] != index {
            tree[index] = tree[tree[index]]
            index = tree[index]
        }
        return index
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

extension Structure {
    /// The containers and keys, without whether a leaf is a tensor or a plain value.
    fileprivate var withoutLeafTypes: Structure {
        switch self {
        case .tensor, .value: .value
        case .reference: self
        case .object(let form, let parts):
            .object(form, parts: parts.map { Part(part: $0.part, structure: $0.structure.withoutLeafTypes) })
        case .list(let items): .list(items.map(\.withoutLeafTypes))
        case .tuple(let items): .tuple(items.map(\.withoutLeafTypes))
        case .dictionary(let entries, let kind):
            .dictionary(
                entries.map { Entry(key: $0.key, structure: $0.structure.withoutLeafTypes) }, kind: kind)
        }
    }
}
