import ArgumentParser
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

/// A version and what it was made from, or what was made from it.
struct LineageNode: Encodable {
    let reference: String
    /// How the version above was made from it, or it from that; `nil` at the top and for a parent of the same model.
    var kind: String?
    var isGiven: Bool?
    var share: Double?
    /// Whether it is in the registry.
    var isPresent = true
    /// Versions of the same model between it and the one above that have nothing of their own to tell.
    var skippedCount = 0
    var from: [LineageNode] = []

    /// Versions that one tree shows, at most: the rest of a tangled lineage is left out.
    private static let limit = 1000

    static func ancestors(of version: Version, in registry: Registry) throws -> LineageNode {
        var seen: Set<String> = []
        return try ancestors(of: version, in: registry, &seen)
    }

    private static func ancestors(of version: Version, in registry: Registry, _ seen: inout Set<String>) throws
        -> LineageNode
    {
        var node = LineageNode(reference: version.reference)
        guard seen.count < limit, seen.insert(version.reference).inserted else { return node }
        for ancestor in try registry.lineage(of: version) {
            var child = LineageNode(reference: ancestor.reference)
            if ancestor.isPresent {
                child = try ancestors(of: registry.version(ancestor.reference), in: registry, &seen)
            }
            child.kind = ancestor.kind.rawValue
            child.isGiven = ancestor.isGiven
            child.share = ancestor.share
            child.isPresent = ancestor.isPresent
            node.from.append(child)
        }
        // Down the model's own versions, to the next one that came from elsewhere or to the first.
        var last: Version?
        var skipped = -1
        var next = version.parent
        while let reference = next, skipped < limit, let parent = try? registry.version(reference),
            parent.model == version.model
        {
            last = parent
            skipped += 1
            next = try registry.lineage(of: parent).isEmpty ? parent.parent : nil
        }
        if let last {
            var child = try ancestors(of: last, in: registry, &seen)
            child.skippedCount = skipped
            node.from.append(child)
        }
        return node
    }

    static func descendants(of version: Version, in registry: Registry) throws -> LineageNode {
        var seen: Set<String> = []
        return try descendants(of: version, in: registry, &seen)
    }

    private static func descendants(of version: Version, in registry: Registry, _ seen: inout Set<String>)
        throws
        -> LineageNode
    {
        var node = LineageNode(reference: version.reference)
        guard seen.count < limit, seen.insert(version.reference).inserted else { return node }
        for descendant in try registry.descendants(of: version) {
            var child = try descendants(of: descendant, in: registry, &seen)
            let link = try registry.lineage(of: descendant).first { $0.reference == version.reference }
            child.kind = link?.kind.rawValue ?? Ancestor.Kind.fineTuned.rawValue
            child.isGiven = link?.isGiven ?? true
            child.share = link?.share
            node.from.append(child)
        }
        return node
    }

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
