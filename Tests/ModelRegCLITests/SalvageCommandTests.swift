import Foundation
import Foundations
import Testing

@Suite struct SalvageCommandTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        for file in ["mlp-step-000.pt", "mlp-step-010.pt"] {
            #expect(try workspace.modelreg("save Examples/data/\(file) mlp --no-pack").status == 0)
        }
    }

    @Test func aWholeRegistryLosesNothing() throws {
        let path = try workspace.modelreg("salvage modelreg.db -o rescued.db")
        #expect(path.status == 0 && path.output == "2 versions -> rescued.db\n")
        let loaded = try workspace.modelreg(
            "load mlp:v2 -o a.pt --registry rescued.db && cmp a.pt Examples/data/mlp-step-010.pt && echo same")
        #expect(loaded.output.hasSuffix("same\n"), "\(loaded.errors)")
        // Not over a file that is there.
        let again = try workspace.modelreg("salvage modelreg.db -o rescued.db")
        #expect(again.status == 73 && again.errors.contains("--force overwrites it"))
    }

    /// One byte within the encoded weights.
    @Test func whatIsLostIsSaid() throws {
        let change =
            "UPDATE pack SET bytes = CAST(substr(bytes, 1, 1000) || x'AB' || substr(bytes, 1002) AS BLOB) WHERE id = 1"
        #expect(try workspace.modelreg("ls >&2; sqlite3 modelreg.db \"\(change)\"").status == 0)
        let found = try workspace.modelreg("salvage modelreg.db -o rescued.db")
        #expect(found.status == 1)
        #expect(found.output.contains(/lost: mlp:v\d: \d+ of its \d+ tensors \(".*"\)\n/), "\(found.output)")
        #expect(found.output.hasSuffix("2 versions -> rescued.db\n"))
        #expect(try workspace.modelreg("verify --registry rescued.db").status == 0)
        let json = try workspace.modelreg("salvage modelreg.db -o rescued.db --force --json")
        #expect(json.status == 1 && json.output.contains("\"version_count\" : 2"))
    }

    /// With all that only it needs.
    @Test func aVersionWithoutItsRowsIsLeftOut() throws {
        let change = "PRAGMA foreign_keys = OFF; DELETE FROM parameter WHERE version = 1 AND ordinal = 0"
        #expect(try workspace.shell("sqlite3 modelreg.db \"\(change)\"").status == 0)
        let found = try workspace.modelreg("salvage modelreg.db -o rescued.db")
        #expect(found.status == 1, "\(found.errors)")
        #expect(
            found.output == """
                lost: mlp:v1: the version, of which rows are damaged: its leaves do not fit its structure
                1 version -> rescued.db

                """)
        #expect(try workspace.modelreg("verify --registry rescued.db").status == 0)
        #expect(try workspace.modelreg("log mlp --registry rescued.db").output.contains("v2"))
    }

    @Test func anythingElseIsRefused() throws {
        let refused = try workspace.modelreg("salvage Examples/data/mlp-step-000.pt -o rescued.db")
        #expect(refused.status == 65 && refused.errors.contains("no version and no run can be found"))
        #expect(try workspace.modelreg("salvage missing.db -o rescued.db").status == 66)
        #expect(!FileManager.default.fileExists(atPath: workspace.folder.appending(path: "rescued.db").path))
    }
}
