package import Checkpoints
import Foundations
import Glibc

/// A folder that is an OCI image layout: blobs by digest, and `index.json` with the tags.
///
/// Several processes may write to it at once: blobs appear whole under their digests, and `index.json` is changed under a
/// lock of the file `oci-layout`.
package struct LayoutBlobStore: BlobStore {
    package let name: String
    private let folder: String

    /// Bytes of `index.json`, at most: about 200,000 tags.
    private static let maximumIndexByteCount = 64 << 20
    /// Bytes that are handed over at once.
    private static let pieceByteCount = 1 << 20

    /// Opens the layout in `folder`, which need not be there.
    package init(folder: String) {
        self.folder = folder
        name = "oci:\(folder)"
    }

    /// Whether a folder is a layout.
    package static func isLayout(_ folder: String) -> Bool { access("\(folder)/oci-layout", F_OK) == 0 }

    private func path(_ blob: ContentID) -> String { "\(folder)/blobs/sha256/\(blob.hex)" }

    // MARK: Blobs

    package func byteCount(of blob: ContentID) throws -> Int? {
        var status = stat()
        guard stat(path(blob), &status) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw FileError(path: path(blob), operation: .read, code: errno)
            }
            return nil
        }
        return Int(status.st_size)
    }

    package func read(
        _ blob: ContentID, byteCount: Int, range: Range<Int>?, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let actual = try self.byteCount(of: blob) else {
            throw RemoteError.missingBlob(name, digest: "sha256:\(blob.hex)")
        }
        guard actual == byteCount else {
            throw RemoteError.damaged(name, problem: "a blob of \(actual) bytes that should have \(byteCount)")
        }
        let range = range ?? 0..<byteCount
        guard range.lowerBound >= 0, range.upperBound <= byteCount else {
            throw RemoteError.damaged(name, problem: "a part that is not within its blob")
        }
        let file = try MappedFile(path: path(blob))
        if range == 0..<byteCount {
            guard file.withUnsafeBytes({ ContentID(hashing: $0) }) == blob else {
                throw RemoteError.damaged(name, problem: "a blob that does not match its digest")
            }
        }
        var piece = [UInt8](repeating: 0, count: min(range.count, LayoutBlobStore.pieceByteCount))
        for start in stride(from: range.lowerBound, to: range.upperBound, by: LayoutBlobStore.pieceByteCount) {
            let end = min(start + LayoutBlobStore.pieceByteCount, range.upperBound)
            try piece.withUnsafeMutableBytes { piece in
                let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<(end - start)])
                try file.copyBytes(start..<end, into: part)
                try body(UnsafeRawBufferPointer(part))
            }
        }
    }

    package func write(_ blob: BlobSource, progress: (@Sendable (Int) -> Void)?) throws {
        if try byteCount(of: blob.digest) != blob.bytes.count {
            try begin()
            let file = try AppendedFile(path: path(blob.digest), mayReplace: true)
            try blob.bytes.withUnsafeBytes { try file.append($0) }
            try file.commit()
        }
        progress?(blob.bytes.count)
    }

    // MARK: Manifests

    package func manifest(_ reference: ManifestReference) throws -> StoredManifest? {
        let entries = try index()?.manifests ?? []
        let entry =
            switch reference {
            case .tag(let tag): entries.last { $0.annotations?[Annotation.tag] == tag }
            case .digest(let digest): entries.last { $0.id == digest }
            }
        guard let entry else { return nil }
        guard let id = entry.id, (0...StoredManifest.maximumByteCount).contains(entry.size) else {
            throw RemoteError.damaged(name, problem: "a manifest of an impossible digest or size")
        }
        return StoredManifest(
            digest: id, mediaType: entry.mediaType, bytes: try bytes(of: id, byteCount: entry.size))
    }

    package func write(manifest: [UInt8], mediaType: String, tag: String) throws {
        guard RegistryTag.isValid(tag) else {
            throw RemoteError.refused(name, problem: "\(quoted(tag)) is not a tag")
        }
        let named: OCIManifest = try RemoteJSON.decoded(manifest, from: name)
        for blob in named.layers + [named.config] {
            guard let id = blob.id, try byteCount(of: id) == blob.size else {
                throw RemoteError.missingBlob(name, digest: blob.digest)
            }
        }
        let blob = BlobSource(manifest)
        try write(blob, progress: nil)
        try changeIndex { index in
            index.manifests.removeAll { $0.annotations?[Annotation.tag] == tag }
            index.manifests.append(
                OCIDescriptor(
                    mediaType: mediaType, digest: blob.digest, size: manifest.count,
                    annotations: [Annotation.tag: tag]))
        }
    }

    package func tags() throws -> [String] {
        Set(try index()?.manifests.compactMap { $0.annotations?[Annotation.tag] } ?? []).sorted()
    }

    package func remove(manifest: ContentID) throws {
        guard LayoutBlobStore.isLayout(folder) else { return }
        try changeIndex { index in index.manifests.removeAll { $0.id == manifest } }
    }

    // MARK: Files of the layout

    private struct Index: Codable {
        var schemaVersion = 2
        var mediaType: String? = MediaType.index
        var manifests: [OCIDescriptor] = []
    }

    /// Makes folders and `oci-layout`, where they are not there.
    private func begin() throws {
        try makeFolder("\(folder)/blobs/sha256")
        guard !LayoutBlobStore.isLayout(folder) else { return }
        do {
            let file = try AppendedFile(path: "\(folder)/oci-layout", mayReplace: false)
            try file.append(Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8))
            try file.commit()
        } catch {
            // Another process may have made it meanwhile. It must stay: its lock may be held.
            guard error.code == EEXIST else { throw error }
        }
    }

    private func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o777) != 0 else { return try FolderSync.sync(folderOf: path) }
        let code = errno
        if code == EEXIST { return }
        let parent = FolderSync.folder(of: path)
        guard code == ENOENT, !parent.isEmpty, parent != path else {
            throw FileError(path: path, operation: .write, code: code)
        }
        try makeFolder(String(parent.dropLast()))
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
            throw FileError(path: path, operation: .write, code: errno)
        }
        try FolderSync.sync(folderOf: path)
    }

    private func index() throws -> Index? {
        let path = "\(folder)/index.json"
        guard access(path, F_OK) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else {
                throw FileError(path: path, operation: .read, code: errno)
            }
            return nil
        }
        let file = try MappedFile(path: path)
        let bytes = try file.withUnsafeBytes { bytes throws(RemoteError) in
            guard bytes.count <= LayoutBlobStore.maximumIndexByteCount else {
                throw RemoteError.damaged(name, problem: "an index of \(bytes.count) bytes")
            }
            return [UInt8](bytes)
        }
        return try RemoteJSON.decoded(bytes, from: name)
    }

    /// Changes `index.json`, alone among all processes.
    private func changeIndex(_ change: (inout Index) -> Void) throws {
        try begin()
        let lock = open("\(folder)/oci-layout", O_RDONLY | O_CLOEXEC)
        guard lock >= 0 else { throw FileError(path: "\(folder)/oci-layout", operation: .read, code: errno) }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw FileError(path: "\(folder)/oci-layout", operation: .read, code: errno)
            }
        }
        var index = try index() ?? Index()
        change(&index)
        let file = try AppendedFile(path: "\(folder)/index.json", mayReplace: true)
        try file.append(RemoteJSON.encoded(index))
        try file.commit()
    }
}
