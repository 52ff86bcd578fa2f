import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct FetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Bring versions of a remote in and leave aliases alone, or list what is there.",
        discussion: """
            As `pull`, but no alias is set or moved. With --list, nothing comes in: each version at the remote is listed \
            with what it is called here.

            EXAMPLES
              modelreg fetch mlp:best
              modelreg fetch --list mlp
              modelreg fetch --list mlp --from oci://registry.example.com/team --json
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Versions, or models: their latest version. With --list: models.")
    var references: [String]

    @Option(
        name: .long, help: ArgumentHelp("A remote's name or address. [default: origin]", valueName: "remote"))
    var from: String?

    @Flag(name: .long, help: "List the versions of the models at the remote, and bring nothing in.")
    var list = false

    @Flag(name: .long, help: "All versions of the models.")
    var all = false

    @Flag(name: .long, help: "Only say what would be fetched.")
    var dryRun = false

    func validate() throws {
        if list, all || dryRun { throw ValidationError("--list lists all versions, and brings nothing in") }
    }

    func run() throws {
        let registry = try options.openRegistry(create: true, inMemoryIfMissing: list || dryRun)
        if list { return try listVersions(registry) }
        try PullCommand.pull(
            references, all: all, from: from, options: PullOptions(setsAliases: false, dryRun: dryRun),
            into: registry, options)
    }

    private func listVersions(_ registry: Registry) throws {
        let remote = try registry.remoteRegistry(from)
        var lines: [Listed] = []
        for model in references {
            let ours = (try? registry.versions(of: model)) ?? []
            for record in try remote.versionRecords(of: model) {
                let version = record.version
                let here = ours.first {
                    $0.contentID == version.contentID && $0.createdAt == version.createdAt
                }
                lines.append(Listed(record: record, ours: here?.reference))
            }
        }
        if options.json {
            return try JSON.print(
                lines.map {
                    Report(
                        version: VersionJSON($0.record.version, attributes: $0.record.attributes), ours: $0.ours
                    )
                })
        }
        var table = Table([
            ("THERE", .left), ("HERE", .left), ("SAVED", .left), ("SIZE", .right), ("ALIASES", .left),
            ("METRICS", .left), ("MESSAGE", .left),
        ])
        for line in lines {
            let version = line.record.version
            table.add([
                version.reference, line.ours ?? "", Moment.text(version.createdAt),
                ByteCount.text(version.byteCount), version.aliases.joined(separator: ", "),
                NumberText.metrics(version.metrics), VersionText.firstLine(version.message),
            ])
        }
        Output.lines(table.lines)
    }

    private struct Listed {
        let record: VersionRecord
        let ours: String?
    }

    private struct Report: Encodable {
        let version: VersionJSON
        let ours: String?
    }
}
