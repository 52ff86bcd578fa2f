import Checkpoints
import Foundations
import Remotes

/// Which versions and aliases a model's repository has.
struct RemoteCatalog {
    /// A version, by its tag.
    struct Entry: Hashable {
        let number: Int
        let identity: String
        let tag: String

        /// - Parameter tag: The tag that it is found by, where that is not the one that a push gives it.
        init(number: Int, identity: String, tag: String? = nil) {
            self.number = number
            self.identity = identity
            self.tag = tag ?? RemoteTag.version(number: number, identity: identity).text
        }
    }

    let store: any BlobStore
    /// By number, and by identity where two have the same.
    private(set) var entries: [Entry]
    /// Tags that are aliases, sorted.
    let aliases: [String]
    private(set) var tags: Set<String>
    /// Whether there is an index of the versions.
    var hasIndex: Bool { tags.contains(RemoteTag.index.text) }

    /// Asks the remote for its tags.
    init(_ store: any BlobStore) throws {
        self.store = store
        let all = try store.tags()
        tags = Set(all)
        var entries: [Entry] = []
        var aliases: [String] = []
        for tag in all {
            switch RemoteTag(tag) {
            case .version(let number, let identity): entries.append(Entry(number: number, identity: identity))
            case .alias(let name): aliases.append(name)
            case .index, .number, .run, .other: break
            }
        }
        // Another tool may have copied single versions, under the one tag that it was told.
        let numbers = Set(entries.map(\.number))
        for tag in all {
            guard case .number(let number) = RemoteTag(tag), !numbers.contains(number),
                let annotations = try RemoteCatalog.annotations(ofTag: tag, in: store),
                let identity = annotations[Annotation.identity]
            else { continue }
            entries.append(Entry(number: number, identity: identity, tag: tag))
        }
        self.entries = entries.sorted { ($0.number, $0.identity) < ($1.number, $1.identity) }
        self.aliases = aliases
    }

    /// Notes a version that was written.
    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        entries.sort { ($0.number, $0.identity) < ($1.number, $1.identity) }
        tags.insert(entry.tag)
    }

    /// The version of an identity.
    func entry(_ identity: String) -> Entry? { entries.first { $0.identity == identity } }

    /// The identity of the version that a tag points at; `nil` where there is no such tag.
    ///
    /// - Throws: ``RemoteError``.
    func identity(ofTag tag: String) throws -> String? {
        guard let annotations = try RemoteCatalog.annotations(ofTag: tag, in: store) else { return nil }
        guard let identity = annotations[Annotation.identity] else {
            throw RemoteError.damaged(store.name, problem: "the tag \(quoted(tag)) is of no version")
        }
        return identity
    }

    /// The plain files of a version, where its number's tag has them.
    ///
    /// - Throws: ``RemoteError``.
    func plainFiles(of entry: Entry) throws -> [(id: ContentID, byteCount: Int)] {
        let tag = "v\(entry.number)"
        guard tags.contains(tag), let stored = try store.manifest(.tag(tag)) else { return [] }
        let manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
        guard manifest.artifactType == MediaType.modelPack,
            manifest.annotations?[Annotation.identity] == entry.identity
        else { return [] }
        return (manifest.layers + [manifest.config]).compactMap { blob in blob.id.map { ($0, blob.size) } }
    }

    private static func annotations(ofTag tag: String, in store: any BlobStore) throws -> [String: String]? {
        guard let stored = try store.manifest(.tag(tag)) else { return nil }
        let manifest: OCIManifest = try RemoteJSON.decoded(stored.bytes, from: store.name)
        return manifest.annotations ?? [:]
    }

    /// The version that a selector names.
    ///
    /// - Throws: ``RemoteError``.
    func resolve(_ selector: VersionReference.Selector, stepsBack: Int) throws -> Entry {
        func none(_ what: String) -> RemoteError { .notFound(store.name, what: what) }
        let found: Entry?
        switch selector {
        case .latest:
            guard !entries.isEmpty else { throw none("versions") }
            found = entries.last
        case .number(let number):
            // Of two versions with one number, that of `v7` is what the number names.
            let candidates = entries.filter { $0.number == number }
            let named = candidates.count > 1 ? try identity(ofTag: "v\(number)") : nil
            found = candidates.first { $0.identity == named } ?? candidates.first
            if found == nil {
                throw none("v\(number)\(entries.last.map { "; the latest is v\($0.number)" } ?? "")")
            }
        case .alias(let name):
            let names = aliases + ["latest"]
            guard let identity = try identity(ofTag: name) else {
                let hint =
                    Suggestion.closest(to: name, among: names).map { "; did you mean \(quoted($0))?" } ?? ""
                throw none("alias \(quoted(name))\(hint)")
            }
            let number = try RemoteCatalog.annotations(ofTag: name, in: store)?[Annotation.number].flatMap {
                Int($0)
            }
            // Another tool may have copied no more than the alias.
            found = entry(identity) ?? number.map { Entry(number: $0, identity: identity, tag: name) }
            if found == nil {
                throw RemoteError.damaged(store.name, problem: "the alias \(quoted(name)) of a lost version")
            }
        }
        if let found, stepsBack == 0 { return found }
        guard let found, let index = entries.firstIndex(of: found), index >= stepsBack else {
            throw none("version that is \(stepsBack) earlier")
        }
        return entries[index - stepsBack]
    }
}
