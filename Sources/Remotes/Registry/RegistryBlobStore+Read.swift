package import Checkpoints

extension RegistryBlobStore {
    package func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try BlobReading.read(
            blob, byteCount: byteCount, range: range, remote: name, policy: connection.policy,
            ask: { [self] what, header, take in
                let request = HTTPRequest(
                    method: .get, address: connection.address("blobs/\(blob)"), headers: header)
                let answer = try connection.attempt(request, for: .pull, what, body: take)
                guard BlobReading.statuses.contains(answer.head.status) else {
                    throw connection.refused(answer, what)
                }
                return answer.head
            }, body)
    }
}
