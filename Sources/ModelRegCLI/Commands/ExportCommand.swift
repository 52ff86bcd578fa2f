import ArgumentParser
import Foundations
import Glibc
import ModelReg
import RegistryJSON

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write models, versions or everything to one self-contained registry file.",
        discussion: """
            The file is a registry like any other, with runs, metrics, aliases and history, and nothing that gc would \
            remove. `modelreg merge` brings it into another. Every chunk is checked against its hash on the way. Files of \
            weights are written by `modelreg load`.

            EXAMPLES
              modelreg export mlp -o mlp.db
              modelreg export mlp:best chat -o release.db
              modelreg export --all -o backup.db
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: ArgumentHelp("Models, or versions such as mlp:v3.", valueName: "name"),
        completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var names: [String] = []

    @Flag(name: .long, help: "Everything, runs of no model too.")
    var all = false

    @Option(name: .shortAndLong, help: "The file to write.", completion: .file(extensions: ["db"]))
    var output: String

    @Flag(name: .long, help: "Replace a file that is there.")
    var force = false

    func validate() throws {
        if all != names.isEmpty { throw ValidationError("name models or versions, or give --all") }
    }

    func run() throws {
        let registry = try options.openRegistry()
        let isVersion: (String) -> Bool = { name in name.contains { ":~@".contains($0) } }
        let bar = ProgressBar("exporting", options)
        let report: ArchiveReport
        do {
            report = try registry.archive(
                to: output, models: names.filter { !isVersion($0) }, versions: names.filter(isVersion),
                mayReplace: force, progress: bar.handler)
            bar.clear()
        } catch let error as FileError where error.code == EEXIST {
            throw ExplainedError(error: error, explanation: "; --force overwrites it")
        }
        if options.json {
            return try JSON.print(
                Report(
                    path: report.path, byteCount: report.byteCount, versionCount: report.versionCount,
                    runCount: report.runCount))
        }
        let runs = report.runCount == 0 ? "" : ", \(report.runCount) run\(report.runCount == 1 ? "" : "s")"
        Output.line(
            "\(report.versionCount) version\(report.versionCount == 1 ? "" : "s")\(runs) -> \(printable(report.path))  "
                + ByteCount.text(report.byteCount))
    }

    private struct Report: Encodable {
        let path: String
        let byteCount: Int
        let versionCount: Int
        let runCount: Int
    }
}
