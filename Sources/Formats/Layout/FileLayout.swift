/// Where everything goes in a file that is to be written, known before any tensor's bytes are.
///
/// A writer puts ``literals`` at their places and the bytes of each storage or tensor at its range, in any order,
/// from several threads if it likes. Then it adds what ``checksumLiterals(crc32s:)`` gives: these replace bytes
/// that were written as placeholders. Together, literals and ranges cover the file.
package protocol FileLayout: Sendable {
    /// Bytes of the whole file.
    var byteCount: Int { get }

    /// The bytes that are not tensors: ascending, disjoint.
    var literals: [FileLiteral] { get }

    /// Where the bytes of each storage or tensor belong, in the order in which they were given.
    var ranges: [Range<Int>] { get }

    /// Whether the format has checksums of the data. If not, ``checksumLiterals(crc32s:)`` gives nothing.
    var hasChecksums: Bool { get }

    /// The bytes that can be known only once all data is.
    ///
    /// - Parameter crc32s: ``CRC32`` of the bytes of each of ``ranges``.
    /// - Precondition: One for each range, where the format has checksums.
    func checksumLiterals(crc32s: [UInt32]) -> [FileLiteral]
}

extension FileLayout {
    /// None, for formats without checksums.
    package var hasChecksums: Bool { false }

    /// Nothing, for formats without checksums.
    package func checksumLiterals(crc32s: [UInt32]) -> [FileLiteral] { [] }
}

/// Bytes that belong at an offset of a file.
package struct FileLiteral: Equatable, Sendable {
    /// Where the first byte goes.
    package let offset: Int
    /// The bytes.
    package let bytes: [UInt8]

    /// Puts `bytes` at `offset`.
    package init(offset: Int, bytes: [UInt8]) {
        self.offset = offset
        self.bytes = bytes
    }
}
