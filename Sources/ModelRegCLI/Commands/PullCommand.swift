import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Bring versions of a remote in: only what is missing here.",
        discussion: """
            Chunks that are here are not fetched again. Each chunk is checked against its hash, and each version \
            against its content id, before it is there. A version is the same where model, content and time of saving \
            are. Others keep their number where it is higher than all of the model here, or get the next one and the \
            fact original_version. An interrupted pull goes on when it is called again.

            The runs of the versions come in with their settings, notes and metrics; so do aliases. One that was moved here since it was last seen at the remote stays, \
            unless --theirs is given.

            EXAMPLES
              modelreg pull mlp:best
              modelreg pull mlp --all --from oci://registry.example.com/team
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Versions, or models: their latest version.")
    var references: [String]

    @Option(
        name: .long, help: ArgumentHelp("A remote's name or address. [default: origin]", valueName: "remote"))
    var from: String?

    @Flag(name: .long, help: "All versions of the models.")
    var all = false

    @Flag(
        name: .long,
        help: "Move aliases that both have to the versions that the remote says; protected ones stay.")
    var theirs = false

    @Flag(name: .long, help: "Only say what would be fetched.")
    var dryRun = false

    func run() throws {
        let registry = try options.openRegistry(create: true, inMemoryIfMissing: dryRun)
        try PullCommand.pull(
            references, all: all, from: from, options: PullOptions(prefersTheirs: theirs, dryRun: dryRun),
            into: registry, options)
    }

    /// Pulls and says what came in.
    static func pull(
        _ references: [String], all: Bool, from: String?, options pull: PullOptions, into registry: Registry,
        _ options: GlobalOptions
    ) throws {
        let bar = ProgressBar("pulling", options)
        let report = try registry.pull(
            references, all: all, from: from, options: pull, progress: bar.handler)
        bar.clear()
        if options.json {
            try JSON.print(PullJSON(report, isPulled: !pull.dryRun))
        } else {
            print(report, isDry: pull.dryRun, options)
        }
        if pull.dryRun { return }
        for model in Set(report.added.compactMap { $0.ours.split(separator: ":").first.map(String.init) })
            .sorted()
        {
            EarlierVersions.pack(model, in: registry, options)
        }
    }

    private static func print(_ report: PullReport, isDry: Bool, _ options: GlobalOptions) {
        for version in report.added where version.ours != version.theirs {
            options.message("\(printable(version.theirs)) -> \(printable(version.ours))")
        }
        for conflict in report.conflicts {
            let text =
                conflict.isTheirs
                ? "moved from \(conflict.ours) to \(conflict.theirs)"
                : "stays \(conflict.ours) here; there it is \(conflict.theirs) (--theirs moves it)"
            options.message("conflict: \(conflict.alias) \(text)")
        }
        let names = report.added.map(\.ours)
        let shown = names.count > 3 ? "\(names.count) versions" : names.joined(separator: ", ")
        var parts: [String] = []
        if names.isEmpty {
            parts.append("nothing new to pull")
        } else {
            parts.append("\(isDry ? "would pull" : "pulled") \(printable(shown))")
            parts.append("\(ByteCount.text(report.fetchedByteCount)) in \(report.chunkCount) chunks")
        }
        if !report.same.isEmpty { parts.append("\(report.same.count) here already") }
        if !report.runs.isEmpty {
            parts.append("\(report.runs.count) run\(report.runs.count == 1 ? "" : "s")")
        }
        if !report.aliases.isEmpty { parts.append("set \(report.aliases.joined(separator: ", "))") }
        Output.line(parts.joined(separator: "; "))
    }
}
