import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

extension RunCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List runs, latest first.",
            discussion: """
                A condition asks for the last values of metrics, for settings, and for \
                \(RunInfo.builtInNames.joined(separator: ", ")).

                EXAMPLES
                  modelreg run ls -n 10
                  modelreg run ls mlp --where 'lr <= 1e-3 and state == "finished"' --sort -accuracy --csv
                """)

        @OptionGroup var options: GlobalOptions

        @OptionGroup var query: QueryOptions

        @Argument(
            help: "The model; all runs if none is named.",
            completion: .custom { _, _, _ in ReferenceCompletion.models() })
        var name: String?

        @Option(
            name: .customShort("n"),
            help: ArgumentHelp("At most this many, the first that would be listed.", valueName: "count"))
        var limit: Int?

        func validate() throws {
            if let limit, limit < 0 { throw ValidationError("-n takes a count, not \(limit)") }
        }

        func run() throws {
            try query.requireFunctions([])
            let all = try options.openRegistry().runs(of: name)
            let condition = try query.filter()
            let found = try condition.map { condition in try all.filter { try condition.holds(in: $0) } } ?? all
            let sorted = try SortKey.sorted(found, by: query.keys())
            let runs = limit.map { Array(sorted.prefix($0)) } ?? sorted
            try query.warnOfUnknownNames(among: all, options, known: RunInfo.builtInNames) {
                all.flatMap { Array($0.metrics.keys) + Array($0.attributes.keys) }
            }
            if options.json { return try JSON.print(runs.map(RunJSON.init)) }
            if query.csv { return csv(runs).print() }
            guard !runs.isEmpty else {
                return options.message(condition == nil ? "no runs" : "no runs that fulfil the condition")
            }
            var table = Table([
                ("RUN", .left), ("STATE", .left), ("STARTED", .left), ("RAN", .right), ("STEP", .right),
                ("VERSIONS", .right), ("METRICS", .left), ("SET", .left),
            ])
            for run in runs {
                table.add([
                    run.reference, run.state.rawValue, Moment.text(run.startedAt),
                    NumberText.duration(run.wallSeconds),
                    run.lastStep.map { "\($0)" } ?? "", "\(run.versionCount)", NumberText.metrics(run.metrics),
                    run.attributes.map { "\($0)=\($1.json)" }.joined(separator: " "),
                ])
            }
            Output.lines(table.lines)
        }

        private func csv(_ runs: [RunInfo]) -> CSVTable {
            let metrics = Set(runs.flatMap(\.metrics.keys)).sorted()
            var settings: OrderedSet<String> = []
            for run in runs { settings.formUnion(run.attributes.keys) }
            var table = CSVTable(
                ["model", "run", "state", "started_at", "ended_at", "wall_seconds", "step", "versions"]
                    + metrics.map { "metrics.\($0)" } + settings.map { "params.\($0)" })
            for run in runs {
                var row: [String] = [
                    run.model ?? "", run.name, run.state.rawValue, Moment.exact(run.startedAt),
                ]
                row += [run.endedAt.map(Moment.exact) ?? "", "\(run.wallSeconds)"]
                row += [run.lastStep.map { "\($0)" } ?? "", "\(run.versionCount)"]
                row += metrics.map { name in run.metrics[name].map { "\($0)" } ?? "" }
                row += settings.map { name in run.attributes[name].map { $0.text ?? $0.json } ?? "" }
                table.add(row)
            }
            return table
        }
    }
}
