import Foundation
import Remotes
import Testing

/// Against the registry or bucket at `MODELREG_TEST_REMOTE`, which `scripts/test-remote` starts. With the credentials of the
/// environment; where `MODELREG_TEST_DENIED` is `password` or `certificate`, that is wrong.
@Suite(.enabled(if: RealRegistry.address != nil))
struct RealRegistryTests {
    /// A repository of a name that no run before had.
    private func store() throws -> any BlobStore {
        try BlobStores.open(
            RepositoryAddress(
                RemoteAddress(RealRegistry.address ?? ""), model: "contract-\(UUID().uuidString.lowercased())"))
    }

    @Test(.enabled(if: RealRegistry.denied == nil)) func itKeepsTheContract() throws {
        // On S3, Debian's registry completes no upload without parts: status 500.
        try BlobStoreContract.check(try store(), takesEmptyBlobs: RealRegistry.storage != "s3")
    }

    @Test(.enabled(if: RealRegistry.isDenied("certificate"))) func itIsNotTrusted() throws {
        let store = try store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(
            error.map { "\($0)" }
                == "\(store.name) is not available: SSL certificate problem: self-signed certificate")
    }

    @Test(.enabled(if: RealRegistry.isDenied("password"))) func itDoesNotPermitOthers() throws {
        let store = try store()
        let blob = BlobSource([1])
        let attempts: [() throws -> Void] = [
            { _ = try store.tags() }, { try store.write(blob, progress: nil) },
            { _ = try store.byteCount(of: blob.digest) },
        ]
        for attempt in attempts {
            let error = #expect(throws: RemoteError.self, performing: attempt)
            guard case .notPermitted(_, let problem)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(
                problem.contains(
                    store.name.hasPrefix("s3:") ? "AWS_ACCESS_KEY_ID" : "MODELREG_REGISTRY_USER"))
            #expect(!problem.contains("wrong"))
        }
    }
}

private enum RealRegistry {
    static let address = ProcessInfo.processInfo.environment["MODELREG_TEST_REMOTE"]
    static let denied = ProcessInfo.processInfo.environment["MODELREG_TEST_DENIED"]
    static let storage = ProcessInfo.processInfo.environment["MODELREG_TEST_STORAGE"]
    static func isDenied(_ what: String) -> Bool { denied == what }
}
