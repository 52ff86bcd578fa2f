import ArgumentParser
import Checkpoints
import ModelRegistry

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "List the versions of a model, or the history of its parameters.",
        discussion: """
            With the path of a parameter: its norm, change and health in each version, as a plot and a table. With \
            a pattern that several match: a line for each. The figures are those that were noted when the versions \
            were saved, so no tensor is read, except by --exact.

            EXAMPLES
              modelreg log mlp
              modelreg log mlp -n 5 --json
              modelreg log mlp encoder.weight --exact
              modelreg log mlp '*.bias'
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
    var name: String

    @Argument(
        help: ArgumentHelp("Parameters to show the history of: names, or patterns with *.", valueName: "path"))
    var paths: [String] = []

    @Option(
        name: .customShort("n"),
        help: ArgumentHelp("At most this many versions, the latest.", valueName: "count"))
    var limit: Int?

    @Flag(
        name: .long,
        help: "Read the tensors, and measure how far each moved: the L2 norm of the difference.")
    var exact = false

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("-n takes a count, not \(limit)") }
        if exact, paths.isEmpty { throw ValidationError("--exact needs the path of a parameter") }
    }

    func run() throws {
        let registry = try options.openRegistry()
        guard paths.isEmpty else {
            let histories = try registry.history(
                of: name, only: paths, limit: limit, measuresDistances: exact)
            if options.json {
                try JSON.print(HistoryJSON(name, histories))
            } else {
                Output.lines(HistoryText.lines(histories, isExact: exact))
            }
            return
        }
        let versions = try registry.versions(of: name, limit: limit)
        if options.json {
            try JSON.print(versions.map(VersionJSON.init))
            return
        }
        guard !versions.isEmpty else { return options.message("no versions of \"\(name)\"") }
        var table = Table([
            ("VERSION", .left), ("SAVED", .left), ("SIZE", .right), ("CONTENT", .left), ("ALIASES", .left),
            ("METRICS", .left), ("MESSAGE", .left),
        ])
        for version in versions {
            let metrics = version.metrics.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            table.add([
                "v\(version.number)", Moment.text(version.createdAt), ByteCount.text(version.byteCount),
                version.contentID.short, version.aliases.joined(separator: ", "),
                metrics.joined(separator: " "),
                version.message.split(separator: "\n").first.map(String.init) ?? "",
            ])
        }
        Output.lines(table.lines)
    }
}
