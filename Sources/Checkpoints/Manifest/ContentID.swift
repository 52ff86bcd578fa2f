import CKernels
import Foundations

/// The SHA-256 of some content: a chunk's bytes, a tensor, or a version's manifest.
public struct ContentID: Hashable, Sendable {
    // Four words rather than an array: half of a registry's work is comparing these.
    private let words: Words
    private typealias Words = (UInt64, UInt64, UInt64, UInt64)

    /// Number of bytes of an id.
    public static let byteCount = 32

    /// The SHA-256 of `bytes`.
    ///
    /// - Complexity: O(count), about 2 GB/s on a processor with SHA instructions.
    public init(hashing bytes: UnsafeRawBufferPointer) {
        var words: Words = (0, 0, 0, 0)
        mr_sha256_of(bytes.baseAddress, bytes.count, &words)
        self.init(words: words)
    }

    /// The SHA-256 of `bytes`.
    public init(hashing bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { ContentID(hashing: $0) }
    }

    /// The SHA-256 of each of two messages, in hardly more time than that of one where the processor allows.
    ///
    /// Worth it for messages of about the same length.
    package static func pair(
        hashing first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> (ContentID, ContentID) {
        let zeros: Words = (0, 0, 0, 0)
        var (left, right) = (zeros, zeros)
        mr_sha256_pair(
            first.baseAddress, first.count, second.baseAddress, second.count, &left, &right)
        return (ContentID(words: left), ContentID(words: right))
    }

    private init(words: Words) { self.words = words }

    /// The id that `bytes` spell, or `nil` if these are not 32 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == ContentID.byteCount else { return nil }
        words = bytes.loadUnaligned(as: Words.self)
    }

    /// The id that 64 hexadecimal digits spell, or `nil`.
    public init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count == 2 * ContentID.byteCount else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = digits[index...index + 1]
            guard pair.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let byte = UInt8(String(decoding: pair, as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        guard let id = bytes.withUnsafeBytes({ ContentID(bytes: $0) }) else { return nil }
        self = id
    }

    /// Calls `body` with the 32 bytes.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var copy = words
        // The standard library's free function does not forward typed errors.
        let result: Swift.Result<Result, Failure> = Swift.withUnsafeBytes(of: &copy) { bytes in
            do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// 64 lower-case hexadecimal digits.
    public var hex: String { HexText.of(bytes) }

    /// Whether both ids are the same 32 bytes.
    public static func == (left: ContentID, right: ContentID) -> Bool {
        left.words == right.words
    }

    /// Hashes all words. Content ids are uniformly distributed, but not those that a hostile file names.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

/// A content id in the making, for content that comes in pieces.
package struct ContentHasher {
    private var hash = mr_sha256()

    /// Nothing so far.
    package init() { mr_sha256_begin(&hash) }

    /// Adds the next piece.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        mr_sha256_add(&hash, bytes.baseAddress, bytes.count)
    }

    /// The id of all that was added; the hasher is not to be used afterwards.
    package mutating func end() -> ContentID {
        withUnsafeTemporaryAllocation(byteCount: ContentID.byteCount, alignment: 8) { digest in
            mr_sha256_end(&hash, digest.baseAddress)
            guard let id = ContentID(bytes: UnsafeRawBufferPointer(digest)) else {
                preconditionFailure("a digest of \(digest.count) bytes")
            }
            return id
        }
    }
}

extension ContentID: CustomStringConvertible {
    /// `sha256:` and 64 digits.
    public var description: String { "sha256:\(hex)" }

    /// The first 12 digits, for people.
    public var short: String { String(hex.prefix(12)) }
}
