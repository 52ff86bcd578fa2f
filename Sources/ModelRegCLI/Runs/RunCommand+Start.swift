import ArgumentParser
import Glibc
import ModelReg
import RegistryJSON

extension RunCommand {
    struct Start: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "start",
            abstract: "Start a run, and print its name.",
            discussion: """
                Host, user, the git commit of the current folder and versions of software are noted. A name that a run \
                of this model has already is refused, unless --resume says that it goes on.

                EXAMPLE
                  modelreg run start mlp --name lr-3 --set lr=1e-3 --packages <(pip freeze) --pid $$
                """)

        @OptionGroup var options: GlobalOptions

        @Argument(
            help: "The model that it makes; none in particular if it is not named.",
            completion: .custom { _, _, _ in ReferenceCompletion.models() })
        var model: String?

        @Option(name: .long, help: "The name of the run. [default: the time and a random suffix]")
        var name: String?

        @Option(
            name: .long,
            help: ArgumentHelp(
                "A setting; the value is JSON or a text. May be repeated.", valueName: "key=value"))
        var set: [String] = []

        @Option(name: .long, help: ArgumentHelp("The run that it goes on from.", valueName: "run"))
        var parent: String?

        @Flag(name: .long, help: "Go on with the run of this name, if there is one.")
        var resume = false

        @Option(
            name: .long,
            help: ArgumentHelp("What `pip freeze` prints: versions of packages.", valueName: "file"),
            completion: .file())
        var packages: String?

        @Option(
            name: .long,
            help: ArgumentHelp("The process whose end is the run's, such as $$.", valueName: "number"))
        var pid: Int32?

        func run() throws {
            if let pid, pid <= 0 || kill(pid, 0) != 0 && errno == ESRCH {
                throw UsageError(description: "--pid: there is no process \(pid)")
            }
            if resume, name == nil { throw UsageError(description: "--resume takes --name") }
            let hyperparameters = try Pairs.attributes(set, option: "--set")
            var environment = RunEnvironment.captured()
            if let packages { environment.packages.merge(try PackageList.read(packages)) { $1 } }
            let registry = try options.openRegistry(create: true)
            let run = try registry.startRun(
                model: model, name: name, hyperparameters: hyperparameters, parent: parent, resumes: resume,
                environment: environment, process: pid ?? 0)
            if options.json {
                try JSON.print(RunJSON(registry.runInfo(run.id)))
            } else {
                Output.line(run.reference)
            }
        }
    }
}
