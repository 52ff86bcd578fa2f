import Checkpoints
import ChunkStore
import Foundations
import GRDB
import OrderedCollections
package import Remotes

/// How to push.
public struct PushOptions: Sendable {
    /// Whether an alias moves that names another version at the remote, and that was not set from here.
    public var forcesAliases: Bool
    /// Whether to refuse a version whose number another one has at the remote. Otherwise it gets the next free one there.
    public var requiresNumber: Bool
    /// Whether only to find out what would be sent.
    public var dryRun: Bool
    /// The plain files of a version, where they are to be at the remote, too.
    package var files: (@Sendable (Registry, Version) throws -> [PublishedFile])?

    /// Options as they are by default.
    public init(forcesAliases: Bool = false, requiresNumber: Bool = false, dryRun: Bool = false) {
        self.forcesAliases = forcesAliases
        self.requiresNumber = requiresNumber
        self.dryRun = dryRun
    }
}

/// What a push did, or would do.
public struct PushReport: Hashable, Sendable {
    /// A version that is at the remote now, what it is called here and there.
    public struct Pushed: Hashable, Sendable {
        /// Here: `mlp:v7`.
        public let ours: String
        /// There: `mlp:v8`.
        public let theirs: String
    }

    /// An alias that stays as it is at the remote.
    public struct Conflict: Hashable, Sendable {
        /// The alias: `mlp:best`.
        public let alias: String
        /// The version that it names here.
        public let ours: String
        /// The version that it names there, as it is called there.
        public let theirs: String
    }

    /// Versions that were sent, in the order of their numbers.
    public internal(set) var pushed: [Pushed] = []
    /// Versions whose plain files were sent, as they are called there.
    public internal(set) var published: [String] = []
    /// Versions that were there already.
    public internal(set) var sameCount = 0
    /// Versions that were left out because tensors of them were dropped.
    public internal(set) var thinned: [String] = []
    /// Runs whose records were sent, with settings and metrics.
    public internal(set) var runs: [String] = []
    /// Aliases that were set.
    public internal(set) var aliases: [String] = []
    /// Aliases that were not.
    public internal(set) var conflicts: [Conflict] = []
    /// Chunks that were sent.
    public internal(set) var chunkCount = 0
    /// Their encoded bytes.
    public internal(set) var sentByteCount = 0
}

/// One push of versions of one model.
struct Push {
    private let ours: Registry
    private let store: any BlobStore
    private let options: PushOptions
    private let progress: (@Sendable (Int) -> Void)?
    private var catalog: RemoteCatalog
    private var known = KnownChunks()

    init(
        _ ours: Registry, to store: any BlobStore, _ options: PushOptions, progress: (@Sendable (Int) -> Void)?
    ) throws {
        self.ours = ours
        self.store = store
        self.options = options
        self.progress = progress
        catalog = try RemoteCatalog(store)
    }

    private static func identity(_ version: Version) -> String {
        RemoteTag.identity(version.contentID, createdAt: Timestamp.text(version.createdAt))
    }

    /// Pushes versions of one model, the newest first: others are differences from it.
    ///
    /// - Parameter all: Whether they are all that the model has: then its other runs go along, and thinned versions are
    ///   left out.
    mutating func run(_ versions: [Version], all: Bool, _ report: inout PushReport) throws {
        let countBefore = catalog.entries.count
        // Before the versions, so that who reads one finds its run.
        let runs = RunPush(ours: ours, store: store, tags: catalog.tags, dryRun: options.dryRun)
        report.runs += try runs.run(of: versions, allOf: all ? versions.first?.model : nil)
        for version in versions.sorted(by: { $0.number > $1.number }) {
            let identity = Push.identity(version)
            if let entry = catalog.entry(identity) {
                report.sameCount += 1
                try publishFiles(of: version, entry, &report)
            } else if all, version.droppedTensorCount > 0 {
                report.thinned.append(version.reference)
                continue
            } else {
                try send(version, identity, &report)
            }
            try pushAliases(of: version, identity, &report)
        }
        if !options.dryRun { try RemoteListing.updateIndex(catalog, countBefore: countBefore) }
    }

    // MARK: A version

    private mutating func send(_ version: Version, _ identity: String, _ report: inout PushReport) throws {
        let number = try freeNumber(for: version, identity)
        try readNeighbours(of: version)
        let upload = try VersionUpload(ours, version, to: store)
        let pushed = PushReport.Pushed(ours: version.reference, theirs: "\(version.model):v\(number)")
        if options.dryRun {
            let missing = upload.missing(known)
            known.add(upload.plannedChunks)
            report.chunkCount += missing.count
            report.sentByteCount += missing.byteCount
            report.pushed.insert(pushed, at: 0)
            catalog.insert(RemoteCatalog.Entry(number: number, identity: identity))
            return
        }
        var entry = RemoteCatalog.Entry(number: number, identity: identity)
        let files = try options.files.map { try PlainFiles($0(ours, version)) }
        do {
            try write(version, upload, files, entry)
        } catch RemoteError.missingBlob {
            // What a tree named is gone there, by a garbage collection perhaps: nothing that was known counts.
            known.forget()
            try write(version, upload, files, entry)
        }
        report.chunkCount += upload.sentChunkCount
        report.sentByteCount += upload.sentByteCount
        catalog = try RemoteCatalog(store)
        while try !claimNumber(of: entry) {
            let taken = entry
            entry = RemoteCatalog.Entry(number: (catalog.entries.last?.number ?? 0) + 1, identity: identity)
            try write(version, upload, files, entry)
            try remove(tag: taken.tag)
            catalog = try RemoteCatalog(store)
        }
        if let files { try write(files, of: version, entry, &report) }
        report.pushed.insert(
            PushReport.Pushed(ours: version.reference, theirs: "\(version.model):v\(entry.number)"), at: 0)
    }

    /// Points `v7` at a version that was written, unless another push has taken the number meanwhile.
    ///
    /// - Returns: Whether the version keeps its number. Where the remote compares tags, the first to write `v7` has it; else
    ///   the version with the smaller identity.
    private func claimNumber(of entry: RemoteCatalog.Entry) throws -> Bool {
        let tag = "v\(entry.number)"
        let isThere = catalog.tags.contains(tag)
        guard store.comparesTags else {
            let others = catalog.entries.filter { $0.number == entry.number }
            guard !others.contains(where: { $0.identity < entry.identity }) else { return false }
            if !isThere { try copyManifest(of: entry.tag, to: tag, adding: [:]) }
            return true
        }
        if !isThere {
            do { try copyManifest(of: entry.tag, to: tag, adding: [:]) } catch RemoteError.changedMeanwhile {}
        }
        return try catalog.identity(ofTag: tag) == entry.identity
    }

    private func freeNumber(for version: Version, _ identity: String) throws -> Int {
        guard
            let other = catalog.entries.first(where: { $0.number == version.number && $0.identity != identity })
        else { return version.number }
        if options.requiresNumber {
            throw RemoteError.refused(
                store.name, problem: "another version is v\(other.number) there; push without --exact-number")
        }
        return (catalog.entries.last?.number ?? 0) + 1
    }

    /// Reads the trees of the versions that have most in common with `version`.
    private mutating func readNeighbours(of version: Version) throws {
        let others = try ours.versions(of: version.model)
        let identities = Set(catalog.entries.map(\.identity))
        let there = others.filter { identities.contains(Push.identity($0)) }
        let parent = there.first { $0.reference == version.parent }
        let below = there.filter { $0.number < version.number }.max { $0.number < $1.number }
        let above = there.filter { $0.number > version.number }.min { $0.number < $1.number }
        for neighbour in [parent, below, above].compactMap({ $0 }) {
            if let entry = catalog.entry(Push.identity(neighbour)) { try known.read(entry, in: store) }
        }
        if let newest = catalog.entries.last { try known.read(newest, in: store) }
    }

    /// Sends all that a version is, its manifest last.
    ///
    /// - Parameter files: Its plain files: chunks that the remote lacks are not sent where they lie in these.
    private mutating func write(
        _ version: Version, _ upload: VersionUpload, _ files: PlainFiles?, _ entry: RemoteCatalog.Entry
    ) throws {
        if let files {
            try files.send(to: store, progress: progress)
            known.add(filed: files.chunks)
        }
        try upload.send(&known, progress: progress)
        let (tree, packs) = try upload.tree(known)
        var facts = try ours.read { db in try VersionFacts(version, number: entry.number, db) }
        var layers = [try store.send(tree.encoded(packs: packs.map(\.id)), MediaType.tree, annotations: [:])]
        let ids = try ours.read { db in try AttachmentTable.ids(db, version) }
        for (name, id) in ids {
            guard let bytes = try ours.attachment(name, of: version) else { continue }
            facts.attachments.append(
                VersionFacts.Attachment(name: name, digest: "sha256:\(id.hex)", size: bytes.count))
            // Layers are named once, whatever names attachments have.
            if layers.contains(where: { $0.id == id }) { continue }
            layers.append(try store.send(bytes, MediaType.attachment, annotations: [:]))
        }
        layers += packs.map { pack in
            OCIDescriptor(
                mediaType: known.isPack(pack.id) ? MediaType.pack : MediaType.weights, digest: pack.id,
                size: pack.byteCount)
        }
        let config = try store.send(RemoteJSON.encoded(facts), MediaType.versionFacts)
        let manifest = OCIManifest(
            artifactType: MediaType.version, config: config, layers: layers,
            annotations: annotations(version, entry))
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: entry.tag)
    }

    private func annotations(_ version: Version, _ entry: RemoteCatalog.Entry) -> [String: String] {
        [
            Annotation.created: Timestamp.text(version.createdAt),
            Annotation.version: "v\(entry.number)",
            Annotation.title: version.model,
            Annotation.model: version.model,
            Annotation.number: "\(entry.number)",
            Annotation.content: version.contentID.hex,
            Annotation.identity: entry.identity,
            Annotation.tensors: "\(version.tensorCount)",
            Annotation.bytes: "\(version.byteCount)",
        ]
    }

    // MARK: Plain files

    /// Sends the plain files of a version that is there without them.
    private func publishFiles(
        of version: Version, _ entry: RemoteCatalog.Entry, _ report: inout PushReport
    ) throws {
        guard let files = options.files, try !hasFiles(entry) else { return }
        if options.dryRun {
            report.published.append("\(version.model):v\(entry.number)")
            return
        }
        let plain = try PlainFiles(files(ours, version))
        try plain.send(to: store, progress: progress)
        try write(plain, of: version, entry, &report)
    }

    /// Whether the tag with the number of a version is that of its plain files.
    private func hasFiles(_ entry: RemoteCatalog.Entry) throws -> Bool {
        guard let stored = try store.manifest(.tag("v\(entry.number)")) else { return false }
        let manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
        return manifest.artifactType == MediaType.modelPack
            && manifest.annotations?[Annotation.identity] == entry.identity
    }

    /// Points the tag with the number of a version at its plain files, which are there.
    private func write(
        _ files: PlainFiles, of version: Version, _ entry: RemoteCatalog.Entry, _ report: inout PushReport
    ) throws {
        let tag = "v\(entry.number)"
        // Another version has the number, too, and is what outsiders get by it.
        if catalog.tags.contains(tag), try catalog.identity(ofTag: tag) != entry.identity { return }
        guard let own = try store.manifest(.tag(entry.tag)) else {
            throw RemoteError.damaged(store.name, problem: "the version \(entry.tag) is gone")
        }
        let facts = try ours.read { db in try VersionFacts(version, number: entry.number, db) }
        let config = try store.send(
            RemoteJSON.encoded(
                ModelPackConfig(facts, number: entry.number, files: files.files, digests: files.digests)),
            MediaType.modelPackConfig)
        var annotations = annotations(version, entry)
        annotations[Annotation.versionDigest] = "sha256:\(own.digest.hex)"
        let manifest = OCIManifest(
            artifactType: MediaType.modelPack, config: config, layers: files.layers, annotations: annotations)
        try store.write(manifest: manifest.encoded, mediaType: MediaType.manifest, tag: tag)
        report.published.append("\(version.model):\(tag)")
    }

    private func remove(tag: String) throws {
        guard let stored = try store.manifest(.tag(tag)) else { return }
        do { try store.remove(manifest: stored.digest) } catch RemoteError.refused {
            // A remote that deletes nothing keeps a version under a number that it does not have: pulls see its identity.
        }
    }

    // MARK: Tags

    /// Points a tag at the manifest of a version, with further annotations.
    private func copyManifest(of source: String, to tag: String, adding: [String: String]) throws {
        guard let stored = try store.manifest(.tag(source)) else {
            throw RemoteError.damaged(
                store.name, problem: "the version \(source) is gone; perhaps it was just deleted")
        }
        guard !adding.isEmpty else {
            return try store.write(manifest: stored.bytes, mediaType: stored.mediaType, tag: tag)
        }
        var manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
        manifest.annotations = (manifest.annotations ?? [:]).merging(adding) { $1 }
        try store.write(manifest: manifest.encoded, mediaType: stored.mediaType, tag: tag)
    }

    /// Sets the aliases of a version at the remote, unless somebody else has set them.
    private func pushAliases(of version: Version, _ identity: String, _ report: inout PushReport) throws {
        for alias in version.aliases {
            // A tag of this name means something else there.
            guard case .alias = RemoteTag(alias) else { continue }
            let current = catalog.tags.contains(alias) ? try catalog.identity(ofTag: alias) : nil
            let reference = "\(version.model):\(alias)"
            if current == identity {
                if !options.dryRun { try note(alias, identity) }
                continue
            }
            if let current, !options.forcesAliases {
                let last = try ours.read { db in
                    try RemoteTable.identity(repository: store.name, alias: alias, db)
                }
                guard last == current else {
                    let theirs =
                        catalog.entry(current).map { "\(version.model):v\($0.number)" } ?? "a lost version"
                    report.conflicts.append(
                        PushReport.Conflict(alias: reference, ours: version.reference, theirs: theirs))
                    continue
                }
            }
            report.aliases.append(reference)
            if options.dryRun { continue }
            guard let entry = catalog.entry(identity) else { continue }
            // What outsiders get by the number, they get by the alias.
            try copyManifest(
                of: try hasFiles(entry) ? "v\(entry.number)" : entry.tag, to: alias,
                adding: [Annotation.alias: alias, Annotation.aliasUpdated: Timestamp.now()])
            try note(alias, identity)
        }
    }

    private func note(_ alias: String, _ identity: String) throws {
        // A registry that cannot be written can still be pushed.
        guard !ours.isReadOnly else { return }
        try ours.write { db in
            try RemoteTable.note(repository: store.name, alias: alias, identity: identity, db)
        }
    }
}
