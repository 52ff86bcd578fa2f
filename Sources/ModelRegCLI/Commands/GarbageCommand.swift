import ArgumentParser
import ModelReg
import RegistryJSON

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
            try JSON.print(GarbageJSON(report, isDone: !dryRun))
            return
        }
        let verb = dryRun ? "would free" : "freed"
        Output.line(
            "\(verb) \(report.freedByteCount) bytes: \(report.versionCount) versions, \(report.tensorCount) tensors, "
                + "\(report.chunkCount) chunks")
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
