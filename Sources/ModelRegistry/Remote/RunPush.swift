import Checkpoints
import ChunkStore
import Foundations
import GRDB
import Remotes

/// Sends the records of runs to a repository: settings, notes, attachments and the values of all metrics.
struct RunPush {
    let ours: Registry
    let store: any BlobStore
    let tags: Set<String>
    let dryRun: Bool

    /// Sends the runs that saved versions, and those that they went on from.
    ///
    /// A record that is as the remote has it is not sent, nor one that was heard of earlier than the remote's.
    ///
    /// - Parameter all: Whether to send all runs of the model, too, whatever they saved.
    /// - Returns: The runs that were sent.
    func run(of versions: [Version], allOf model: String?) throws -> [String] {
        var sent: [String] = []
        for row in try rows(of: versions, allOf: model) {
            try Task.checkCancellation()
            guard let facts = try ours.read({ db in try RunFacts(row: row, db) }) else { continue }
            if try send(facts, row) {
                sent.append(RunInfo.reference(model: facts.origin.model, name: facts.origin.name))
            }
        }
        return sent
    }

    /// Rows of runs, parents among them.
    private func rows(of versions: [Version], allOf model: String?) throws -> [Int64] {
        try ours.read { db in
            var wanted = Set(
                try versions.compactMap {
                    try Int64.fetchOne(
                        db.cachedStatement(sql: "SELECT run FROM version WHERE id = ?"), arguments: [$0.rowID])
                })
            if let model {
                wanted.formUnion(
                    try Int64.fetchAll(
                        db,
                        sql: "SELECT run.id FROM run JOIN model ON model.id = run.model WHERE model.name = ?",
                        arguments: [model]))
            }
            var next = Array(wanted)
            while let row = next.popLast() {
                let parent = try Int64.fetchOne(
                    db.cachedStatement(sql: "SELECT parent FROM run WHERE id = ?"), arguments: [row])
                if let parent, wanted.insert(parent).inserted { next.append(parent) }
            }
            return wanted.sorted()
        }
    }

    private func send(_ facts: RunFacts, _ row: Int64) throws -> Bool {
        var facts = facts
        let isKnown = tags.contains(facts.origin.tag)
        let theirs = isKnown ? try RemoteRun(identity: facts.origin.identity, in: store) : nil
        if let theirs, theirs.facts.heardAt > facts.heardAt { return false }
        if dryRun { return theirs == nil }
        var blobs: [BlobSource] = []
        var layers: [OCIDescriptor] = []
        func add(_ bytes: [UInt8], _ mediaType: String) {
            let blob = BlobSource(bytes)
            guard !layers.contains(where: { $0.id == blob.digest }) else { return }
            blobs.append(blob)
            layers.append(OCIDescriptor(mediaType: mediaType, digest: blob.digest, size: bytes.count))
        }
        for (name, content) in try ours.read({ db in try AttachmentTable.contents(db, run: row) }) {
            guard let bytes = Zlib.decompressed(content.stream, limit: content.byteCount) else { continue }
            facts.attachments.append(
                VersionFacts.Attachment(
                    name: name, digest: "sha256:\(content.id.hex)", size: content.byteCount))
            add(bytes, MediaType.attachment)
        }
        try forEachPartOfMetrics(row) { add($0.encoded, MediaType.runMetrics) }
        let config = BlobSource(RemoteJSON.encoded(facts))
        let manifest = OCIManifest(
            artifactType: MediaType.run,
            config: OCIDescriptor(
                mediaType: MediaType.runFacts, digest: config.digest, size: config.bytes.count),
            layers: layers,
            annotations: [Annotation.run: facts.origin.name, Annotation.heard: facts.heardAt])
        let encoded = manifest.encoded
        guard theirs?.digest != ContentID(hashing: encoded) else { return false }
        for blob in blobs + [config] where try store.byteCount(of: blob.digest) != blob.bytes.count {
            try store.write(blob, progress: nil)
        }
        // Another push has just written it: the next one compares the two.
        do {
            try store.write(manifest: encoded, mediaType: MediaType.manifest, tag: facts.origin.tag)
        } catch RemoteError.changedMeanwhile { return false }
        return true
    }

    private func forEachPartOfMetrics(_ row: Int64, _ body: (RunMetrics) throws -> Void) throws {
        var part = RunMetrics()
        var last: LoggedMetric?
        while true {
            let values = try ours.read { db in
                try RunTable.metrics(db, row, after: last, limit: RunMetrics.maximumPointCount)
            }
            for value in values {
                if part.series.last?.name != value.name {
                    part.series.append(RunMetrics.Series(name: value.name, points: []))
                }
                part.series[part.series.count - 1].points.append(
                    RunMetrics.Point(step: value.step, value: value.value, seconds: value.seconds))
            }
            if !part.series.isEmpty { try body(part) }
            part = RunMetrics()
            guard let end = values.last else { return }
            last = end
        }
    }
}
