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
        case .bucket(let bucket):
            let environment = ProcessInfo.processInfo.environment
            return try S3BlobStore(
                bucket: bucket, repository: address.name,
                endpoint: S3Endpoint(
                    environment: environment, profile: AWSProfile(environment: environment), bucket: bucket),
                keys: UsualAWSKeys(
                    environment: environment,
                    metadata: { try? AWSMetadata(environment: environment).key() }),
                transport: transport.get())
        }
    }

    /// One for all: its connections are to be used again.
    private static let transport = Result { () throws(RemoteError) in try HTTPTransport() }
}
