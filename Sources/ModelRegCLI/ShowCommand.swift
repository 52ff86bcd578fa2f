import ArgumentParser
import Checkpoints
import ModelRegistry
import Tensors

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what is in a version: facts, tensors, values.",
        discussion: """
            EXAMPLES
              modelreg show mlp
              modelreg show mlp:best --only 'hidden.*'
              modelreg show mlp:v3 --json | jq '.parameters[].path'
            """,
        aliases: ["inspect"])

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which version.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String

    @Option(
        name: .long,
        help: ArgumentHelp("Paths to list: names, or patterns with *. May be repeated.", valueName: "glob"))
    var only: [String] = []

    func run() throws {
        let registry = try options.openRegistry()
        let version = try registry.version(reference)
        let details = try registry.details(of: version)
        let manifest = try registry.manifest(of: version.reference)
        let isSelected = try PathSelection(only).selects(manifest.leaves.map(\.path))
        let leaves = zip(manifest.leaves, isSelected).filter(\.1).map(\.0)
        if options.json {
            try JSON.print(ShowJSON(version, details, leaves))
            return
        }
        for line in facts(version, details) { Output.line(line) }
        guard !leaves.isEmpty else { return }
        Output.line("")
        var table = Table([("PATH", .left), ("TYPE", .left), ("SHAPE", .left), ("SIZE", .right), ("", .left)])
        for leaf in leaves {
            switch leaf.content {
            case .tensor(let tensor):
                table.add([
                    leaf.path.shown, tensor.dtype.rawValue, "\(tensor.shape)", ByteCount.text(tensor.byteCount),
                    tensor.tie.map { "storage \($0.storage)" } ?? "",
                ])
            case .value(let value): table.add([leaf.path.shown, value.kindName, "", "", value.text])
            }
        }
        Output.lines(table.lines)
    }

    private func facts(_ version: Version, _ details: VersionDetails) -> [String] {
        var facts: [(String, String)] = [
            ("version", version.reference), ("content", version.contentID.description),
            ("kind", version.kind.rawValue.split(separator: "_").joined(separator: " ")),
            ("saved", version.createdAt),
        ]
        if let parent = version.parent { facts.append(("parent", parent)) }
        if !version.aliases.isEmpty { facts.append(("aliases", version.aliases.joined(separator: ", "))) }
        if !version.message.isEmpty { facts.append(("message", version.message)) }
        if let source = details.sourceFile {
            facts.append(("file", "\(source.name), \(source.format), \(ByteCount.text(source.byteCount))"))
        }
        facts.append(("tensors", "\(version.tensorCount), \(ByteCount.text(version.byteCount))"))
        for (name, value) in version.metrics.sorted(by: { $0.key < $1.key }) {
            facts.append(("metric", "\(name) = \(value)"))
        }
        for attribute in details.attributes {
            facts.append((attribute.isFromFile ? "metadata" : "set", "\(attribute.key) = \(attribute.json)"))
        }
        for attachment in details.attachments {
            facts.append(("attached", "\(attachment.name), \(ByteCount.text(attachment.byteCount))"))
        }
        return facts.map { label, value in
            label + String(repeating: " ", count: max(1, 10 - label.count)) + value
        }
    }
}

/// A version with everything about it, as JSON shows it.
private struct ShowJSON: Encodable {
    struct Attachment: Encodable {
        let name: String
        let byteCount: Int
    }

    struct Source: Encodable {
        let name: String
        let format: String
        let byteCount: Int
    }

    let version: VersionJSON
    let attributes: [String: JSONFragment]
    let fileMetadata: [String: JSONFragment]
    let attachments: [Attachment]
    let sourceFile: Source?
    let parameters: [LeafJSON]

    init(_ version: Version, _ details: VersionDetails, _ leaves: [Manifest.Leaf]) {
        self.version = VersionJSON(version)
        func fragments(isFromFile: Bool) -> [String: JSONFragment] {
            let attributes = details.attributes.filter { $0.isFromFile == isFromFile }
            return Dictionary(attributes.map { ($0.key, JSONFragment($0.json)) }) { $1 }
        }
        attributes = fragments(isFromFile: false)
        fileMetadata = fragments(isFromFile: true)
        attachments = details.attachments.map { Attachment(name: $0.name, byteCount: $0.byteCount) }
        sourceFile = details.sourceFile.map {
            Source(name: $0.name, format: $0.format, byteCount: $0.byteCount)
        }
        parameters = leaves.map { LeafJSON($0.path, $0.content) }
    }
}
