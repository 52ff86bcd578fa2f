import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct BlameCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blame",
        abstract: "Say in which version each parameter last changed.",
        discussion: """
            Goes back from the version through the versions of its model, as long as the content stays the same, and \
            shows those that something last changed in, latest first, with message and metrics. Content ids are \
            compared: no tensor is read. Deleted versions count as if they had never been.

            EXAMPLES
              modelreg blame mlp
              modelreg blame mlp:best 'encoder.*'
              modelreg blame run 'optimizer/param_groups/*/lr' --json
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which version.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String

    @Argument(help: ArgumentHelp("Paths to look at: names, or patterns with *.", valueName: "glob"))
    var paths: [String] = []

    func run() throws {
        let blame = try options.openRegistry().blame(reference, only: paths)
        if options.json {
            try JSON.print(BlameJSON(blame))
        } else {
            Output.lines(text(blame))
        }
    }

    private func text(_ blame: Blame) -> [String] {
        let width = min(60, blame.lines.map(\.path.shown.count).max() ?? 0)
        return blame.groups.flatMap { version, lines in
            let facts = [
                version.reference, Moment.text(version.createdAt), NumberText.metrics(version.metrics),
                VersionText.firstLine(version.message),
            ].filter { !$0.isEmpty }
            return [Style.yellow(facts.map { printable($0) }.joined(separator: "  "))]
                + lines.map { line in
                    let path = line.path.shown
                    let padding = String(repeating: " ", count: max(0, width - path.count))
                    return "  \(path)\(padding)  \(line.content.text)"
                }
        }
    }
}
