import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Record runs: settings, metrics by step, notes, and the code that ran.",
        discussion: """
            A run is named model/name, or by its name alone where only one model has it.

            EXAMPLES
              RUN=$(modelreg run start mlp --name lr-3 --set lr=1e-3 --packages <(pip freeze))
              modelreg run log $RUN --step 100 loss=0.41 val/accuracy=0.93
              python train.py | modelreg run log $RUN --stdin
              modelreg save model.pt mlp --run $RUN --step 100
              modelreg run finish $RUN
              modelreg run ls mlp --sort -val/accuracy
              modelreg plot loss 'mlp/*'
            """,
        subcommands: [
            Start.self, Log.self, Note.self, Attach.self, Finish.self, Show.self, List.self, Remove.self,
        ])

    struct Note: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "note",
            abstract: "Say something about a run.",
            discussion: "EXAMPLE\n  modelreg run note mlp/lr-3 'diverges after step 4000'")

        @OptionGroup var options: GlobalOptions

        @Argument(
            help: ArgumentHelp("The run.", valueName: "run"),
            completion: .custom { _, _, _ in ReferenceCompletion.runs() })
        var reference: String

        @Argument(help: "What to say.")
        var text: String

        func validate() throws { try NoteCommand.check(text) }

        func run() throws { try options.openRegistry().openRun(reference).note(text) }
    }

    struct Attach: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "attach",
            abstract: "Keep small files with a run.",
            discussion: "EXAMPLE\n  modelreg run attach mlp/lr-3 config.yaml train.log")

        @OptionGroup var options: GlobalOptions

        @Argument(
            help: ArgumentHelp("The run.", valueName: "run"),
            completion: .custom { _, _, _ in ReferenceCompletion.runs() })
        var reference: String

        @Argument(help: "The files.", completion: .file())
        var files: [String]

        func run() throws {
            let contents = try AttachmentFiles.read(files)
            let run = try options.openRegistry().openRun(reference)
            for (name, bytes) in contents { try run.attach(bytes, named: name) }
        }
    }

    struct Finish: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "finish",
            abstract: "Say that a run has ended.",
            discussion: "EXAMPLE\n  modelreg run finish mlp/lr-3 --failed")

        @OptionGroup var options: GlobalOptions

        @Argument(
            help: ArgumentHelp("The run.", valueName: "run"),
            completion: .custom { _, _, _ in ReferenceCompletion.runs() })
        var reference: String

        @Flag(name: .long, help: "It failed.")
        var failed = false

        func run() throws {
            let registry = try options.openRegistry()
            let run = try registry.openRun(reference)
            try run.finish(failed ? .failed : .finished)
            let info = try registry.runInfo(run.id)
            if options.json {
                try JSON.print(RunJSON(info))
            } else {
                Output.line(
                    "\(info.reference)  \(info.state.rawValue) after \(NumberText.duration(info.wallSeconds))")
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Delete runs with their metrics, notes and attachments. Versions stay.",
            discussion: "EXAMPLE\n  modelreg run rm mlp/lr-3 --dry-run")

        @OptionGroup var options: GlobalOptions

        @Argument(help: "Which runs.", completion: .custom { _, _, _ in ReferenceCompletion.runs() })
        var runs: [String]

        @Flag(name: .long, help: "Only say what would be deleted.")
        var dryRun = false

        func run() throws {
            let registry = try options.openRegistry()
            let infos = try runs.map { try registry.runInfo($0) }
            if !dryRun { for info in infos { try registry.deleteRun(info.id) } }
            if options.json { return try JSON.print(infos.map(RunJSON.init)) }
            for info in infos {
                Output.line(
                    "\(dryRun ? "would delete" : "deleted") \(info.reference): "
                        + "\(info.metrics.count) metrics; its \(info.versionCount) versions stay")
            }
        }
    }
}
