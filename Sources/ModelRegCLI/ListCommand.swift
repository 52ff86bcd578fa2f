import ArgumentParser
import ModelRegistry

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the models.",
        discussion: """
            EXAMPLES
              modelreg ls
              modelreg ls --json | jq '.[].name'
            """,
        aliases: ["list"])

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let models = try options.openRegistry().models()
        if options.json {
            try JSON.print(models.map(ModelJSON.init))
            return
        }
        guard !models.isEmpty else { return options.message("no models yet; `modelreg save` adds one") }
        var table = Table([
            ("MODEL", .left), ("VERSIONS", .right), ("LATEST", .left), ("TENSORS", .right), ("SIZE", .right),
            ("SAVED", .left), ("ALIASES", .left),
        ])
        for model in models {
            let latest = model.latest
            table.add([
                model.name, "\(model.versionCount)", latest.map { "v\($0.number)" } ?? "-",
                latest.map { "\($0.tensorCount)" } ?? "-", latest.map { ByteCount.text($0.byteCount) } ?? "-",
                latest.map { Moment.text($0.createdAt) } ?? "-", model.aliases.joined(separator: ", "),
            ])
        }
        Output.lines(table.lines)
    }

    private struct ModelJSON: Encodable {
        let name: String
        let versionCount: Int
        let aliases: [String]
        let latest: VersionJSON?

        init(_ model: ModelSummary) {
            name = model.name
            versionCount = model.versionCount
            aliases = model.aliases
            latest = model.latest.map(VersionJSON.init)
        }
    }
}

/// Times for people.
enum Moment {
    /// `2026-01-31 12:00` of a time as the registry writes it.
    static func text(_ timestamp: String) -> String {
        String(timestamp.prefix(16)).split(separator: "T").joined(separator: " ")
    }
}
