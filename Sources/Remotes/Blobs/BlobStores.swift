/// Opening repositories.
package enum BlobStores {
    /// Opens the repository at `address`. Nothing is asked of the remote yet.
    ///
    /// - Throws: ``RemoteError``.
    package static func open(_ address: RepositoryAddress) throws -> any BlobStore {
        switch address.remote.place {
        case .folder: LayoutBlobStore(folder: address.name)
        case .registry:
            throw RemoteError.noTransport(problem: "this modelreg cannot speak to registries yet")
        }
    }
}
