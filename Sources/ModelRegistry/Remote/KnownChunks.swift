import Checkpoints
import Remotes

/// Chunks that a repository has, as far as trees say that have been read.
struct KnownChunks {
    private var chunks: [ContentID: RemoteChunk] = [:]
    private var identities: Set<String> = []
    /// Plain files that chunks lie in.
    private var files: Set<ContentID> = []

    /// Reads the tree of a version, if it has not been read.
    ///
    /// A version that cannot be read names nothing: what it has is sent again.
    mutating func read(_ entry: RemoteCatalog.Entry, in store: any BlobStore) throws {
        guard identities.insert(entry.identity).inserted else { return }
        do {
            guard let version = try RemoteVersion(.tag(entry.tag), in: store) else { return }
            add(try version.tree().chunks)
            files.formUnion(version.files)
        } catch RemoteError.damaged {
            return
        } catch RemoteError.missingBlob {
            return
        }
    }

    mutating func add(_ new: [RemoteChunk]) {
        for chunk in new where chunks[chunk.id] == nil { chunks[chunk.id] = chunk }
    }

    /// Notes chunks that lie in plain files.
    mutating func add(filed chunks: [RemoteChunk]) {
        add(chunks)
        files.formUnion(chunks.map(\.pack))
    }

    /// Forgets everything: a blob that should be there was not.
    mutating func forget() { chunks = [:] }

    /// Whether a blob was written as a pack. Chunks lie in plain files, too.
    func isPack(_ id: ContentID) -> Bool { !files.contains(id) }

    subscript(id: ContentID) -> RemoteChunk? { chunks[id] }

    /// Links from a chunk to its keyframe.
    func depth(_ id: ContentID) -> Int {
        var depth = 0
        var next = chunks[id]?.base
        while let base = next, depth < 64 {
            depth += 1
            next = chunks[base]?.base
        }
        return depth
    }
}
