import ArgumentParser
import Expressions
import Foundations
import ModelRegistry
import OrderedCollections

extension RunCommand {
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show what is known of a run.", discussion: "EXAMPLE\n  modelreg run show mlp/lr-3")

        @OptionGroup var options: GlobalOptions

        @Argument(
            help: ArgumentHelp("The run.", valueName: "run"),
            completion: .custom { _, _, _ in ReferenceCompletion.runs() })
        var reference: String

        func run() throws {
            let registry = try options.openRegistry()
            let info = try registry.runInfo(reference)
            let environment = try registry.environment(ofRun: info.id)
            let notes = try registry.notes(ofRun: info.id)
            let attachments = try registry.attachments(ofRun: info.id)
            let versions = try registry.versions(inRun: info.id)
            let metrics = try registry.metricSummaries(ofRun: info.id)
            if options.json {
                return try JSON.print(
                    ShownJSON(
                        run: RunJSON(info), environment: environment.map(EnvironmentJSON.init),
                        notes: notes.map(NoteJSON.init),
                        attachments: attachments.map {
                            ShownJSON.Attachment(name: $0.name, byteCount: $0.byteCount)
                        },
                        versions: versions.map { VersionJSON($0) }, metrics: metrics.map(ShownJSON.Metric.init))
                )
            }
            var facts: [(String, String)] = [("run", info.reference), ("state", info.state.rawValue)]
            facts.append(("started", Moment.exact(info.startedAt)))
            if let ended = info.endedAt { facts.append(("ended", Moment.exact(ended))) }
            facts.append(("ran", NumberText.duration(info.wallSeconds)))
            if let parent = info.parent { facts.append(("parent", parent)) }
            for (key, value) in info.attributes { facts.append(("set", "\(key) = \(value.json)")) }
            facts += FactText.lines(environment, isFull: true)
            for attachment in attachments {
                facts.append(("attached", "\(attachment.name), \(ByteCount.text(attachment.byteCount))"))
            }
            facts += FactText.lines(notes)
            if !versions.isEmpty {
                let shown = versions.prefix(5).map { version in
                    version.reference + (version.step.map { " at step \($0)" } ?? "")
                }
                facts.append(
                    (
                        "versions",
                        shown.joined(separator: ", ")
                            + (versions.count > 5 ? " and \(versions.count - 5) more" : "")
                    ))
            }
            for line in FactText.aligned(facts) { Output.line(line) }
            guard !metrics.isEmpty else { return }
            Output.line("")
            var table = Table([
                ("METRIC", .left), ("STEPS", .right), ("LAST", .right), ("STEP", .right), ("MIN", .right),
                ("AT", .right),
                ("MAX", .right), ("AT", .right),
            ])
            for metric in metrics {
                table.add([
                    metric.name, "\(metric.count)", NumberText.text(metric.last.value), "\(metric.last.step)",
                    metric.minimum.map { NumberText.text($0.value) } ?? "",
                    metric.minimum.map { "\($0.step)" } ?? "",
                    metric.maximum.map { NumberText.text($0.value) } ?? "",
                    metric.maximum.map { "\($0.step)" } ?? "",
                ])
            }
            for line in table.lines { Output.line(line) }
        }
    }

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

    private struct ShownJSON: Encodable {
        struct Attachment: Encodable {
            let name: String
            let byteCount: Int
        }

        struct Metric: Encodable {
            struct Point: Encodable {
                let step: Int
                let value: Double?

                init(_ point: MetricPoint) {
                    step = point.step
                    value = point.value.isFinite ? point.value : nil
                }
            }

            let name: String
            let count: Int
            let last: Point
            let minimum: Point?
            let maximum: Point?

            init(_ metric: MetricSummary) {
                name = metric.name
                count = metric.count
                last = Point(metric.last)
                minimum = metric.minimum.map(Point.init)
                maximum = metric.maximum.map(Point.init)
            }
        }

        let run: RunJSON
        let environment: EnvironmentJSON?
        let notes: [NoteJSON]
        let attachments: [Attachment]
        let versions: [VersionJSON]
        let metrics: [Metric]
    }
}

/// A run, as JSON shows it.
struct RunJSON: Encodable {
    let reference: String
    let model: String?
    let name: String
    let state: String
    let startedAt: String
    let endedAt: String?
    let wallSeconds: Double
    let parent: String?
    let attributes: [String: JSONFragment]
    let metrics: [String: Double?]
    let step: Int?
    let versionCount: Int

    init(_ run: RunInfo) {
        reference = run.reference
        model = run.model
        name = run.name
        state = run.state.rawValue
        startedAt = Moment.exact(run.startedAt)
        endedAt = run.endedAt.map(Moment.exact)
        wallSeconds = run.wallSeconds
        parent = run.parent
        attributes = Dictionary(run.attributes.map { ($0.key, JSONFragment($0.value.json)) }) { $1 }
        metrics = run.metrics.mapValues { $0.isFinite ? $0 : nil }
        step = run.lastStep
        versionCount = run.versionCount
    }
}

/// A note, as JSON shows it.
struct NoteJSON: Encodable {
    let at: String
    let actor: String
    let text: String

    init(_ note: Note) {
        at = Moment.exact(note.at)
        actor = note.actor
        text = note.text
    }
}

/// Code and machine, as JSON shows them.
struct EnvironmentJSON: Encodable {
    let host: String?
    let user: String?
    let command: [String]
    let gitCommit: String?
    let gitBranch: String?
    let isDirty: Bool?
    let packages: [String: String]

    init(_ environment: RunEnvironment) {
        host = environment.host
        user = environment.user
        command = environment.command
        gitCommit = environment.gitCommit
        gitBranch = environment.gitBranch
        isDirty = environment.isDirty
        packages = Dictionary(environment.packages.map { ($0.key, $0.value) }) { $1 }
    }
}

/// Facts for people: a word, and what there is to say.
enum FactText {
    static func aligned(_ facts: [(String, String)]) -> [String] {
        facts.map { label, value in
            label + String(repeating: " ", count: max(1, 10 - label.count)) + printable(value)
        }
    }

    static func lines(_ notes: [Note]) -> [(String, String)] {
        notes.map { ("note", "\($0.text)  (\($0.actor), \(Moment.text($0.at)))") }
    }

    /// - Parameter isFull: Whether to say more than the commit.
    static func lines(_ environment: RunEnvironment?, isFull: Bool) -> [(String, String)] {
        guard let environment else { return [] }
        var facts: [(String, String)] = []
        if let commit = environment.gitCommit {
            var details: [String] = []
            if let branch = environment.gitBranch { details.append(branch) }
            if environment.isDirty == true { details.append("with changes") }
            facts.append(
                ("code", commit.prefix(12) + (details.isEmpty ? "" : " (\(details.joined(separator: ", ")))")))
        }
        guard isFull else { return facts }
        if let host = environment.host {
            facts.append(("host", (environment.user.map { "\($0)@" } ?? "") + host))
        }
        if !environment.command.isEmpty {
            facts.append(("command", environment.command.joined(separator: " ")))
        }
        if !environment.packages.isEmpty {
            facts.append(("packages", environment.packages.map { "\($0) \($1)" }.joined(separator: ", ")))
        }
        return facts
    }
}
