package import Checkpoints
import Foundations

/// A run at a remote: its manifest and facts have been read, the values of its metrics not.
package struct RemoteRun: Sendable {
    package let digest: ContentID
    package let facts: RunFacts
    private let store: any BlobStore
    private let metricLayers: [(id: ContentID, byteCount: Int)]
    private let attachments: RemoteAttachments

    private static let maximumFactsByteCount = 16 << 20
    private static let maximumMetricsByteCount = 64 << 20

    /// Reads manifest and facts.
    ///
    /// - Returns: `nil` where the remote has no record of the run.
    /// - Throws: ``RemoteError``.
    package init?(identity: String, in store: any BlobStore) throws {
        let tag = RemoteTag.run(identity).text
        guard let stored = try store.manifest(.tag(tag)) else { return nil }
        let manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
        func damaged(_ problem: String) -> RemoteError { .damaged(store.name, problem: problem) }
        guard manifest.config.mediaType == MediaType.runFacts, let config = manifest.config.id,
            (0...RemoteRun.maximumFactsByteCount).contains(manifest.config.size)
        else { throw damaged("a tag \(quoted(tag)) of something that is not a run") }
        facts = try RemoteJSON.decoded(
            try store.bytes(of: config, byteCount: manifest.config.size), from: store.name)
        guard facts.format == RunFacts.currentFormat else {
            throw damaged("a run of format \(facts.format), of a newer modelreg; please upgrade")
        }
        guard facts.origin.identity == identity else {
            throw damaged("the tag \(quoted(tag)) is of another run")
        }
        digest = stored.digest
        self.store = store
        metricLayers = try manifest.layers.filter { $0.mediaType == MediaType.runMetrics }.map { layer in
            guard let id = layer.id, (0...RemoteRun.maximumMetricsByteCount).contains(layer.size) else {
                throw damaged("a layer of an impossible digest or size")
            }
            return (id, layer.size)
        }
        attachments = RemoteAttachments(manifest, in: store)
    }

    /// Reads the values of the metrics, a layer at a time.
    ///
    /// - Throws: ``RemoteError``, and what `body` throws.
    package func readMetrics(_ body: (RunMetrics) throws -> Void) throws {
        for layer in metricLayers {
            let bytes = try store.bytes(of: layer.id, byteCount: layer.byteCount)
            let metrics: RunMetrics
            do { metrics = try RunMetrics(decoding: bytes) } catch {
                throw RemoteError.damaged(store.name, problem: error.text)
            }
            try body(metrics)
        }
    }

    /// Reads an attachment.
    ///
    /// - Throws: ``RemoteError``.
    package func bytes(of attachment: VersionFacts.Attachment) throws -> [UInt8] {
        try attachments.bytes(of: attachment)
    }
}
