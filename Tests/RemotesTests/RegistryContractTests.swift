import Testing

struct RegistryContractTests {
    @Test func aRegistryInMemoryKeepsTheContract() throws {
        let registry = try FakeRegistry()
        defer { registry.server.stop() }
        try BlobStoreContract.check(try registry.store())
        #expect(registry.delays.all == [])
    }
}
