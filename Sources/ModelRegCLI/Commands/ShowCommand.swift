import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what is in a version or a file: facts, tensors, values.",
        discussion: """
            A file needs no registry. Of a pickle, the classes and functions are listed that loading it with Python \
            would look up, with those that PyTorch's weights_only refuses and those that are dangerous. Nothing is run.

            Conditions ask for what is known of each tensor: \
            \(TensorFacts.names.joined(separator: ", ")).

            EXAMPLES
              modelreg show mlp
              modelreg show mlp --where 'nan > 0 or l2_norm > 100' --sort -l2_norm
              modelreg show mlp:best --only 'hidden.*'
              modelreg show ./downloaded.ckpt --fail-if-unsafe
              modelreg show oci://registry.example.com/team/mlp:best
              modelreg show mlp:v3 --json | jq '.parameters[].path'
            """,
        aliases: ["inspect"])

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: "Which version, or which file.",
        completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String

    @Option(
        name: .long,
        help: ArgumentHelp("Paths to list: names, or patterns with *. May be repeated.", valueName: "glob"))
    var only: [String] = []

    @OptionGroup var query: QueryOptions

    @Flag(
        name: .long, help: "Show what was found in each tensor: NaN, infinities, zeros, least, greatest, norm.")
    var health = false

    @Flag(name: .long, help: "Show host, command line and versions of software, too.")
    var environment = false

    @Flag(name: .long, help: "Exit with 1 where loading the file with Python would run dangerous code.")
    var failIfUnsafe = false

    func run() throws {
        if let file = try file() {
            guard query.condition == nil, query.sort.isEmpty, !query.csv, !health else {
                throw UsageError(
                    description: "--where, --sort, --csv and --health are for versions: save the file first")
            }
            let shown = try ShowFile(file, only: only)
            try shown.print(json: options.json)
            if failIfUnsafe, shown.isUnsafe { throw ExitCode(ExitStatus.found.rawValue) }
            return
        }
        let isMarked = try showVersion()
        if failIfUnsafe, isMarked { throw ExitCode(ExitStatus.found.rawValue) }
    }

    /// The file that the reference names; `nil` where it names a version.
    private func file() throws -> String? {
        if reference.hasPrefix("./") || reference.hasPrefix("../") || reference.hasPrefix("/") {
            return reference
        }
        guard FilePresence.isFile(reference) else { return nil }
        do {
            _ = try options.openRegistry().version(reference)
            return nil
        } catch let error as RegistryError where error.isNotFound {
            return reference
        }
    }

    /// - Returns: Whether the version is marked as unsafe.
    private func showVersion() throws -> Bool {
        for name in try query.names(ofTensors: true) where !TensorFacts.names.contains(name) {
            try QueryExpression(parsing: query.condition ?? "0").requireNames(
                in: TensorFacts.names, functions: [])
            throw UsageError(
                description:
                    "--sort: \"\(name)\" is not known of a tensor; there is \(TensorFacts.names.joined(separator: ", "))"
            )
        }
        let isRemote = RemoteView.isAddress(reference)
        if isRemote, health || query.isGiven {
            throw UsageError(
                description: "--health, --where, --sort and --csv are for versions that are here: pull it first"
            )
        }
        let view =
            isRemote ? try RemoteView(reference, includesContext: true) { $0.leaves.map { _ in false } } : nil
        let registry = try view?.registry ?? options.openRegistry()
        let version = try registry.version(view?.reference ?? reference)
        let details = try registry.details(of: version)
        let manifest = try registry.manifest(of: version.reference)
        let isSelected = try PathSelection(only).selects(manifest.leaves.map(\.path))
        let facts = try registry.tensorFacts(of: version.reference)
        let leaves = try chosen(zip(manifest.leaves, isSelected).filter(\.1).map(\.0), facts)
        let isMarked = details.attributes[UnsafeFileError.attribute] != nil
        if query.csv {
            csv(leaves).print()
            return isMarked
        }
        let context = VersionContext(
            lineage: try registry.lineage(of: version), notes: try registry.notes(of: version),
            environment: try registry.environment(of: version), structure: manifest.structure,
            isRemote: isRemote)
        if options.json {
            try JSON.print(ShowJSON(version, details, context, leaves))
            return isMarked
        }
        for line in self.facts(version, details, context) { Output.line(line) }
        guard !leaves.isEmpty else {
            if query.condition != nil {
                options.message("no tensors of \(version.reference) fulfil the condition")
            }
            return isMarked
        }
        if health || query.condition != nil || !query.sort.isEmpty {
            showHealth(leaves)
            return isMarked
        }
        Output.line("")
        var table = Table([("PATH", .left), ("TYPE", .left), ("SHAPE", .left), ("SIZE", .right), ("", .left)])
        let dropped = isRemote ? [] : Set(details.droppedPaths)
        for leaf in leaves.map(\.leaf) {
            table.add(LeafRow.cells(leaf, isDropped: dropped.contains(leaf.path.text)))
        }
        Output.lines(table.lines)
        return isMarked
    }

    /// The leaves that fulfil the condition, in the order that was asked for; plain values fulfil none.
    private func chosen(_ leaves: [Manifest.Leaf], _ facts: [TensorFacts]) throws -> [ShownLeaf] {
        let byPath = Dictionary(facts.map { ($0.path, $0) }) { first, _ in first }
        var shown = leaves.map { ShownLeaf(leaf: $0, facts: byPath[$0.path.text]) }
        if let condition = try query.filter(ofTensors: true) {
            shown = try shown.filter { leaf in try leaf.facts.map { try condition.holds(in: $0) } ?? false }
        }
        return try SortKey.sorted(shown, by: query.keys(ofTensors: true))
    }

    private func showHealth(_ leaves: [ShownLeaf]) {
        Output.line("")
        var table = Table([
            ("PATH", .left), ("TYPE", .left), ("SHAPE", .left), ("NAN", .right), ("INF", .right),
            ("ZEROS", .right),
            ("MIN", .right), ("MAX", .right), ("NORM", .right),
        ])
        for leaf in leaves {
            guard case .tensor(let tensor) = leaf.leaf.content, let facts = leaf.facts else { continue }
            func text(_ value: Double?) -> String { value.map { NumberText.text($0) } ?? "-" }
            table.add([
                leaf.leaf.path.shown, tensor.dtype.rawValue, "\(tensor.shape)",
                facts.nanCount.map { "\($0)" } ?? "-",
                facts.infinityCount.map { "\($0)" } ?? "-",
                facts.zeroShare.map { NumberText.percent($0) } ?? "-",
                text(facts.minimum), text(facts.maximum), text(facts.l2Norm),
            ])
        }
        for line in table.lines { Output.line(line) }
    }

    private func csv(_ leaves: [ShownLeaf]) -> CSVTable {
        var table = CSVTable([
            "path", "kind", "dtype", "shape", "byte_count", "nan", "infinity", "zero", "minimum", "maximum",
            "l2_norm",
            "value",
        ])
        for leaf in leaves {
            let json = LeafJSON(leaf.leaf.path, leaf.leaf.content)
            var value = ""
            if case .value(let plain) = leaf.leaf.content { value = plain.text }
            func text<Number>(_ number: Number?) -> String { number.map { "\($0)" } ?? "" }
            table.add([
                json.path, json.kind, json.dtype ?? "", json.shape.map { "\($0)" } ?? "", text(json.byteCount),
                text(leaf.facts?.nanCount), text(leaf.facts?.infinityCount), text(leaf.facts?.zeroCount),
                text(leaf.facts?.minimum), text(leaf.facts?.maximum), text(leaf.facts?.l2Norm), value,
            ])
        }
        return table
    }

    private func facts(_ version: Version, _ details: VersionDetails, _ context: VersionContext) -> [String] {
        var facts: [(String, String)] = [
            ("version", version.reference), ("content", version.contentID.description),
            ("kind", version.kind.rawValue.split(separator: "_").joined(separator: " ")),
            ("saved", Moment.exact(version.createdAt)),
        ]
        if let parent = version.parent { facts.append(("parent", parent)) }
        for ancestor in context.lineage {
            let text = LineageNode.describe(
                kind: ancestor.kind.rawValue, isGiven: ancestor.isGiven, share: ancestor.share)
            facts.append(("from", "\(ancestor.reference)  (\(text))"))
        }
        if let run = version.run { facts.append(("run", run)) }
        if let step = version.step { facts.append(("step", "\(step)")) }
        if !version.aliases.isEmpty { facts.append(("aliases", version.aliases.joined(separator: ", "))) }
        if !version.message.isEmpty { facts.append(("message", version.message)) }
        if let source = details.sourceFile {
            facts.append(("file", "\(source.name), \(source.format), \(ByteCount.text(source.byteCount))"))
        }
        facts.append(("tensors", "\(version.tensorCount), \(ByteCount.text(version.byteCount))"))
        if let objects = context.structure.objectsText { facts.append(("objects", objects)) }
        if !context.isRemote, let thinnedAt = details.thinnedAt {
            facts.append(
                ("thinned", "\(Moment.exact(thinnedAt)), \(details.droppedPaths.count) tensors dropped"))
        }
        for (name, value) in version.metrics.sorted(by: { $0.key < $1.key }) {
            facts.append(("metric", "\(name) = \(value)"))
        }
        for (key, value) in details.fileFacts { facts.append(("metadata", "\(key) = \(value.json)")) }
        for (key, value) in details.attributes { facts.append(("set", "\(key) = \(value.json)")) }
        for attachment in details.attachments {
            facts.append(("attached", "\(attachment.name), \(ByteCount.text(attachment.byteCount))"))
        }
        facts += FactText.lines(context.environment, isFull: environment)
        facts += FactText.lines(context.notes)
        return FactText.aligned(facts)
    }
}
