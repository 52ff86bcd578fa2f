import Checkpoints
import Foundations

/// A blob on its way from a server of HTTP, by as many requests as it takes.
struct BlobReading {
    /// What an answer may have; the rest is for whoever asks.
    static let statuses: Set<Int> = [200, 206, 404, 416]

    /// Sends a GET once.
    ///
    /// Gets what is done, for messages; the header `Range`, if any; and where the answer goes, as in
    /// ``HTTPTransport/send(_:sent:body:)``. Throws ``TemporaryFailure``, or another error for a status that is none of
    /// ``statuses``.
    typealias Asking = (
        _ what: String, _ header: [(name: String, value: String)],
        _ take: (HTTPHead, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> HTTPHead

    /// Reads a blob, or a part of it, as ``BlobStore/read(_:byteCount:range:_:)`` says.
    static func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, remote: String, policy: RetryPolicy,
        ask: @escaping Asking,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let wanted = range ?? 0..<max(0, byteCount)
        guard byteCount >= 0, wanted.lowerBound >= 0, wanted.upperBound <= byteCount else {
            throw RemoteError.damaged(
                remote, problem: "reading \(blob.short): bytes \(wanted) of \(byteCount) were asked for")
        }
        let isWhole = wanted == 0..<byteCount
        if wanted.isEmpty && !isWhole { return }
        var reading = BlobReading(blob: blob, byteCount: byteCount, wanted: wanted, isWhole: isWhole)
        var tries = Tries(policy: policy, remote: remote)
        repeat {
            let before = reading.position
            do {
                try reading.tryOnce(remote, ask: ask, body)
                guard reading.isDone else {
                    throw TemporaryFailure(problem: "\(reading.what): its answer ended early")
                }
            } catch let failure as TemporaryFailure {
                if reading.position - before >= BlobReading.worthwhileByteCount { tries.succeed() }
                try tries.wait(after: failure)
            }
        } while !reading.isDone
        if isWhole { try reading.check(remote) }
    }

    /// Asks for what is still missing, and takes what comes of it.
    private mutating func tryOnce(
        _ remote: String,
        ask: @escaping Asking,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let isPart = !isWhole || position > 0
        let header = isPart ? [(name: "Range", value: "bytes=\(position)-\(wanted.upperBound - 1)")] : []
        // Of an answer that does not heed the range: what comes before it.
        var skipCount: Int?
        let head = try ask(what, header) { head, bytes in
            if skipCount == nil { skipCount = try self.skipCount(head, isPart: isPart, remote) }
            let skipped = min(skipCount ?? 0, bytes.count)
            skipCount = (skipCount ?? 0) - skipped
            return try take(UnsafeRawBufferPointer(rebasing: bytes[skipped...]), remote, body)
        }
        switch head.status {
        case 404: throw RemoteError.missingBlob(remote, digest: blob.description)
        case 416:
            throw RemoteError.damaged(remote, problem: "\(what): it has fewer than \(byteCount) bytes")
        default:
            // Of a body without bytes, nobody has looked at the head yet.
            if skipCount == nil { _ = try self.skipCount(head, isPart: isPart, remote) }
            hasAnswer = true
        }
    }

    private let blob: ContentID
    private let byteCount: Int
    private let wanted: Range<Int>
    private let isWhole: Bool
    /// Bytes that make a try a success although it was cut short; a registry that sends fewer at a time is not available.
    private static let worthwhileByteCount = 16384

    /// Where the next byte is.
    private var position: Int
    /// Whether the registry has the blob: one of no bytes sends none.
    private var hasAnswer = false
    private var hasher = ContentHasher()

    private init(blob: ContentID, byteCount: Int, wanted: Range<Int>, isWhole: Bool) {
        self.blob = blob
        self.byteCount = byteCount
        self.wanted = wanted
        self.isWhole = isWhole
        position = wanted.lowerBound
    }

    private var what: String { "reading \(blob.short)" }
    private var isDone: Bool { hasAnswer && position == wanted.upperBound }

    /// How many bytes of an answer come before those that are wanted next.
    private func skipCount(_ head: HTTPHead, isPart: Bool, _ remote: String) throws -> Int {
        func damaged(_ problem: String) -> RemoteError { .damaged(remote, problem: "\(what): \(problem)") }
        switch head.status {
        case 206:
            guard isPart, !head.isEncoded, let part = ContentRange(head["content-range"] ?? ""),
                part.first == position, part.last < wanted.upperBound
            else {
                throw damaged(
                    "bytes \(position) to \(wanted.upperBound - 1) were asked for, \(quoted(head["content-range"] ?? "")) came"
                )
            }
            guard part.byteCount ?? byteCount == byteCount else {
                throw damaged("it has \(part.byteCount ?? 0) bytes, and should have \(byteCount)")
            }
            return 0
        default:
            if let count = head.contentLength, count != byteCount {
                throw damaged("it has \(count) bytes, and should have \(byteCount)")
            }
            return position
        }
    }

    /// Hands over the next bytes, but none after those that are wanted.
    ///
    /// - Returns: Whether there is more to come.
    private mutating func take(
        _ bytes: UnsafeRawBufferPointer, _ remote: String, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        let next = UnsafeRawBufferPointer(rebasing: bytes.prefix(wanted.upperBound - position))
        if isWhole {
            guard next.count == bytes.count else {
                throw RemoteError.damaged(remote, problem: "\(what): it has more than \(byteCount) bytes")
            }
            hasher.add(next)
        }
        if !next.isEmpty {
            try body(next)
            position += next.count
        }
        // A whole blob is read to the end, where one byte more would be found.
        return isWhole || position < wanted.upperBound
    }

    /// Compares a whole blob with its digest.
    private mutating func check(_ remote: String) throws {
        guard hasher.end() == blob else {
            throw RemoteError.damaged(remote, problem: "\(what): its bytes are not those of \(blob)")
        }
    }
}

/// `bytes FIRST-LAST/COUNT`, of one range.
struct ContentRange: Hashable {
    let first: Int
    let last: Int
    /// Of the whole; `nil` where the server does not tell.
    let byteCount: Int?

    init?(_ text: String) {
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst("bytes ".count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false).map(ContentRange.number)
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else { return nil }
        self.first = first
        self.last = last
        if parts[1] == "*" {
            byteCount = nil
        } else {
            guard let count = ContentRange.number(parts[1]), count > last else { return nil }
            byteCount = count
        }
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { 0x30...0x39 ~= $0 } ? Int(text) : nil
    }
}
