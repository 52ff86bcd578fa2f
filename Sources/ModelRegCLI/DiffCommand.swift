import ArgumentParser
import Checkpoints
import ModelReg
import ModelRegistry

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what changed between two versions or files.",
        discussion: """
            Each side is a version or a file. Versions are compared by content ids alone: no tensor is read, so \
            the size of the model does not matter. What is in the registry comes before a file of the same name; \
            write ./name for the file.

            EXAMPLES
              modelreg diff mlp:v1 mlp:v2
              modelreg diff mlp:best model.pt --exit-code
              modelreg diff mlp:v1 mlp:v2 -o change.mrpatch
              modelreg diff mlp~1 mlp --only 'encoder.*' --json
            """)

    @OptionGroup var options: GlobalOptions

    @OptionGroup var patch: PatchOptions

    @Argument(
        help: "The old version or file.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var old: String

    @Argument(
        help: "The new version or file.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var new: String

    @Flag(name: .long, help: "Print one line that counts the changes.")
    var stat = false

    @Flag(name: .long, help: "Exit with 1 if there are changes.")
    var exitCode = false

    @Option(
        name: .long,
        help: ArgumentHelp("Paths to compare: names, or patterns with *. May be repeated.", valueName: "glob"))
    var only: [String] = []

    func run() throws {
        if try patch.write(from: old, to: new, options) { return }
        let diff = try CheckpointDiff(from: side(old), to: side(new), only: PathSelection(only))
        if options.json {
            try JSON.print(DiffJSON(old: old, new: new, diff))
        } else if stat {
            Output.line(DiffText.summary(diff))
        } else {
            for line in DiffText.lines(diff) { Output.line(line) }
        }
        if exitCode, !diff.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }

    private func side(_ text: String) throws -> Manifest {
        let isPath = text.hasPrefix("./") || text.hasPrefix("../") || text.hasPrefix("/")
        if !isPath {
            do {
                return try options.openRegistry().manifest(of: text)
            } catch let error as RegistryError where error.isNotFound && FilePresence.isFile(text) {
                // Not in the registry, but there is such a file.
            }
        }
        return try Manifest(of: InputFile.read(text).checkpoint)
    }
}

/// A diff for people.
enum DiffText {
    static func lines(_ diff: CheckpointDiff) -> [String] {
        if diff.isEmpty { return ["no differences in \(count(diff.unchangedCount, "value"))"] }
        var table: [(mark: String, path: String, text: String, style: Style)] = []
        for change in diff.changes {
            let path = change.path.shown
            switch change.kind {
            case .added: table.append(("+", path, change.new?.text ?? "", .green))
            case .removed: table.append(("-", path, change.old?.text ?? "", .red))
            case .renamed(let old):
                table.append(("R", "\(old.shown) -> \(path)", change.new?.text ?? "", .yellow))
            case .changed(let differences): table.append(("M", path, text(change, differences), .yellow))
            }
        }
        let width = min(60, table.map(\.path.count).max() ?? 0)
        var lines = table.map { row in
            let padding = String(repeating: " ", count: max(0, width - row.path.count))
            return row.style("\(row.mark) \(row.path)") + "\(padding)  \(row.text)"
        }
        if diff.isStructureChanged {
            lines.append(Style.yellow("M") + " order of keys or type of containers changed")
        }
        return lines + [summary(diff)]
    }

    private static func text(_ change: CheckpointDiff.Change, _ differences: Set<CheckpointDiff.Difference>)
        -> String
    {
        let old = change.old?.text ?? ""
        let new = change.new?.text ?? ""
        var parts: [String] = []
        if case .value? = change.old, case .value? = change.new {
            parts.append("\(old) -> \(new)")
        } else if differences.isDisjoint(with: [.type, .dtype, .shape]) {
            parts.append(new)
            if differences.contains(.value) { parts.append("values changed") }
        } else {
            parts.append("\(old) -> \(new)")
        }
        if differences.contains(.tie) { parts.append(tieText(change)) }
        return parts.joined(separator: "  ")
    }

    private static func tieText(_ change: CheckpointDiff.Change) -> String {
        func isTied(_ content: Manifest.Content?) -> Bool {
            if case .tensor(let tensor)? = content { tensor.tie != nil } else { false }
        }
        return switch (isTied(change.old), isTied(change.new)) {
        case (false, true): "now tied"
        case (true, false): "no longer tied"
        default: "tied to others than before"
        }
    }

    /// Such as `4 changed, 1 added, 2 unchanged`.
    static func summary(_ diff: CheckpointDiff) -> String {
        var counts = (changed: 0, added: 0, removed: 0, renamed: 0)
        for change in diff.changes {
            switch change.kind {
            case .added: counts.added += 1
            case .removed: counts.removed += 1
            case .renamed: counts.renamed += 1
            case .changed: counts.changed += 1
            }
        }
        let parts = [
            (counts.changed, "changed"), (counts.added, "added"), (counts.removed, "removed"),
            (counts.renamed, "renamed"),
        ]
        let said = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return (said + ["\(diff.unchangedCount) unchanged"]).joined(separator: ", ")
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}

/// A diff as JSON shows it.
struct DiffJSON: Encodable {
    struct Change: Encodable {
        let path: String
        let change: String
        let from: String?
        let differences: [String]
        let old: LeafJSON?
        let new: LeafJSON?
    }

    let schemaVersion = 1
    let old: String
    let new: String
    let isEmpty: Bool
    let isStructureChanged: Bool
    let unchangedCount: Int
    let changes: [Change]

    init(old: String, new: String, _ diff: CheckpointDiff) {
        self.old = old
        self.new = new
        isEmpty = diff.isEmpty
        isStructureChanged = diff.isStructureChanged
        unchangedCount = diff.unchangedCount
        changes = diff.changes.map { change in
            var from: CheckpointPath?
            var differences: [String] = []
            let name: String
            switch change.kind {
            case .added: name = "added"
            case .removed: name = "removed"
            case .renamed(let old):
                name = "renamed"
                from = old
            case .changed(let kinds):
                name = "changed"
                differences = CheckpointDiff.Difference.allCases.filter(kinds.contains).map(\.rawValue)
            }
            return Change(
                path: change.path.text, change: name, from: from?.text, differences: differences,
                old: change.old.map { LeafJSON(from ?? change.path, $0) },
                new: change.new.map { LeafJSON(change.path, $0) })
        }
    }
}
