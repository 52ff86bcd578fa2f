package import Checkpoints
import Foundations

extension RegistryBlobStore {
    package func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let wanted = range ?? 0..<max(0, byteCount)
        guard byteCount >= 0, wanted.lowerBound >= 0, wanted.upperBound <= byteCount else {
            throw RemoteError.damaged(
                name, problem: "reading \(blob.short): bytes \(wanted) of \(byteCount) were asked for")
        }
        let isWhole = wanted == 0..<byteCount
        if wanted.isEmpty && !isWhole { return }
        var reading = BlobReading(blob: blob, byteCount: byteCount, wanted: wanted, isWhole: isWhole)
        var tries = Tries(policy: connection.policy, remote: name)
        repeat {
            let before = reading.position
            do {
                try tryRead(&reading, body)
                guard reading.isDone else {
                    throw TemporaryFailure(problem: "\(reading.what): its answer ended early")
                }
            } catch let failure as TemporaryFailure {
                if reading.position - before >= BlobReading.worthwhileByteCount { tries.succeed() }
                try tries.wait(after: failure)
            }
        } while !reading.isDone
        if isWhole { try reading.check(name) }
    }

    /// Asks for what is still missing, and takes what comes of it.
    private func tryRead(
        _ reading: inout BlobReading, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var request = HTTPRequest(method: .get, address: connection.address("blobs/\(reading.blob)"))
        let isPart = !reading.isWhole || reading.position > 0
        if isPart {
            request.headers = [("Range", "bytes=\(reading.position)-\(reading.wanted.upperBound - 1)")]
        }
        // Of an answer that does not heed the range: what comes before it.
        var skipCount: Int?
        let answer = try connection.attempt(request, for: .pull, reading.what) { head, bytes in
            if skipCount == nil { skipCount = try reading.skipCount(head, isPart: isPart, name) }
            let skipped = min(skipCount ?? 0, bytes.count)
            skipCount = (skipCount ?? 0) - skipped
            return try reading.take(UnsafeRawBufferPointer(rebasing: bytes[skipped...]), name, body)
        }
        switch answer.head.status {
        case 200, 206:
            // Of a body without bytes, nobody has looked at the head yet.
            if skipCount == nil { _ = try reading.skipCount(answer.head, isPart: isPart, name) }
            reading.hasAnswer = true
        case 404: throw RemoteError.missingBlob(name, digest: reading.blob.description)
        case 416:
            throw RemoteError.damaged(
                name, problem: "\(reading.what): it has fewer than \(reading.byteCount) bytes")
        default: throw connection.refused(answer, reading.what)
        }
    }
}

/// A blob on its way.
private struct BlobReading {
    let blob: ContentID
    let byteCount: Int
    let wanted: Range<Int>
    let isWhole: Bool
    /// Bytes that make a try a success although it was cut short; a registry that sends fewer at a time is not available.
    static let worthwhileByteCount = 16384

    /// Where the next byte is.
    private(set) var position: Int
    /// Whether the registry has the blob: one of no bytes sends none.
    var hasAnswer = false
    private var hasher = ContentHasher()

    init(blob: ContentID, byteCount: Int, wanted: Range<Int>, isWhole: Bool) {
        self.blob = blob
        self.byteCount = byteCount
        self.wanted = wanted
        self.isWhole = isWhole
        position = wanted.lowerBound
    }

    var what: String { "reading \(blob.short)" }
    var isDone: Bool { hasAnswer && position == wanted.upperBound }

    /// How many bytes of an answer come before those that are wanted next.
    func skipCount(_ head: HTTPHead, isPart: Bool, _ remote: String) throws -> Int {
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
    mutating func take(
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
    mutating func check(_ remote: String) throws {
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
