/// How the bytes of a stored chunk are to be read. `docs/codec.md` specifies each codec to the byte.
///
/// A registry may hold chunks of a codec that this version does not know, so any raw value is possible. The
/// meaning of a value never changes; a new encoding takes the next one.
public struct ChunkCodec: RawRepresentable, Hashable, Sendable {
    /// The number in the chunk's row.
    public let rawValue: UInt8

    /// Any number, known or not.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The chunk's bytes as they are.
    public static let raw = ChunkCodec(rawValue: 0)
    /// Byte planes, each coded on its own; the bits of floats rotated so that the exponent is a plane.
    public static let planes = ChunkCodec(rawValue: 1)
    /// Floats as differences from a base, sorted by the base's exponent, in byte planes.
    public static let floatDelta = ChunkCodec(rawValue: 2)
    /// Integers or bytes as differences from a base, in byte planes.
    public static let integerDelta = ChunkCodec(rawValue: 3)
    /// The chunk's bytes coded as one plane; for sparse tensors.
    public static let whole = ChunkCodec(rawValue: 4)

    /// Whether decoding needs the bytes of another chunk.
    public var needsBase: Bool { self == .floatDelta || self == .integerDelta }
}

extension ChunkCodec: CustomStringConvertible {
    /// The codec's name, or its number if this version does not know it.
    public var description: String {
        switch self {
        case .raw: "raw"
        case .planes: "planes"
        case .floatDelta: "float delta"
        case .integerDelta: "integer delta"
        case .whole: "whole"
        default: "codec \(rawValue)"
        }
    }
}
