import Foundation
import Foundations
import Testing

@Suite struct RepairCommandTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        for file in ["mlp-step-000.pt", "mlp-step-010.pt"] {
            #expect(try workspace.modelreg("save Examples/data/\(file) mlp").status == 0)
        }
    }

    private func sql(_ text: String) throws {
        let done = try workspace.shell("sqlite3 modelreg.db \"PRAGMA foreign_keys = OFF; \(text)\"")
        #expect(done.status == 0, "\(done.errors)")
    }

    private var files: Set<String> {
        get throws { Set(try FileManager.default.contentsOfDirectory(atPath: workspace.folder.path)) }
    }

    @Test func aWholeRegistryStaysAsItIs() throws {
        let found = try workspace.modelreg("verify --repair")
        #expect(found.status == 0 && found.output.hasPrefix("ok: 2 versions, ") && found.errors.isEmpty)
    }

    @Test func derivedColumnsAreComputedAnew() throws {
        try sql("UPDATE version SET tensor_count = 1 WHERE number = 2; UPDATE model SET next_number = 1")
        #expect(try workspace.modelreg("verify").status == 1)
        let found = try workspace.modelreg("verify --repair")
        #expect(found.status == 0)
        #expect(
            found.output.hasPrefix(
                """
                repaired: mlp:v2: kind, number of tensors and bytes were computed anew
                repaired: the next number of "mlp" is 3 again
                ok: 2 versions, \

                """), "\(found.output)")
        #expect(try workspace.modelreg("verify").status == 0)
    }

    private func damagePacks() throws { try sql("UPDATE pack SET bytes = zeroblob(length(bytes))") }

    @Test func chunksComeFromTheFilesThatWereSaved() throws {
        try damagePacks()
        #expect(try workspace.modelreg("load mlp:v2 -o lost.pt").status == 65)
        let alone = try workspace.modelreg("verify --repair")
        #expect(alone.status == 1 && !alone.output.contains("repaired"))
        let before = try files
        let half = try workspace.modelreg("verify --repair-from Examples/data/mlp-step-010.pt")
        #expect(half.status == 1 && half.output.contains("its bytes were written anew"))
        #expect(
            try workspace.modelreg("load mlp:v2 -o new.pt && cmp new.pt Examples/data/mlp-step-010.pt").status
                == 0)
        let whole = try workspace.modelreg("verify --repair-from Examples/data/mlp-step-000.pt")
        #expect(whole.status == 0, "\(whole.output)")
        // The temporary registry is gone.
        #expect(try files.subtracting(before) == ["new.pt"])
        #expect(try workspace.modelreg("gc").status == 0)
        #expect(try workspace.modelreg("verify").status == 0)
    }

    @Test func chunksComeFromAnotherRegistry() throws {
        #expect(try workspace.modelreg("export --all -o backup.db").status == 0)
        let backup = try Data(contentsOf: workspace.folder.appending(path: "backup.db"))
        try sql("DELETE FROM tensor_chunk; DELETE FROM chunk; DELETE FROM pack")
        let found = try workspace.modelreg("verify --repair-from backup.db --json")
        #expect(found.status == 0, "\(found.output) \(found.errors)")
        #expect(found.output.contains("\"is_whole\" : true") && found.output.contains("were written anew"))
        #expect(try Data(contentsOf: workspace.folder.appending(path: "backup.db")) == backup)
        #expect(
            try workspace.modelreg("load mlp:v1 -o a.pt && cmp a.pt Examples/data/mlp-step-000.pt").status == 0)
    }

    @Test func mistakesChangeNothing() throws {
        try damagePacks()
        let before = try Data(contentsOf: workspace.folder.appending(path: "modelreg.db"))
        let cases: [(String, Int32, String)] = [
            ("verify mlp:v1 --repair", 64, "name no version"),
            ("verify --repair-from missing.pt", 66, "missing.pt"),
            ("verify --repair-from modelreg.db", 64, "is the registry itself"),
            ("verify --repair-from Examples/demo.sh", 65, "demo.sh"),
        ]
        for (command, status, text) in cases {
            let found = try workspace.modelreg(command)
            #expect(found.status == status && found.errors.contains(text), "\(command): \(found)")
            #expect(found.errors.split(separator: "\n").count == 1 || status == 64)
        }
        #expect(try Data(contentsOf: workspace.folder.appending(path: "modelreg.db")) == before)
    }
}
