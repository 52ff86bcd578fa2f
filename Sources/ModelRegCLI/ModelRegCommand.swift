import ArgumentParser
import Foundations
import Glibc
import ModelReg

/// `modelreg`: parses the command line, calls the library and prints.
struct ModelRegCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "modelreg",
        abstract: "Keep every version of a model's weights, and see what changed.",
        discussion: """
            A registry is one file: modelreg.db, or what --registry or MODELREG_REGISTRY says.

            REFERENCES
              mlp            the latest version of the model "mlp"
              mlp:v3  mlp:3  version 3
              mlp:best       the version that the alias "best" names
              mlp:best~2     two versions earlier
              mlp@sha256:ab12…                    only if its content id begins so
              models:/mlp/3  models:/mlp@best     as MLflow writes it

            EXAMPLES
              modelreg save model.pt mlp -m "baseline" --metric accuracy=0.97
              modelreg log mlp
              modelreg diff mlp~1 mlp
              modelreg load mlp:best -o model.safetensors

            EXIT STATUS
              0   done
              1   a difference, damage or bad tensor was found (diff --exit-code, verify, save --gate),
                  or an alias stays at the remote (push)
              64  wrong usage
              65  the file is not what it claims, or stored data is damaged
              66  no such file, model or version
              69  the remote does not answer
              70  a fault in modelreg itself
              73  the output exists, or cannot be made
              74  input/output error, disk full, any other failure
              75  the registry is busy, or another has changed a tag of the remote meanwhile
              77  the remote does not permit it
              78  not a registry, or one of a newer modelreg
            """,
        version: modelRegVersion,
        groupedSubcommands: [
            CommandGroup(
                name: "Weights",
                subcommands: [SaveCommand.self, LoadCommand.self, DiffCommand.self, ApplyCommand.self]),
            CommandGroup(
                name: "Versions",
                subcommands: [
                    ListCommand.self, LogCommand.self, ShowCommand.self, AliasCommand.self, NoteCommand.self,
                    LineageCommand.self, RemoveCommand.self, RestoreCommand.self,
                ]),
            CommandGroup(name: "History", subcommands: [BlameCommand.self, BisectCommand.self]),
            CommandGroup(name: "Experiments", subcommands: [RunCommand.self, PlotCommand.self]),
            CommandGroup(name: "Pages", subcommands: [ServeCommand.self, SiteCommand.self, WatchCommand.self]),
            CommandGroup(
                name: "Remotes",
                subcommands: [PushCommand.self, PullCommand.self, FetchCommand.self, RemoteCommand.self]),
            CommandGroup(name: "Archive", subcommands: [ExportCommand.self, MergeCommand.self]),
            CommandGroup(
                name: "Upkeep",
                subcommands: [
                    PackCommand.self, PruneCommand.self, GarbageCommand.self, UsageCommand.self,
                    VerifyCommand.self, SalvageCommand.self,
                ]),
        ])

    /// All files of a folder are open while it is saved; the system starts programs with few.
    fileprivate static func allowManyFiles() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// Does what the command line says, and prints.
///
/// - Parameter words: The program's name, and what comes after it, as bytes.
/// - Returns: The status that the process should end with; some failures end it at once.
package func runCommandLine(_ words: [[UInt8]]) -> Int32 {
    CrashReport.install()
    // The line may have a progress bar, or what the terminal shows of Ctrl-C.
    TemporaryFiles.removeOnSignals(
        saying: isatty(STDERR_FILENO) == 1
            ? "\r\u{1B}[2Kmodelreg: interrupted; what is saved is unharmed\n"
            : "modelreg: interrupted; what is saved is unharmed\n")
    MappedFile.surviveTruncation()
    ModelRegCommand.allowManyFiles()
    do {
        try CommandWords.check(words)
        let texts = words.dropFirst().map { String(decoding: $0, as: UTF8.self) }
        var command = try ModelRegCommand.parseAsRoot(Array(texts))
        try command.run()
        return 0
    } catch {
        // Help, and words that the argument parser does not understand.
        if error is ExitCode || ModelRegCommand.exitCode(for: error) != .failure {
            ModelRegCommand.exit(withError: error)
        }
        let text = error is any CategorisedError ? "\(error)" : printable(ModelRegCommand.message(for: error))
        Output.error("modelreg: \(text)")
        return ExitStatus(error).rawValue
    }
}
