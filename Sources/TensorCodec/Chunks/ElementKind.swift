/// What the bytes of a chunk are, as far as compression cares: the width of an element and where its exponent is.
///
/// Signed and unsigned integers are the same here. Booleans and floats of eight bits are `bytes`; a complex
/// number is two floats. The raw value is stored in the chunk.
public enum ElementKind: UInt8, CaseIterable, Sendable {
    case bytes = 1
    case integer16 = 2
    case integer32 = 3
    case integer64 = 4
    case float16 = 5
    case bfloat16 = 6
    case float32 = 7
    case float64 = 8
}

extension ElementKind {
    /// Bytes of one element.
    public var byteWidth: Int {
        switch self {
        case .bytes: 1
        case .integer16, .float16, .bfloat16: 2
        case .integer32, .float32: 4
        case .integer64, .float64: 8
        }
    }

    /// Whether elements are floats wider than a byte.
    public var isFloat: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        case .bytes, .integer16, .integer32, .integer64: false
        }
    }
}
