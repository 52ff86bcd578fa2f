public import Foundations

/// Why the bytes of a stored chunk could not be decoded.
public enum CodecError: Error, Hashable, Sendable {
    /// The chunk was written by a newer version, or its row is damaged.
    case unknownCodec(UInt8)
    /// The first byte of the encoded chunk is no `ElementKind`, or none that its codec can hold.
    case unknownElementKind(UInt8)
    /// A plane has a coding that no version up to this one writes.
    case unknownPlaneCoding(UInt8, offset: Int)
    /// A plane is coded with zstd, and this build has the package trait `Zstd` off.
    case zstdUnavailable
    /// The encoded bytes end before `byteCount` more that belong at `offset`.
    case truncated(offset: Int, byteCount: Int)
    /// More bytes follow the last that belongs to the chunk.
    case trailingBytes(offset: Int, byteCount: Int)
    /// A raw chunk is not as long as the chunk it stands for.
    case wrongByteCount(expected: Int, found: Int)
    /// The length of a plane is not a number of at most five bytes that fits.
    case invalidPlaneLength(offset: Int)
    /// The entropy-coded bytes of a plane are not what their coder wrote.
    case damagedPlane(offset: Int)
    /// The chunk is a delta and no base was given.
    case missingBase
    /// The base is not as long as the chunk.
    case wrongBaseByteCount(expected: Int, found: Int)
}

extension CodecError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .unknownCodec(let id):
            "chunk has codec \(id), a codec from the future: read it with a newer modelreg"
        case .unknownElementKind(let kind):
            "chunk is damaged: element kind \(kind) in its first byte"
        case .unknownPlaneCoding(let coding, let offset):
            "chunk has plane coding \(coding) at byte \(offset): it is damaged or from a newer modelreg"
        case .zstdUnavailable:
            "chunk is compressed with zstd: build modelreg with the package trait \"Zstd\" to read it"
        case .truncated(let offset, let byteCount):
            "chunk is truncated: \(byteCount) bytes missing at byte \(offset)"
        case .trailingBytes(let offset, let byteCount):
            "chunk is damaged: \(byteCount) bytes too many at byte \(offset)"
        case .wrongByteCount(let expected, let found):
            "chunk is damaged: \(found) bytes where \(expected) are expected"
        case .invalidPlaneLength(let offset):
            "chunk is damaged: invalid length of a plane at byte \(offset)"
        case .damagedPlane(let offset):
            "chunk is damaged: the plane at byte \(offset) does not decode"
        case .missingBase:
            "chunk is a delta and its base is missing"
        case .wrongBaseByteCount(let expected, let found):
            "chunk is a delta of \(expected) bytes and its base has \(found)"
        }
    }
}

extension CodecError: CategorisedError {
    /// Bytes that are no encoded chunk.
    public var category: ErrorCategory { .badData }
}
