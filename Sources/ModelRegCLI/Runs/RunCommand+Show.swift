import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

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
                    ShownRunJSON(
                        run: RunJSON(info), environment: environment.map(EnvironmentJSON.init),
                        notes: notes.map(NoteJSON.init),
                        attachments: attachments.map {
                            ShownRunJSON.Attachment(name: $0.name, byteCount: $0.byteCount)
                        },
                        versions: versions.map { VersionJSON($0) },
                        metrics: metrics.map(ShownRunJSON.Metric.init))
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
}
