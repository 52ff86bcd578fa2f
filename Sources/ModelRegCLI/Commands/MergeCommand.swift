import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Bring the versions and runs of other registries into this one.",
        discussion: """
            Content that both have is stored once. A version is the same where model, content and time of saving are; \
            others keep their number where it is higher than all of the model here, or get the next one and the fact \
            original_version. A run whose name another one has here is called name-2. Of an alias that both have, ours stays unless --theirs. Every chunk is checked against \
            its hash. An interrupted merge goes on where it was. --dry-run looks at each file on its own. While a file \
            is read, nothing can be written to it.

            EXAMPLES
              modelreg merge job1.db job2.db --dry-run
              modelreg merge job1.db job2.db
              modelreg merge colleague.db --model chat --theirs
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The registries to merge into this one.", completion: .file(extensions: ["db"]))
    var files: [String]

    @Option(name: .long, help: ArgumentHelp("Only this model. May be repeated.", valueName: "name"))
    var model: [String] = []

    @Flag(name: .long, help: "Move aliases that both have to their versions; protected ones stay.")
    var theirs = false

    @Flag(name: .long, help: "Only say what would be done.")
    var dryRun = false

    func run() throws {
        let others = try files.map {
            try Registry(path: $0, create: false, waitSeconds: options.wait, packsInBackground: false)
        }
        let registry = try options.openRegistry(create: true, inMemoryIfMissing: dryRun)
        var reports: [Report] = []
        for (file, other) in zip(files, others) {
            let bar = ProgressBar("merging", options)
            let report = try registry.merge(
                other,
                options: MergeOptions(
                    models: model.isEmpty ? nil : model, prefersTheirs: theirs, dryRun: dryRun),
                progress: bar.handler)
            bar.clear()
            if options.json { reports.append(Report(file, report, dryRun)) } else { print(file, report) }
        }
        if options.json { try JSON.print(reports) }
        if !dryRun { try pack(registry) }
    }

    /// Packs the versions that came in. They are there: that this can wait is no reason to fail.
    private func pack(_ registry: Registry) throws {
        let bar = ProgressBar("packing", options)
        do {
            for model in try registry.models().map(\.name) {
                try registry.packNewVersions(of: model, progress: bar.handler)
            }
            bar.clear()
        } catch {
            bar.clear()
            options.message("note: merged, but earlier versions are not packed: \(error)")
        }
    }

    private func print(_ file: String, _ report: MergeReport) {
        let renumbered = report.added.filter { $0.theirs != $0.ours }
        for version in renumbered.prefix(10) { options.message("\(version.theirs) -> \(version.ours)") }
        if renumbered.count > 10 { options.message("… and \(renumbered.count - 10) more with other numbers") }
        for run in report.renamedRuns { options.message("run \(run.theirs) -> \(run.ours)") }
        for conflict in report.conflicts {
            let text =
                conflict.isTheirs
                ? "moved from \(conflict.ours) to \(conflict.theirs)"
                : "stays \(conflict.ours); theirs is \(conflict.theirs)"
            options.message("conflict: \(conflict.alias) \(text)")
        }
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        var line =
            "\(dryRun ? "would merge" : "merged") \(printable(file)): \(count(report.added.count, "version")) new"
        line += ", \(report.sameCount) the same"
        if !report.addedRuns.isEmpty { line += ", \(count(report.addedRuns.count, "run")) new" }
        if report.chunkCount > 0 {
            line += ", \(count(report.chunkCount, "chunk")) of \(ByteCount.text(report.storedByteCount))"
        }
        if !report.conflicts.isEmpty { line += ", \(count(report.conflicts.count, "alias conflict"))" }
        Output.line(line)
    }

    private struct Report: Encodable {
        let path: String
        let isMerged: Bool
        let added: [BroughtInJSON]
        let sameCount: Int
        let aliases: [String]
        let conflicts: [AliasConflictJSON]
        let addedRuns: [String]
        let renamedRuns: [BroughtInJSON]
        let chunkCount: Int
        let storedByteCount: Int

        init(_ path: String, _ report: MergeReport, _ dryRun: Bool) {
            self.path = path
            isMerged = !dryRun
            added = report.added.map { BroughtInJSON($0) }
            sameCount = report.sameCount
            aliases = report.aliases
            conflicts = report.conflicts.map { AliasConflictJSON($0) }
            addedRuns = report.addedRuns
            renamedRuns = report.renamedRuns.map { BroughtInJSON($0) }
            chunkCount = report.chunkCount
            storedByteCount = report.storedByteCount
        }
    }
}
