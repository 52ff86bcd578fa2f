import ArgumentParser
import Checkpoints
import ModelRegistry

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "List the versions of a model, latest first.",
        discussion: """
            EXAMPLES
              modelreg log mlp
              modelreg log mlp -n 5 --json
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
    var name: String

    @Option(name: .customShort("n"), help: ArgumentHelp("At most this many versions.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("-n takes a count, not \(limit)") }
    }

    func run() throws {
        let versions = try options.openRegistry().versions(of: name, limit: limit)
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
