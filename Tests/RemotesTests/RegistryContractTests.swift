import Foundation
import Remotes
import Testing

struct RegistryContractTests {
    @Test func aRegistryInMemoryKeepsTheContract() throws {
        let registry = try FakeRegistry()
        defer { registry.server.stop() }
        try BlobStoreContract.check(try registry.store())
        #expect(registry.delays.all == [])
    }

    /// `scripts/test-remote` starts one; see there.
    private static let address = ProcessInfo.processInfo.environment["MODELREG_TEST_REMOTE"]

    @Test(.enabled(if: address != nil)) func aRealRegistryKeepsTheContract() throws {
        let address = try RemoteAddress(Self.address ?? "")
        // Of a name that no run before had.
        let repository = "contract-\(UUID().uuidString.lowercased())"
        try BlobStoreContract.check(try BlobStores.open(address, repository: repository))
    }
}
