import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

/// What `show` says of a file or folder that is in no registry.
struct ShowFile {
    private let path: String
    private let source: ModelSource
    private let manifest: Manifest
    private let leaves: [Manifest.Leaf]

    /// Reads the file, of which the leaves that `patterns` select are shown.
    init(_ path: String, only patterns: [String]) throws {
        self.path = path
        source = try InputFile.read(path)
        manifest = try Manifest(of: source.checkpoint)
        let isSelected = try PathSelection(patterns).selects(manifest.leaves.map(\.path))
        leaves = zip(manifest.leaves, isSelected).filter(\.1).map(\.0)
    }

    private var names: [PickledName] { source.pickledNames.flatMap(\.names) }

    /// Whether loading the file with Python would run what no checkpoint needs.
    var isUnsafe: Bool { names.contains { $0.risk == .dangerous } }

    func print(json: Bool) throws {
        if json { return try JSON.print(Report(self)) }
        var facts = [("file", path)]
        if let file = source.file {
            facts.append(("format", "\(file.format.rawValue), \(ByteCount.text(file.file.byteCount))"))
        }
        facts += [
            ("content", manifest.contentID.description),
            ("kind", manifest.structure.kind.rawValue.split(separator: "_").joined(separator: " ")),
            ("tensors", "\(manifest.tensorCount), \(ByteCount.text(manifest.byteCount))"),
        ]
        if let objects = manifest.structure.objectsText { facts.append(("objects", objects)) }
        for (key, value) in source.metadata {
            facts.append(("metadata", "\(key) = \(quoted(value))"))
        }
        for (key, value) in source.fileFacts { facts.append(("metadata", "\(key) = \(value.json)")) }
        for name in source.attachments.keys { facts.append(("attached", name)) }
        for name in source.opaqueNames { facts.append(("as it is", name)) }
        for name in source.omitted { facts.append(("left out", name)) }
        for note in source.notes { facts.append(("note", note)) }
        for line in FactText.aligned(facts) { Output.line(line) }
        if !leaves.isEmpty {
            Output.line("")
            var table = Table([
                ("PATH", .left), ("TYPE", .left), ("SHAPE", .left), ("SIZE", .right), ("", .left),
            ])
            for leaf in leaves { table.add(LeafRow.cells(leaf, isDropped: false)) }
            Output.lines(table.lines)
        }
        guard !names.isEmpty else { return }
        Output.line("")
        Output.line("Loading this file with Python looks up these names. Nothing was run here.")
        var table = Table([("NAME", .left), ("USE", .left), ("RISK", .left)])
        for name in names.sorted(by: { $0.risk > $1.risk }) {
            table.add([name.name.description, name.isCalled ? "called" : "named", ShowFile.text(name.risk)])
        }
        Output.lines(table.lines)
    }

    private static func text(_ risk: PickleRisk) -> String {
        switch risk {
        case .harmless: "none: weights_only loads it"
        case .code: "code of a library: weights_only refuses it"
        case .dangerous: "DANGEROUS: no checkpoint needs it"
        }
    }

    private struct Report: Encodable {
        struct Name: Encodable {
            let name: String
            let isCalled: Bool
            let risk: String
        }

        let file: String
        let format: String?
        let byteCount: Int?
        let contentId: String
        let kind: String
        let tensorCount: Int
        let isUnsafe: Bool
        let names: [Name]
        let attachments: [String]
        let objects: [ObjectJSON]
        let parameters: [LeafJSON]

        init(_ shown: ShowFile) {
            file = shown.path
            format = shown.source.file?.format.rawValue
            byteCount = shown.source.file?.file.byteCount
            contentId = shown.manifest.contentID.description
            kind = shown.manifest.structure.kind.rawValue
            tensorCount = shown.manifest.tensorCount
            isUnsafe = shown.isUnsafe
            names = shown.names.map {
                Name(name: $0.name.description, isCalled: $0.isCalled, risk: $0.risk.rawValue)
            }
            attachments = Array(shown.source.attachments.keys)
            objects = ObjectJSON.all(of: shown.manifest.structure)
            parameters = shown.leaves.map { LeafJSON($0.path, $0.content) }
        }
    }
}

/// A leaf in the table of `show`.
enum LeafRow {
    static func cells(_ leaf: Manifest.Leaf, isDropped: Bool) -> [String] {
        switch leaf.content {
        case .tensor(let tensor):
            [
                leaf.path.shown, tensor.dtype.rawValue, "\(tensor.shape)", ByteCount.text(tensor.byteCount),
                isDropped ? "dropped" : tensor.tie.map { "storage \($0.storage)" } ?? "",
            ]
        case .value(let value): [leaf.path.shown, value.kindName, "", "", value.text]
        }
    }
}
