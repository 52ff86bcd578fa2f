import ArgumentParser
import Foundations
import Glibc
import ModelReg
import RegistryJSON

struct SalvageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "salvage",
        abstract: "Make a new registry of what is whole in a damaged one.",
        discussion: """
            Reads the file page by page, also where SQLite calls it malformed, and leaves it as it is. A version comes along \
            where its rows match its content id. Tensors whose bytes are damaged are dropped from it, as prune would: their \
            names, shapes and content ids stay. Versions that were deleted stay behind. Exits with 1 if anything was \
            damaged, and says what is lost, as far as it can be told.

            EXAMPLES
              modelreg salvage modelreg.db -o rescued.db
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The damaged registry.", completion: .file(extensions: ["db"]))
    var file: String

    @Option(name: .shortAndLong, help: "The registry to write.", completion: .file(extensions: ["db"]))
    var output: String

    @Flag(name: .long, help: "Replace a file that is there.")
    var force = false

    func run() throws {
        let bar = ProgressBar("checking", options)
        let report: SalvageReport
        do {
            report = try Registry.salvage(file, to: output, mayReplace: force, progress: bar.handler)
            bar.clear()
        } catch let error as FileError where error.code == EEXIST {
            throw ExplainedError(error: error, explanation: "; --force overwrites it")
        }
        if options.json {
            try JSON.print(Report(report, path: output))
        } else {
            for loss in report.losses { Output.line(text(loss)) }
            let versions = report.versionCount == 1 ? "1 version" : "\(report.versionCount) versions"
            let runs = report.runCount == 0 ? "" : ", \(report.runCount) run\(report.runCount == 1 ? "" : "s")"
            Output.line("\(versions)\(runs) -> \(printable(output))\(damage(report))")
        }
        if !report.isWhole { throw ExitCode(ExitStatus.found.rawValue) }
    }

    private func text(_ loss: SalvageReport.Loss) -> String {
        let paths = loss.paths.prefix(3).map { quoted($0) }.joined(separator: ", ")
        let more = loss.paths.count > 3 ? " and \(loss.paths.count - 3) more" : ""
        return "lost: " + (loss.version.map { "\($0): " } ?? "") + loss.description
            + (paths.isEmpty ? "" : " (\(paths)\(more))")
    }

    private func damage(_ report: SalvageReport) -> String {
        guard report.damagedPageCount + report.damagedRowCount > 0 else { return "" }
        return "  (\(report.damagedPageCount) pages and \(report.damagedRowCount) rows were damaged)"
    }

    private struct Report: Encodable {
        struct Loss: Encodable {
            let version: String?
            let paths: [String]
            let description: String
        }

        let path: String
        let versionCount: Int
        let runCount: Int
        let damagedPageCount: Int
        let damagedRowCount: Int
        let restoredRowCount: Int
        let losses: [Loss]

        init(_ report: SalvageReport, path: String) {
            self.path = path
            versionCount = report.versionCount
            runCount = report.runCount
            damagedPageCount = report.damagedPageCount
            damagedRowCount = report.damagedRowCount
            restoredRowCount = report.restoredRowCount
            losses = report.losses.map {
                Loss(version: $0.version, paths: $0.paths, description: $0.description)
            }
        }
    }
}
