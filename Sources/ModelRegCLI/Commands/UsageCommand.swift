import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "du",
        abstract: "Show what models, versions and tensors take.",
        discussion: """
            STORED are the bytes of a thing's compressed chunks; UNIQUE of those that nothing else has. For a version \
            it also says by how many bytes the file would shrink if it were deleted: versions that are stored as \
            differences from it then take more.

            EXAMPLES
              modelreg du
              modelreg du mlp
              modelreg du mlp:v3 --explain
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: "A model, to list its versions, or a version, to list its tensors; otherwise all models.",
        completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String?

    @Flag(name: .long, help: "Say which other versions need the chunks of each tensor.")
    var explain = false

    func run() throws {
        let registry = try options.openRegistry()
        guard let reference else { return try showModels(registry) }
        if reference.contains(where: { ":~@".contains($0) }) {
            try showVersion(reference, registry)
        } else {
            try showVersions(of: reference, registry)
        }
    }

    private func showModels(_ registry: Registry) throws {
        let file = try registry.fileStorageUse()
        let models = try registry.modelStorageUse()
        if options.json {
            try JSON.print(
                FileUseJSON(file, models))
            return
        }
        var table = Table([
            ("MODEL", .left), ("VERSIONS", .right), ("SIZE", .right), ("STORED", .right), ("UNIQUE", .right),
        ])
        for model in models { table.add([model.model, "\(model.versionCount)"] + columns(model.use)) }
        Output.lines(table.lines)
        let rest = file.byteCount - file.storedByteCount - file.freeByteCount
        Output.line(
            "\(ByteCount.text(file.byteCount)) in the file: \(ByteCount.text(file.storedByteCount)) of tensors, "
                + "\(ByteCount.text(max(0, rest))) of rows and garbage, \(ByteCount.text(file.freeByteCount)) free"
        )
    }

    private func showVersions(of model: String, _ registry: Registry) throws {
        let versions = try registry.versionStorageUse(of: model)
        if options.json {
            try JSON.print(versions.map { VersionUseJSON($0) })
            return
        }
        var table = Table([("VERSION", .left), ("SIZE", .right), ("STORED", .right), ("UNIQUE", .right)])
        for version in versions { table.add([version.reference] + columns(version.use)) }
        Output.lines(table.lines)
    }

    private func showVersion(_ reference: String, _ registry: Registry) throws {
        let version = try registry.version(reference).reference
        let tensors = try registry.tensorStorageUse(of: version)
        let freed = try registry.byteCountFreed(byDeleting: version)
        if options.json {
            try JSON.print(
                TensorsUseJSON(reference: version, freedByteCount: freed, tensors))
            return
        }
        var table = Table([
            ("PATH", .left), ("SIZE", .right), ("STORED", .right), ("UNIQUE", .right), ("DEPTH", .right),
            (explain ? "NEEDED BY" : "", .left),
        ])
        for tensor in tensors {
            let row = [tensor.path.shown] + columns(tensor.use) + ["\(tensor.depth)"]
            table.add(row + [explain ? UsageCommand.explanation(tensor) : ""])
        }
        Output.lines(table.lines)
        Output.line("deleting \(version) frees \(freed) bytes of the file, once gc has run")
    }

    private static func explanation(_ tensor: TensorStorageUse) -> String {
        func list(_ versions: [String]) -> String {
            versions.prefix(4).joined(separator: ", ")
                + (versions.count > 4 ? " and \(versions.count - 4) more" : "")
        }
        var parts: [String] = []
        if !tensor.users.isEmpty { parts.append(list(tensor.users)) }
        if !tensor.dependants.isEmpty { parts.append("differences: \(list(tensor.dependants))") }
        return parts.isEmpty ? "only this version" : parts.joined(separator: "; ")
    }

    private func columns(_ use: StorageUse) -> [String] {
        [use.byteCount, use.storedByteCount, use.uniqueByteCount].map(ByteCount.text)
    }
}
