extension String {
    /// Whether both texts are the same bytes.
    ///
    /// Swift's `==` also holds for texts that only look the same, such as a precomposed `é` and an `e` with an
    /// accent; a checkpoint may have both as keys.
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && self == other && utf8.elementsEqual(other.utf8)
    }
}
