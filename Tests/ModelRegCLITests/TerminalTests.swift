import Foundation
import Foundations
import Testing

/// What a registry of somebody else does to a terminal: nothing.
@Suite struct TerminalTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private static let commands = [
        "log", "log m", "log m '*'", "ls", "show m", "blame m", "lineage m", "du", "alias ls", "alias log m",
        "run ls", "run show m/r", "diff m~1 m", "verify", "log m --deleted", "load m:nothing", "plot loss",
        "gc --dry-run", "bisect m --expr 'x > 1'",
    ]

    /// Columns that hold text, and the tables that they are in.
    private static let edits = [
        "UPDATE version SET message = message || X", "UPDATE metric SET name = name || X",
        "UPDATE run_metric SET name = name || X", "UPDATE alias SET name = name || X",
        "UPDATE path SET text = text || X",
        "UPDATE attribute SET key = key || X", "UPDATE attribute SET value = '\"' || X || '\"'",
        "UPDATE event SET action = X, actor = X, detail = X", "UPDATE note SET text = X, actor = X",
        "UPDATE run SET name = name || X", "UPDATE run_attribute SET key = key || X",
        "UPDATE version SET created_at = X", "UPDATE run SET started_at = X", "UPDATE tensor SET dtype = X",
        "UPDATE tensor SET shape = X", "UPDATE environment SET host = X, command = X, packages = X",
        "UPDATE source_file SET name = X, format = X", "UPDATE attachment SET name = X",
        "UPDATE model SET name = name || X",
        "UPDATE structure SET json = X", "PRAGMA ignore_check_constraints = 1; UPDATE version SET kind = X",
        "PRAGMA ignore_check_constraints = 1; UPDATE run SET state = X",
        "PRAGMA ignore_check_constraints = 1; UPDATE parameter SET role = X",
        "PRAGMA ignore_check_constraints = 1; UPDATE lineage SET kind = X, ancestor_name = X",
    ]

    /// Colours, the clipboard, a title, the way back to the start of the line, C1 controls, and letters from right to left.
    private static let hostile = "char(27) || '[31m' || char(27) || ']0;title' || char(7, 13, 155, 8238, 127)"

    @Test func noCommandOfATerminalComesOut() throws {
        try workspace.succeed(
            "save Examples/data/mlp-step-100.pt m --metric loss=1 --set a=1 -m one --alias best")
        try workspace.succeed("run start m --name r --set lr=1")
        try workspace.succeed("run log m/r loss=1 --step 1")
        try workspace.succeed("save Examples/data/checkpoint.pt m --metric loss=2 -m two")
        try workspace.succeed("note m remark")
        try FileManager.default.copyItem(
            at: workspace.folder.appending(path: "modelreg.db"),
            to: workspace.folder.appending(path: "intact.db"))
        for edit in TerminalTests.edits {
            let sql = edit.replacing("X", with: "(\(TerminalTests.hostile))")
            let edited = try workspace.shell(
                "cp intact.db modelreg.db && sqlite3 modelreg.db \"\(sql.replacing("\"", with: "\\\""))\"")
            #expect(edited.status == 0, "\(edit): \(edited.errors)")
            for command in TerminalTests.commands {
                let outcome = try workspace.modelreg(command)
                for scalar in (outcome.output + outcome.errors).unicodeScalars where scalar != "\n" {
                    let category = scalar.properties.generalCategory
                    guard category == .control || category == .format else { continue }
                    Issue.record("U+\(String(scalar.value, radix: 16)) of \(command) after \(edit)")
                    break
                }
                #expect(
                    outcome.status < 100 && outcome.status != 70, "\(command) after \(edit): \(outcome.errors)")
            }
        }
    }
}
