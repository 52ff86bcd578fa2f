import Foundation

/// Opens repositories at remotes, of whichever form.
package enum BlobStores {
    /// Opens the repository at `address`. Nothing is asked of the remote yet.
    ///
    /// - Throws: ``RemoteError``.
    package static func open(_ address: RepositoryAddress) throws -> any BlobStore {
        switch address.remote.place {
        case .folder:
            return LayoutBlobStore(folder: address.name)
        case .registry(let authority, let isSecure):
            return try RegistryBlobStore(
                authority: authority, isSecure: isSecure, repository: address.name,
                credentials: UsualCredentials(environment: ProcessInfo.processInfo.environment),
                transport: transport.get())
        }
    }

    /// One for all: its connections are to be used again.
    private static let transport = Result { () throws(RemoteError) in try HTTPTransport() }
}
