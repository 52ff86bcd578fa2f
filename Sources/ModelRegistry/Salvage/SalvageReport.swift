/// What was taken out of a damaged registry.
public struct SalvageReport: Hashable, Sendable {
    /// Something that is not in the new registry.
    public struct Loss: Hashable, Sendable {
        /// The version that lost it; `nil` where it is of no single version.
        public let version: String?
        /// The tensors that were lost, of a version of which others are whole.
        public let paths: [String]
        /// What it is.
        public let description: String

        init(_ description: String, version: String? = nil, paths: [String] = []) {
            self.version = version
            self.paths = paths
            self.description = description
        }
    }

    /// Number of versions in the new registry, those included that have lost tensors.
    public let versionCount: Int
    /// Number of runs in it.
    public let runCount: Int
    /// Pages of the damaged file that should be of a table and are not.
    public let damagedPageCount: Int
    /// Rows that could not be read, or are none that the table can have.
    public let damagedRowCount: Int
    /// Rows that came from the second copy that an index holds.
    public let restoredRowCount: Int
    /// What is not in the new registry, as far as it can be told.
    public let losses: [Loss]

    /// Whether nothing was damaged. Of a lost page nobody knows what it held, unless other rows name it.
    public var isWhole: Bool { losses.isEmpty && damagedPageCount + damagedRowCount == 0 }
}
