import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Delete or thin old versions by rules.",
        discussion: """
            A version stays if any rule says so. Always kept: the latest version, those that an alias names, and the \
            latest of each run that has not finished, which would be resumed from it. Of equal metrics the newer \
            version is better; NaN is never best. `modelreg gc` then frees the bytes.

            Thinning drops optimiser and random state. A thinned version keeps its number, content id, weights and \
            metrics.

            EXAMPLES
              modelreg prune mlp --keep-last 5 --keep-best 3:accuracy:max --dry-run
              modelreg prune mlp --keep-every 10 --keep-younger 7d
              modelreg prune mlp --keep-last 3 --thin
              modelreg prune --all --keep-last 20 --keep-whole 3
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which models.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
    var names: [String] = []

    @Flag(name: .long, help: "All models.")
    var all = false

    @Option(name: .long, help: ArgumentHelp("Keep so many latest versions.", valueName: "count"))
    var keepLast: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep the best by a metric: 3:accuracy:max, 1:loss:min. May be repeated.",
            valueName: "count:metric:min|max"))
    var keepBest: [BestArgument] = []

    @Option(
        name: .long, help: ArgumentHelp("Keep versions whose number is a multiple of this.", valueName: "count")
    )
    var keepEvery: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Keep versions younger than this: 90s, 30min, 36h, 7d, 4w.", valueName: "age"))
    var keepYounger: AgeArgument?

    @Flag(name: .long, help: "Thin what would be deleted instead.")
    var thin = false

    @Option(
        name: .long,
        help: ArgumentHelp("Of what stays, thin all but so many latest versions.", valueName: "count"))
    var keepWhole: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Paths that thinning drops, instead of optimiser and random state. May be repeated.",
            valueName: "glob"))
    var drop: [String] = []

    @Flag(name: .long, help: "Only show what stays and why, and the bytes that would be freed.")
    var dryRun = false

    func validate() throws {
        guard all != !names.isEmpty else { throw ValidationError("name models, or use --all") }
        for (option, count) in [("--keep-last", keepLast), ("--keep-whole", keepWhole)] {
            if let count, count < 0 { throw ValidationError("\(option) takes a count, not \(count)") }
        }
        if let keepEvery, keepEvery < 1 {
            throw ValidationError("--keep-every takes 1 or more, not \(keepEvery)")
        }
        guard policy.hasRules || keepWhole != nil else {
            throw ValidationError(
                "say what stays: --keep-last, --keep-best, --keep-every, --keep-younger or --keep-whole")
        }
        if thin && !policy.hasRules {
            throw ValidationError("--thin needs a rule that says what stays whole, such as --keep-last")
        }
    }

    private var policy: RetentionPolicy {
        RetentionPolicy(
            keepLast: keepLast, keepBest: keepBest.map(\.best), keepEvery: keepEvery,
            keepYoungerThan: keepYounger?.seconds, thinsInsteadOfDeleting: thin, keepWhole: keepWhole)
    }

    func run() throws {
        let registry = try options.openRegistry()
        let dropped = drop.isEmpty ? Registry.thinnedPaths : drop
        let models = all ? try registry.models().map(\.name) : names
        var decisions = try models.flatMap { try registry.pruningPlan(for: $0, policy, dropping: dropped) }
        let freed = try registry.byteCountFreed(by: decisions.filter { $0.action != .keep })
        let garbage = try registry.collectGarbage(dryRun: true).freedByteCount
        if !dryRun { decisions = try models.flatMap { try registry.prune($0, policy, dropping: dropped) } }
        if options.json {
            try JSON.print(
                PruneJSON(
                    freedByteCount: freed, garbageByteCount: garbage, isDone: !dryRun, decisions))
            return
        }
        show(decisions)
        func count(_ action: RetentionPolicy.Action) -> String {
            let count = decisions.count { $0.action == action }
            return count == 1 ? "1 version" : "\(count) versions"
        }
        let (deletes, thins) = dryRun ? ("would delete", "thin") : ("deleted", "thinned")
        Output.line("\(deletes) \(count(.delete)), \(thins) \(count(.thin)); gc frees \(freed) bytes")
        GarbageText.show(garbage)
    }

    private func show(_ decisions: [PruneDecision]) {
        guard !decisions.isEmpty else { return }
        var table = Table([("VERSION", .left), ("ACTION", .left), ("WHY", .left), ("METRICS", .left)])
        for decision in decisions {
            var why = decision.reasons.map(\.description)
            if why.isEmpty, decision.action == .keep {
                why = [decision.version.droppedTensorCount > 0 ? "thinned before" : "nothing to drop"]
            }
            table.add([
                decision.version.reference, decision.action.rawValue, why.joined(separator: ", "),
                NumberText.metrics(decision.version.metrics),
            ])
        }
        for line in table.lines { Output.line(line) }
    }
}

/// `3:accuracy:max`.
struct BestArgument: ExpressibleByArgument {
    let best: RetentionPolicy.Best

    init?(argument: String) {
        guard let first = argument.firstIndex(of: ":"), let last = argument.lastIndex(of: ":"), first < last,
            let count = Int(argument[..<first]), count > 0,
            let mode = MetricGoal.Mode(rawValue: String(argument[argument.index(after: last)...]))
        else { return nil }
        let name = String(argument[argument.index(after: first)..<last])
        guard !name.isEmpty else { return nil }
        best = RetentionPolicy.Best(count, by: MetricGoal(name, mode: mode))
    }
}

/// `90s`, `30min`, `36h`, `7d`, `4w`.
struct AgeArgument: ExpressibleByArgument {
    let seconds: Double

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        let units = ["s": 1.0, "min": 60, "h": 3600, "d": 86400, "w": 604_800]
        guard let value = Double(digits), let unit = units[String(argument.dropFirst(digits.count))] else {
            return nil
        }
        seconds = value * unit
    }
}
