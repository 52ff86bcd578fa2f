import ArgumentParser
import Foundation
import Foundations
import Glibc
import ModelReg

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

        @Option(name: .long, help: "Its name; one of time and chance if none is given.")
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

    struct Log: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "log",
            abstract: "Note metrics of a run at a step.",
            discussion: """
                From standard input, a line that is a JSON object with "step" and metrics is noted; NaN and Infinity as \
                Python writes them are understood. All other lines come out again on standard output, so that what a \
                training script prints beside is seen, and nothing that it prints ends it. Values are on the disk about \
                a second later, and all of them when the command ends.

                EXAMPLES
                  modelreg run log mlp/lr-3 --step 100 loss=0.41
                  python train.py | modelreg run log mlp/lr-3 --stdin
                """)

        @OptionGroup var options: GlobalOptions

        @Argument(
            help: ArgumentHelp("The run.", valueName: "run"),
            completion: .custom { _, _, _ in ReferenceCompletion.runs() })
        var reference: String

        @Argument(help: ArgumentHelp("Metrics.", valueName: "name=number"))
        var metrics: [String] = []

        @Option(name: .long, parsing: .unconditional, help: "The step that they are of.")
        var step: Int?

        @Flag(name: .long, help: "Read lines of JSON from standard input.")
        var stdin = false

        func validate() throws {
            guard stdin != (step != nil) else { throw ValidationError("give --step and metrics, or --stdin") }
            if let step, step < 0 { throw ValidationError("--step takes 0 or more, not \(step)") }
            if stdin != metrics.isEmpty {
                throw ValidationError(stdin ? "--stdin takes no metrics" : "no metrics")
            }
        }

        func run() throws {
            let values = try Pairs.metrics(metrics, option: "metrics")
            let run = try options.openRegistry().openRun(reference)
            if let step {
                run.log(Dictionary(uniqueKeysWithValues: values.map { ($0.key, $0.value) }), step: step)
            }
            if stdin {
                var lineNumber = 0
                while let line = readLine() {
                    lineNumber += 1
                    guard line.first(where: { !$0.isWhitespace }) == "{" else {
                        Output.line(line)
                        continue
                    }
                    do {
                        let (step, values) = try MetricLine.parse(line)
                        run.log(values, step: step)
                    } catch let error as UsageError {
                        // Ending here would end the script as well, by a pipe that nobody reads.
                        Output.line(line)
                        options.message("note: line \(lineNumber) is passed over: \(error.description)")
                    }
                }
            }
            try run.flush()
        }
    }

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
            let contents = try SaveCommand.attachments(files)
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

/// A line of metrics as training scripts print them.
enum MetricLine {
    /// - Throws: ``UsageError`` that says what is wrong with it.
    static func parse(_ line: String) throws -> (step: Int, values: [String: Double]) {
        let decoder = JSONDecoder()
        // Python writes NaN and Infinity, which JSON does not have and JSON5 does.
        decoder.allowsJSON5 = true
        guard let object = try? decoder.decode([String: LooseValue].self, from: Data(line.utf8)) else {
            throw UsageError(description: "no JSON object: \(String(line.prefix(60)))")
        }
        guard let number = object["step"]?.number ?? object["_step"]?.number, let step = Int(exactly: number),
            step >= 0
        else { throw UsageError(description: "\"step\" is missing, or no integer of 0 or more") }
        var values: [String: Double] = [:]
        for (name, value) in object where name != "step" && name != "_step" && !name.isEmpty {
            if let number = value.number { values[name] = number }
        }
        return (step, values)
    }

    /// A number, or anything else, which is passed over: lists, texts.
    private struct LooseValue: Decodable {
        let number: Double?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                number = flag ? 1 : 0
            } else {
                number = try? container.decode(Double.self)
            }
        }
    }
}

/// Names and versions of packages, as `pip freeze` prints them.
enum PackageList {
    /// - Throws: `FileError` where the file cannot be read.
    static func read(_ path: String) throws -> OrderedDictionary<String, String> {
        // Read, not mapped: it may be a pipe, as `<(pip freeze)` is.
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: 16 << 20)
        else {
            throw FileError(path: path, operation: .open, code: ENOENT)
        }
        return parse(String(decoding: data, as: UTF8.self))
    }

    /// Lines are `name==version`, `name @ file:///…` or `-e git+https://…#egg=name`.
    static func parse(_ text: String) -> OrderedDictionary<String, String> {
        var packages: OrderedDictionary<String, String> = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.isEmpty || line.hasPrefix("#") { continue }
            if let range = line.range(of: "==") {
                packages[String(line[..<range.lowerBound])] = String(line[range.upperBound...])
            } else if let range = line.range(of: " @ ") {
                packages[String(line[..<range.lowerBound])] = String(line[range.upperBound...])
            } else if line.hasPrefix("-e "), let range = line.range(of: "#egg=") {
                packages[String(line[range.upperBound...])] = String(line.dropFirst(3).prefix { $0 != "#" })
            }
        }
        return packages
    }
}

/// Words of the form `name=value`.
enum Pairs {
    static func split(_ texts: [String], option: String) throws -> [(String, String)] {
        var seen: Set<String> = []
        return try texts.map { text in
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw UsageError(description: "\(option) takes name=value, not \"\(text)\"")
            }
            let key = String(text[..<equals])
            guard seen.insert(key).inserted else {
                throw UsageError(description: "\(option) \(key) is given twice")
            }
            return (key, String(text[text.index(after: equals)...]))
        }
    }

    /// Names and numbers; `nan` and `inf` are some.
    static func metrics(_ texts: [String], option: String) throws -> OrderedDictionary<String, Double> {
        var metrics: OrderedDictionary<String, Double> = [:]
        for (key, text) in try split(texts, option: option) {
            guard let value = Double(text) else {
                throw UsageError(description: "\(option) \(key)=\(text): \"\(text)\" is not a number")
            }
            metrics[key] = value
        }
        return metrics
    }

    /// Names and values that are JSON, or texts.
    static func attributes(_ texts: [String], option: String) throws -> Attributes {
        var attributes: Attributes = [:]
        for (key, text) in try split(texts, option: option) { attributes[key] = AttributeValue(parsing: text) }
        return attributes
    }
}
