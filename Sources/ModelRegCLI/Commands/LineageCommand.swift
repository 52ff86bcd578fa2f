import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct LineageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Show what a version was made from, across models.",
        discussion: """
            What was said (--parent, --merged-from), or else was found when it was saved: versions of other models that \
            have at least a tenth of its bytes in the same tensors.

            EXAMPLES
              modelreg lineage chat:best
              modelreg lineage base:v1 --descendants
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which version.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String

    @Flag(name: .long, help: "Show what was made from it instead.")
    var descendants = false

    func run() throws {
        let registry = try options.openRegistry()
        let version = try registry.version(reference)
        let tree =
            descendants
            ? try LineageNode.descendants(of: version, in: registry)
            : try LineageNode.ancestors(of: version, in: registry)
        if options.json { return try JSON.print(tree) }
        for line in tree.lines() { Output.line(line) }
    }
}

extension LineageNode {
    /// A tree for people.
    func lines() -> [String] {
        [text]
            + from.enumerated().flatMap { index, child in
                let isLast = index == from.count - 1
                let lines = child.lines()
                return [(isLast ? "└─ " : "├─ ") + lines[0]]
                    + lines.dropFirst().map { (isLast ? "   " : "│  ") + $0 }
            }
    }

    private var text: String {
        var text = reference
        if !isPresent { text += " (not in this registry)" }
        if skippedCount > 0 { text += "  \(skippedCount) version\(skippedCount == 1 ? "" : "s") between" }
        if let link { text += "  \(link)" }
        return text
    }

    /// Such as `fine-tuned, 93.1 % of its bytes, found`.
    private var link: String? {
        guard let kind else { return nil }
        return LineageNode.describe(kind: kind, isGiven: isGiven ?? true, share: share)
    }

    static func describe(kind: String, isGiven: Bool, share: Double?) -> String {
        var parts = [kind == Ancestor.Kind.merged.rawValue ? "merged" : "fine-tuned"]
        if let share { parts.append("\(NumberText.percent(share)) of the bytes") }
        if !isGiven { parts.append("found by content") }
        return parts.joined(separator: ", ")
    }
}
