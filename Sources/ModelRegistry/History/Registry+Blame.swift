public import Checkpoints
import ChunkStore
import GRDB

extension Registry {
    /// In which version each leaf of a version last changed: `git blame` for weights.
    ///
    /// Goes back from the version through the living versions of its model, by number, as long as the leaf has the
    /// same content under the same path; the earliest of these is where it changed. Deleted versions are passed over
    /// as if they had never been: what changed in one is found in the next one that is left. Whether a tensor is tied,
    /// and how it lies in memory, is not part of its content.
    ///
    /// - Parameters:
    ///   - reference: Which version; see ``VersionReference``.
    ///   - patterns: Paths to look at, `encoder.*`; everything where there are none.
    /// - Throws: ``RegistryError``, ``PathSelectionError``.
    /// - Complexity: O(versions that a leaf stayed the same in), summed over leaves, in one query. No tensor is read.
    public func blame(_ reference: String, only patterns: [String] = []) throws -> Blame {
        try read { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            let content = try VersionContent(db, version)
            let isSelected = try PathSelection(patterns).selects(content.leaves.map(\.path))
            let ordinals = isSelected.indices.filter { isSelected[$0] }
            let numbers = try BlameQuery.numbers(db, version, ordinals)
            let leaves = content.manifest.leaves
            var versions: [Int: Version] = [version.number: version]
            let lines = try zip(ordinals, numbers).map { ordinal, number in
                let changedIn = try versions[number] ?? VersionTable.version(db, version.model, number: number)
                versions[number] = changedIn
                return Blame.Line(
                    path: leaves[ordinal].path, content: leaves[ordinal].content, changedIn: changedIn)
            }
            return Blame(version: version, lines: lines)
        }
    }
}

/// In which version each leaf of a version last changed.
public struct Blame: Sendable {
    /// The version that was looked at.
    public let version: Version
    /// The leaves asked for, in the version's order.
    public let lines: [Line]

    /// A leaf and its last change.
    public struct Line: Sendable {
        /// Where the leaf is.
        public let path: CheckpointPath
        /// What it is.
        public let content: Manifest.Content
        /// The earliest living version from which on it has been so, without a break.
        public let changedIn: Version
    }

    /// The versions that something last changed in, latest first, each with its lines.
    public var groups: [(version: Version, lines: [Line])] {
        Dictionary(grouping: lines) { $0.changedIn.number }.sorted { $0.key > $1.key }
            .map { (version: $0.value[0].changedIn, lines: $0.value) }
    }
}

private enum BlameQuery {
    /// For each leaf, the number of the version that it last changed in.
    static func numbers(_ db: Database, _ version: Version, _ ordinals: [Int]) throws -> [Int] {
        // Mostly the tensor's row tells, else the content id: the same elements may lie in memory in another order.
        let isSame = """
            (before.tensor IS leaf.tensor AND before.view_id IS leaf.view_id
             AND before.value_kind IS leaf.value_kind AND before.value IS leaf.value
             OR ifnull(before.view_id, before_tensor.content_id) = ifnull(leaf.view_id, tensor.content_id))
            """
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT leaf.ordinal, (
                  SELECT min(later.number) FROM version AS later
                  WHERE later.model = this.model AND later.deleted_at IS NULL AND later.number > ifnull((
                    SELECT earlier.number FROM version AS earlier
                    WHERE earlier.model = this.model AND earlier.number < this.number
                      AND earlier.deleted_at IS NULL
                      -- Versions of one structure have a leaf in the same place.
                      AND NOT iif(earlier.structure = this.structure,
                        EXISTS (
                          SELECT 1 FROM parameter AS before LEFT JOIN tensor AS before_tensor
                            ON before_tensor.id = before.tensor
                          WHERE before.version = earlier.id AND before.ordinal = leaf.ordinal AND \(isSame)),
                        EXISTS (
                          SELECT 1 FROM parameter AS before INDEXED BY parameter_by_path
                          LEFT JOIN tensor AS before_tensor ON before_tensor.id = before.tensor
                          WHERE before.path = leaf.path AND before.version = earlier.id AND \(isSame)))
                    ORDER BY earlier.number DESC LIMIT 1), 0)) AS changed_in
                FROM version AS this
                JOIN parameter AS leaf ON leaf.version = this.id
                LEFT JOIN tensor ON tensor.id = leaf.tensor
                WHERE this.id = ? AND leaf.ordinal IN (SELECT value FROM json_each(?))
                ORDER BY leaf.ordinal
                """,
            arguments: [version.rowID, IntegerList.text(ordinals)])
        return try rows.map { try $0.value("changed_in") }
    }
}
