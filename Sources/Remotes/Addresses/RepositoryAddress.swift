import Foundations

/// One model's repository at a remote.
package struct RepositoryAddress: Hashable, Sendable {
    package let remote: RemoteAddress
    /// The repository's name at a registry; the layout's path where a folder is the remote; the prefix of its keys in a
    /// bucket.
    package let name: String

    /// The repository of `model`.
    ///
    /// A folder that is a layout itself is the repository of whatever model is asked for.
    package init(_ remote: RemoteAddress, model: String) throws(RemoteError) {
        self.remote = remote
        let repository = RepositoryName.of(model: model)
        switch remote.place {
        case .folder:
            name = LayoutBlobStore.isLayout(remote.path) ? remote.path : "\(remote.path)/\(repository)"
        case .bucket:
            name = remote.path.isEmpty ? repository : "\(remote.path)/\(repository)"
        case .registry(let authority, _):
            let name = remote.path.isEmpty ? repository : "\(remote.path)/\(repository)"
            guard authority.utf8.count + name.utf8.count + 1 <= 255 else {
                throw .badAddress(
                    remote.text, problem: "host and repository \(quoted(name)) are too long together")
            }
            self.name = name
        }
    }

    private init(remote: RemoteAddress, name: String) {
        self.remote = remote
        self.name = name
    }

    /// Reads the address of a repository with what follows its name: `oci://host/team/mlp:best`, `oci:folder/mlp:v3`.
    ///
    /// - Returns: The address, and the selector with its colon; empty for the latest version.
    /// - Throws: ``RemoteError/badAddress(_:problem:)``.
    package static func reading(_ text: String) throws(RemoteError) -> (RepositoryAddress, selector: String) {
        let name = text[(text.lastIndex(of: "/") ?? text.startIndex)...]
        var end = text.endIndex
        // The first colon after the last slash; that of `oci:` is none.
        if let mark = name.firstIndex(where: { $0 == ":" || $0 == "@" || $0 == "~" }), text[..<mark] != "oci" {
            end = mark
        } else if !text.contains("/"),
            let mark = text.dropFirst(4).firstIndex(where: { $0 == ":" || $0 == "~" })
        {
            end = mark
        }
        let address = try RemoteAddress(String(text[..<end]))
        if address.place != .folder, address.path.isEmpty {
            throw .badAddress(text, problem: "it names no repository")
        }
        return (RepositoryAddress(remote: address, name: address.path), String(text[end...]))
    }
}
