import Checkpoints

/// Facts of many versions and runs of a repository in one blob, so that listing them takes no request for each.
///
/// It is no more than a cache: tags say which versions there are, and what it lacks is read from the version itself.
package struct VersionIndex: Sendable {
    /// By tag. Without what listings do not show.
    package var versions: [String: VersionFacts]
    /// By identity. Without what listings do not show.
    package var runs: [String: RunFacts]

    package init(versions: [String: VersionFacts] = [:], runs: [String: RunFacts] = [:]) {
        self.versions = versions
        self.runs = runs
    }

    package static let file = CompressedFields("RI", name: "an index", maximumByteCount: 256 << 20)

    /// The index's bytes: the same index has the same.
    package var encoded: [UInt8] {
        var fields = FieldWriter()
        for facts in [
            versions.mapValues { RemoteJSON.encoded($0.brief) },
            runs.mapValues { RemoteJSON.encoded($0.brief) },
        ] {
            fields.list(facts.sorted { $0.key < $1.key }) { fields, facts in
                fields.text(facts.key)
                fields.data(facts.value)
            }
        }
        return VersionIndex.file.encoded(fields)
    }

    /// Reads an index that may come from anybody.
    ///
    /// - Throws: ``RemoteError/damaged(_:problem:)``.
    package init(decoding bytes: [UInt8], from remote: String) throws(RemoteError) {
        typealias Facts = [(String, [UInt8])]
        let read: (Facts, Facts)
        do {
            read = try VersionIndex.file.decoded(bytes) { reader throws(FieldProblem) in
                func facts(_ reader: inout FieldReader) throws(FieldProblem) -> Facts {
                    try reader.list(elementByteCount: 2) { reader throws(FieldProblem) in
                        (try reader.text(), try reader.data())
                    }
                }
                return (try facts(&reader), try facts(&reader))
            }
        } catch {
            throw RemoteError.damaged(remote, problem: error.text)
        }
        versions = [:]
        runs = [:]
        for (tag, json) in read.0 { versions[tag] = try RemoteJSON.decoded(json, from: remote) }
        for (identity, json) in read.1 { runs[identity] = try RemoteJSON.decoded(json, from: remote) }
    }
}

extension VersionFacts {
    /// What listings show.
    fileprivate var brief: VersionFacts {
        var facts = self
        facts.lineage = []
        facts.attachments = []
        facts.notes = []
        facts.environment?.packages = []
        facts.environment?.command = []
        return facts
    }
}

extension RunFacts {
    /// What listings show.
    fileprivate var brief: RunFacts {
        var facts = self
        facts.environment = nil
        facts.attachments = []
        facts.notes = []
        return facts
    }
}

// MARK: At a remote

extension VersionIndex {
    /// Reads the index of a repository.
    ///
    /// - Returns: `nil` where there is none, or where it cannot be read: it is only a cache.
    /// - Throws: ``RemoteError`` where the remote does not answer.
    package init?(in store: any BlobStore) throws {
        guard let stored = try store.manifest(.tag(RemoteTag.index.text)) else { return nil }
        do {
            let manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
            guard let layer = manifest.layers.first(where: { $0.mediaType == MediaType.versionIndex }),
                let id = layer.id, (0...VersionIndex.maximumEncodedByteCount).contains(layer.size)
            else { return nil }
            try self.init(decoding: store.bytes(of: id, byteCount: layer.size), from: store.name)
        } catch RemoteError.damaged {
            return nil
        } catch RemoteError.missingBlob {
            return nil
        }
    }

    private static let maximumEncodedByteCount = 64 << 20

    /// Writes the index of a repository.
    package func write(to store: any BlobStore) throws {
        let layer = try store.send(encoded, MediaType.versionIndex)
        let config = try store.send(Array("{}".utf8), MediaType.empty)
        let manifest = OCIManifest(
            artifactType: MediaType.versionIndex, config: config, layers: [layer],
            annotations: [Annotation.count: "\(versions.count)"])
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: RemoteTag.index.text)
    }
}
