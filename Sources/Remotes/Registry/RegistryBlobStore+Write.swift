import Checkpoints
import Foundations

extension RegistryBlobStore {
    /// One PUT for the whole blob: pieces by PATCH are slower, and no two registries agree on them.
    package func write(_ blob: BlobSource, progress: (@Sendable (Int) -> Void)?) throws {
        let mark = HighWaterMark(progress)
        var tries = Tries(policy: connection.policy, remote: name)
        while true {
            do {
                try tryWrite(blob, mark, isFirst: tries.failureCount == 0)
                mark.reach(blob.bytes.count)
                return
            } catch let failure as TemporaryFailure {
                try tries.wait(after: failure)
            }
        }
    }

    private func tryWrite(_ blob: BlobSource, _ mark: HighWaterMark, isFirst: Bool) throws {
        // The answer may have been cut off, and not the blob.
        if !isFirst, try tryByteCount(of: blob.digest) == blob.bytes.count { return }
        let what = "writing \(blob.digest.short)"
        let beginning = HTTPRequest(method: .post, address: connection.address("blobs/uploads/"), body: [])
        let session = try connection.attempt(beginning, for: .push, what) { _, _ in true }
        guard session.head.status == 202 else { throw connection.refused(session, what) }
        guard let location = session.head["location"].flatMap({ session.address.resolving($0) }) else {
            throw RemoteError.damaged(name, problem: "\(what): it says not where to")
        }
        try connection.checkNotPlain(location, what)

        let address = location.adding(query: "digest=\(WebAddress.escaped(blob.digest.description))")
        let request = HTTPRequest(
            method: .put, address: address, headers: [("Content-Type", "application/octet-stream")],
            body: blob.bytes)
        let answer = try connection.attempt(
            request, for: .push, what, sent: { mark.reach($0) }, body: { _, _ in true })
        switch answer.head.status {
        case 200, 201, 204: try check(answer, blob.digest, what)
        case 404, 416:
            // The session is gone, as where a registry was restarted; or the bytes were changed on the way.
            throw TemporaryFailure(
                problem: connection.text(answer, what), verdict: connection.refused(answer, what))
        case 400 where RegistryProblem(answer.problem).codes.contains("DIGEST_INVALID"):
            throw TemporaryFailure(
                problem: connection.text(answer, what), verdict: connection.refused(answer, what))
        case 413:
            throw RemoteError.refused(
                name,
                problem:
                    "\(connection.text(answer, what)): it, or a proxy before it, takes no \(blob.bytes.count) bytes at once"
            )
        default: throw connection.refused(answer, what)
        }
    }
}
