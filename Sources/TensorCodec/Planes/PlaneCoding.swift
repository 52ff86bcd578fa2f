/// How one plane is stored: the byte before it. What follows is specified in `docs/codec.md`.
enum PlaneCoding: UInt8 {
    /// One byte, the value of all.
    case constant = 0
    /// The plane's bytes.
    case raw = 1
    /// A length, then a zstd frame without its magic number.
    case zstd = 2
    /// A length, then a raw deflate stream.
    case deflate = 3
    /// A length, then frequencies, states and words of range asymmetric numeral systems.
    case rans = 4
}
