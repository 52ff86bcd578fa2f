import Foundation
import ModelRegistry
import TestSupport
import Testing

/// What would be done to a registry that cannot be written.
struct ReadOnlyRehearsalTests {
    /// A rehearsal needs a transaction that writes, and a registry that cannot be written has none.
    @Test func saysWhatItWouldSayOfOneThatCanBeWritten() throws {
        let run = try TrainingRun(weightCount: 50_000)
        try run.save(6)
        try run.registry.delete("m:v1")
        let expected = (
            try run.registry.collectGarbage(dryRun: true), try run.registry.byteCountFreed(byDeleting: "m:v5")
        )
        #expect(expected.0.freedByteCount > 0)
        try run.registry.close()
        let temporary = FileManager.default.temporaryDirectory.path
        func leftovers() throws -> Set<String> {
            Set(
                try FileManager.default.contentsOfDirectory(atPath: temporary).filter {
                    $0.hasPrefix(".modelreg-")
                })
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: run.registry.path))
        let files = try leftovers()
        let registry = try Registry(path: run.registry.path, create: false, isReadOnly: true)
        #expect(try registry.collectGarbage(dryRun: true) == expected.0)
        #expect(try registry.byteCountFreed(byDeleting: "m:v5") == expected.1)
        #expect(throws: RegistryError.readOnly(path: registry.path)) { try registry.collectGarbage() }
        try registry.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: run.registry.path)) == before)
        #expect(try leftovers().subtracting(files).isEmpty)
    }
}
