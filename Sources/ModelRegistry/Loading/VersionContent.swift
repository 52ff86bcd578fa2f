import Checkpoints
import ChunkStore
import GRDB

/// The structure and leaves of a version.
struct VersionContent: Sendable {
    let version: Version
    let structure: Structure
    let leaves: [StoredLeaf]

    /// Reads the rows of `version`.
    ///
    /// - Parameter checksContentID: Whether rows that are not those of the version's content id are damage.
    /// - Throws: ``RegistryError/damaged(_:)`` when they contradict each other,
    ///   ``RegistryError/deletedMeanwhile(version:)``.
    /// - Complexity: O(leaves). No chunk is read.
    init(_ db: Database, _ version: Version, checksContentID: Bool = true) throws {
        try VersionTable.requirePresent(version, db)
        self.version = version
        (structure, leaves) = try locatingDamage(version: version.reference) {
            let structure = try StructureTable.structure(db, of: version)
            return (structure, try ParameterTable.leaves(db, of: version, structure))
        }
        if checksContentID, manifest.contentID != version.contentID {
            throw RegistryError.damaged(
                RegistryError.Damage(version: version.reference, problem: "it does not match its content id"))
        }
    }
}

extension VersionContent {
    /// Content that was checked elsewhere.
    init(version: Version, structure: Structure, leaves: [StoredLeaf]) {
        self.version = version
        self.structure = structure
        self.leaves = leaves
    }

    /// The manifest that the rows describe.
    var manifest: Manifest {
        let leaves = leaves.map { leaf in
            switch leaf.content {
            case .value(let value): Manifest.Leaf(path: leaf.path, content: .value(value))
            case .tensor(_, let view, let id):
                Manifest.Leaf(path: leaf.path, content: .tensor(Manifest.TensorContent(id: id, view: view)))
            case .dropped(let tensor): Manifest.Leaf(path: leaf.path, content: .tensor(tensor))
            }
        }
        return Manifest(structure: structure, leaves: leaves)
    }
}

extension VersionContent {
    /// Checks that none of the leaves asked for was dropped.
    ///
    /// - Throws: ``RegistryError/thinned(version:paths:whole:)``.
    func checkPresent(_ isSelected: [Bool]) throws {
        let dropped = zip(leaves, isSelected).compactMap { leaf, isSelected in
            if isSelected, case .dropped = leaf.content { leaf.path.text } else { nil }
        }
        if !dropped.isEmpty {
            throw RegistryError.thinned(version: version.reference, paths: dropped, whole: wholeParts)
        }
    }

    /// The keys at the top of the checkpoint below which no tensor was dropped.
    private var wholeParts: [String] {
        var parts: [String] = []
        var thinned: Set<String> = []
        for leaf in leaves {
            let part = leaf.path.text.split(separator: "/", omittingEmptySubsequences: false)[0]
            if !parts.contains(String(part)) { parts.append(String(part)) }
            if case .dropped = leaf.content { thinned.insert(String(part)) }
        }
        return parts.filter { !thinned.contains($0) }
    }
}
