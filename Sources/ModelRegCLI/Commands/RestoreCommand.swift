import ArgumentParser
import ModelReg
import RegistryJSON

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Bring deleted versions back, all of them or none, until the next gc.",
        discussion: """
            Their aliases come back as they were, where no other version has them by now. `log --deleted` lists what \
            can be brought back.

            EXAMPLES
              modelreg restore mlp:v3
              modelreg log mlp --deleted
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which versions, by number.")
    var references: [String]

    func run() throws {
        let registry = try options.openRegistry()
        let reports = try registry.restore(references)
        if options.json {
            return try JSON.print(
                reports.map { Report(version: VersionJSON($0.version), takenAliases: $0.takenAliases) })
        }
        for report in reports {
            let aliases = report.version.aliases
            Output.line(
                "restored \(report.version.reference)"
                    + (aliases.isEmpty ? "" : " and its aliases \(aliases.joined(separator: ", "))"))
            if !report.takenAliases.isEmpty {
                options.message(
                    "note: aliases that name other versions by now: \(Output.listed(report.takenAliases))")
            }
        }
    }

    private struct Report: Encodable {
        let version: VersionJSON
        let takenAliases: [String]
    }
}
