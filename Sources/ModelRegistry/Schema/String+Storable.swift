extension String {
    /// The text as a column keeps it: SQLite ends a text at a NUL, so each becomes U+FFFD.
    var storable: String { replacing("\0", with: "\u{FFFD}") }
}
