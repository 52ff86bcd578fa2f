package import Foundations

/// The bytes of a blob: in memory, or in a file that nobody else writes to.
package struct BlobBytes: RandomAccessCollection, Sendable {
    private enum Place: Sendable {
        case memory([UInt8])
        case file(MappedFile)
    }

    private let place: Place
    package let count: Int

    package init(_ bytes: [UInt8]) {
        place = .memory(bytes)
        count = bytes.count
    }

    /// - Parameter file: A file of our own: it is not compared again with what was hashed.
    package init(_ file: MappedFile) {
        place = .file(file)
        count = file.byteCount
    }

    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch place {
        case .memory(let bytes): try bytes.withUnsafeBytes(body)
        case .file(let file): try file.withUnsafeBytes(body)
        }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { count }

    package subscript(position: Int) -> UInt8 { withUnsafeBytes { $0[position] } }

    package func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result? {
        try withUnsafeBytes { try $0.withMemoryRebound(to: UInt8.self, body) }
    }
}
