import Checkpoints

/// What to compare, and how far.
public struct DiffOptions: Sendable {
    /// Paths to compare, as ``PathSelection`` reads them: those of the new checkpoint, and of the old one once they are
    /// aligned. Everything where there are none.
    public var patterns: [String]
    /// How names are made to agree first.
    public var alignment: KeyAlignment
    /// Whether elements of tensors that differ are read and compared. Otherwise all is told from content ids.
    public var comparesValues: Bool

    /// Everything, unless told otherwise.
    public init(
        patterns: [String] = [], alignment: KeyAlignment = KeyAlignment(), comparesValues: Bool = true
    ) {
        self.patterns = patterns
        self.alignment = alignment
        self.comparesValues = comparesValues
    }
}
