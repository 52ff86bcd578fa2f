import ArgumentParser
import ModelReg

struct GarbageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Free what deleted versions leave behind.",
        discussion: """
            Safe beside saves of other processes. The space goes back to the file system.

            EXAMPLES
              modelreg gc --dry-run
              modelreg gc
            """)

    @OptionGroup var options: GlobalOptions

    @Flag(name: .long, help: "Only say what would be freed.")
    var dryRun = false

    func run() throws {
        let report = try options.openRegistry().collectGarbage(dryRun: dryRun)
        if options.json {
            try JSON.print(Report(report, isDone: !dryRun))
            return
        }
        let verb = dryRun ? "would free" : "freed"
        Output.line(
            "\(verb) \(report.freedByteCount) bytes: \(report.versionCount) versions, \(report.tensorCount) tensors, "
                + "\(report.chunkCount) chunks")
    }

    private struct Report: Encodable {
        let versionCount: Int
        let tensorCount: Int
        let chunkCount: Int
        let rebasedChunkCount: Int
        let freedByteCount: Int
        let isDone: Bool

        init(_ report: GarbageReport, isDone: Bool) {
            versionCount = report.versionCount
            tensorCount = report.tensorCount
            chunkCount = report.chunkCount
            rebasedChunkCount = report.rebasedChunkCount
            freedByteCount = report.freedByteCount
            self.isDone = isDone
        }
    }
}

/// What `gc` frees besides, so that commands that promise bytes promise all of them.
enum GarbageText {
    /// A line of its own, where there is any.
    static func show(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        Output.line("gc frees \(byteCount) bytes more, which nothing needed before")
    }
}
