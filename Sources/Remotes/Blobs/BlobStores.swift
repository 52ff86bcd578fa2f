import Foundation
import Foundations

/// Opens repositories at remotes, of whichever form.
package enum BlobStores {
    /// The repository called `repository` at `address`.
    ///
    /// Nothing is sent yet.
    ///
    /// - Parameter repository: Without the address's namespace.
    /// - Throws: ``RemoteError``.
    package static func open(_ address: RemoteAddress, repository: String) throws -> any BlobStore {
        switch address.place {
        case .registry(let authority, let isSecure):
            return try RegistryBlobStore(
                authority: authority, isSecure: isSecure,
                repository: address.path.isEmpty ? repository : "\(address.path)/\(repository)",
                credentials: UsualCredentials(environment: ProcessInfo.processInfo.environment),
                transport: transport.get())
        case .folder:
            throw RemoteError.noTransport(problem: "folders cannot be remotes yet: \(quoted(address.path))")
        }
    }

    /// One for all: its connections are to be used again.
    private static let transport = Result { () throws(RemoteError) in try HTTPTransport() }
}
