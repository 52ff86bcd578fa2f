import ArgumentParser
import ModelReg

extension RunCommand {
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
}
