public import Foundations

/// A file that is not what it claims to be, or holds what cannot be kept.
///
/// Every error that the bytes of a file can cause conforms, so that a program can tell bad input from a disk
/// that fails (`FileError`).
public protocol FormatError: CategorisedError, CustomStringConvertible, Sendable {}

extension FormatError {
    /// Bad data.
    public var category: ErrorCategory { .badData }
}

extension JSONError: FormatError {}
