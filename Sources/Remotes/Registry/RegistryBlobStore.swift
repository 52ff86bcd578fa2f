package import Checkpoints
import Foundation
import Foundations

/// A repository at a registry that speaks the OCI distribution protocol, 1.1 or before.
///
/// Source: opencontainers/distribution-spec, spec.md.
package final class RegistryBlobStore: BlobStore {
    package var name: String { connection.name }
    let connection: RegistryConnection

    /// - Parameters:
    ///   - authority: `host[:port]`.
    ///   - repository: By the grammar of ``RepositoryName``.
    /// - Throws: ``RemoteError/badAddress(_:problem:)``, ``RemoteError/noTransport(problem:)``.
    package init(
        authority: String, isSecure: Bool, repository: String, credentials: any CredentialSource,
        transport: HTTPTransport? = nil, policy: RetryPolicy = RetryPolicy()
    ) throws(RemoteError) {
        guard RepositoryName.isValid(repository) else {
            throw .badAddress("\(authority)/\(repository)", problem: "this is no valid name of a repository")
        }
        // Docker's own registry goes by another name than its web site.
        let isHub = ["docker.io", "index.docker.io"].contains(authority.lowercased())
        guard !isHub || repository.split(separator: "/").count == 2 else {
            throw .badAddress(
                "\(authority)/\(repository)", problem: "Docker Hub has repositories USER/NAME and no others")
        }
        guard
            let registry = WebAddress.origin(
                of: isHub ? "registry-1.docker.io" : authority[...], isSecure: isSecure)
        else { throw .badAddress(authority, problem: "it has no valid host") }
        let ownTransport: HTTPTransport
        if let transport { ownTransport = transport } else { ownTransport = try HTTPTransport() }
        connection = RegistryConnection(
            registry: registry, authority: authority, repository: repository, credentials: credentials,
            transport: ownTransport, policy: policy)
    }

    // MARK: Blobs

    package func byteCount(of blob: ContentID) throws -> Int? {
        try connection.policy.run(name) { try tryByteCount(of: blob) }
    }

    func tryByteCount(of blob: ContentID) throws -> Int? {
        let what = "looking for \(blob.short)"
        let request = HTTPRequest(method: .head, address: connection.address("blobs/\(blob)"))
        let answer = try connection.attempt(request, for: .pull, what) { _, _ in true }
        switch answer.head.status {
        case 200:
            guard let count = answer.head.contentLength else {
                throw RemoteError.damaged(name, problem: "\(what): it does not say how long that is")
            }
            return count
        case 404: return nil
        default: throw connection.refused(answer, what)
        }
    }

    // MARK: Manifests

    /// The kinds of manifests to ask for: without, Debian's registry says that there is none.
    private static let manifestTypes = [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ].joined(separator: ", ")

    package func manifest(_ reference: ManifestReference) throws -> StoredManifest? {
        let text: String
        switch reference {
        case .tag(let tag):
            guard RegistryTag.isValid(tag) else { return nil }
            text = tag
        case .digest(let digest): text = digest.description
        }
        let what = "reading manifest \(text)"
        let request = HTTPRequest(
            method: .get, address: connection.address("manifests/\(text)"),
            headers: [("Accept", RegistryBlobStore.manifestTypes)])
        let (answer, bytes) = try connection.send(
            request, for: .pull, what, limit: StoredManifest.maximumByteCount)
        switch answer.head.status {
        case 200: break
        case 404: return nil
        default: throw connection.refused(answer, what)
        }
        let digest = ContentID(hashing: bytes)
        if case .digest(let wanted) = reference, wanted != digest {
            throw RemoteError.damaged(name, problem: "\(what): its bytes are those of \(digest)")
        }
        try check(answer, digest, what)
        let type = answer.head["content-type"].map { $0.prefix { $0 != ";" && $0 != " " } } ?? ""
        return StoredManifest(digest: digest, mediaType: String(type), bytes: bytes)
    }

    package func write(manifest: [UInt8], mediaType: String, tag: String) throws {
        let what = "writing manifest \(tag)"
        guard RegistryTag.isValid(tag) else {
            throw RemoteError.refused(name, problem: "\(what): this is no valid tag")
        }
        let request = HTTPRequest(
            method: .put, address: connection.address("manifests/\(tag)"),
            headers: [("Content-Type", mediaType)], body: manifest)
        let (answer, _) = try connection.send(
            request, for: .push, what, limit: RegistryProblem.maximumByteCount)
        switch answer.head.status {
        case 200, 201, 202, 204: try check(answer, ContentID(hashing: manifest), what)
        default:
            let problem = RegistryProblem(answer.problem)
            let isMissing = problem.codes.contains { ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"].contains($0) }
            guard isMissing, let digest = problem.digest else { throw connection.refused(answer, what) }
            throw RemoteError.missingBlob(name, digest: digest)
        }
    }

    /// Compares what the registry says of bytes with what they are.
    func check(_ answer: RegistryConnection.Answer, _ digest: ContentID, _ what: String) throws {
        guard let said = answer.head["docker-content-digest"], said.hasPrefix("sha256:") else { return }
        guard said.lowercased() == digest.description else {
            throw RemoteError.damaged(name, problem: "\(what): it is \(digest), and not \(quoted(said))")
        }
    }

    package func remove(manifest: ContentID) throws {
        let what = "deleting manifest \(manifest.short)"
        let request = HTTPRequest(method: .delete, address: connection.address("manifests/\(manifest)"))
        let (answer, _) = try connection.send(
            request, for: .delete, what, limit: RegistryProblem.maximumByteCount)
        switch answer.head.status {
        case 200, 202, 204, 404: return
        default: throw connection.refused(answer, what)
        }
    }
}

/// The grammar of tags.
enum RegistryTag {
    /// Whether `text` is one: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    static func isValid(_ text: String) -> Bool {
        guard (1...128).contains(text.utf8.count), let first = text.utf8.first else { return false }
        return first != UInt8(ascii: ".") && first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
