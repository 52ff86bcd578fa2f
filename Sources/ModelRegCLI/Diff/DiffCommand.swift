import ArgumentParser
import ModelReg
import RegistryJSON

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what changed between two versions or files, and by how much.",
        discussion: """
            Each side is a version or a file. Tensors with equal content ids are never read, so the time depends on \
            what changed and not on the size of the model; --stat and --name-status read nothing at all. What is in \
            the registry comes before a file of the same name; write ./name for the file.

            The bars show how far each tensor and module moved: the L2 norm of the difference in terms of the old \
            norm.

            EXAMPLES
              modelreg diff mlp:v1 mlp:v2
              modelreg diff mlp:best model.pt --exit-code
              modelreg diff mlp:v1 mlp:v2 -o change.mrpatch
              modelreg diff mlp~1 mlp --only 'encoder.*' --top 10
              modelreg diff mlp~1 mlp --html changes.html
              modelreg diff mlp~1 mlp --fail-if 'rel_l2 > 0.1' --fail-if 'nan > 0' --fail-if 'changed("encoder.*")'
              modelreg diff theirs.pt mlp --strip-prefix-a module. --rename 'block(\\d+)=layers.\\1'

            CONDITIONS
              \(DiffQuantity.allCases.map(\.rawValue).joined(separator: ", ")) of each tensor that \
            changed; changed("glob"), added("glob"), removed("glob") of the whole; and, or, not, comparisons, \
            arithmetic.
            """)

    @OptionGroup var options: GlobalOptions

    @OptionGroup var patch: PatchOptions

    @Argument(
        help: "The old version or file.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var old: String

    @Argument(
        help: "The new version or file.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var new: String

    @Flag(name: .long, help: "Print one line that counts the changes.")
    var stat = false

    @Flag(name: .long, help: "Print what happened to each path, without reading tensors.")
    var nameStatus = false

    @Flag(name: .long, help: "Print Markdown, as for a pull request.")
    var markdown = false

    @Option(
        name: .long, help: ArgumentHelp("Also write a page with heat map and histograms.", valueName: "file"),
        completion: .file(extensions: ["html"]))
    var html: String?

    @Flag(name: .long, help: "Order by relative change, the greatest first.")
    var sort = false

    @Option(
        name: .long,
        help: ArgumentHelp("List the tensors that changed most, at most so many.", valueName: "count"))
    var top: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Show modules down to this depth; by default as deep as \(DiffTree.plentyOfRows) lines allow.",
            valueName: "count"))
    var depth: Int?

    @Flag(name: .long, help: "Exit with 1 if weights or files beside them differ.")
    var exitCode = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Exit with 1 if this holds, and list the tensors. May be repeated.", valueName: "condition"))
    var failIf: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Paths to compare: names, or patterns with *. May be repeated.", valueName: "glob"))
    var only: [String] = []

    @Option(name: .long, help: ArgumentHelp("Take this off the old paths.", valueName: "prefix"))
    var stripPrefixA = ""

    @Option(name: .long, help: ArgumentHelp("Take this off the new paths.", valueName: "prefix"))
    var stripPrefixB = ""

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Rename what matches in old paths; \\1 is a group. May be repeated.", valueName: "regex=text"))
    var rename: [String] = []

    func validate() throws {
        if let top, top < 0 { throw ValidationError("--top takes a count, not \(top)") }
        if let depth, depth < 1 { throw ValidationError("--depth takes a count from 1, not \(depth)") }
        if [stat, nameStatus, markdown, options.json].count(where: { $0 }) > 1 {
            throw ValidationError("--stat, --name-status, --markdown and --json exclude each other")
        }
    }

    func run() throws {
        if try patch.write(from: old, to: new, options) { return }
        let gates = try failIf.map { try DiffGate(parsing: $0) }
        let alignment = KeyAlignment(
            oldPrefix: stripPrefixA, newPrefix: stripPrefixB,
            renames: try rename.map { try KeyAlignment.Rename(parsing: $0) })
        let isBrief = (stat || nameStatus) && html == nil
        let diffOptions = DiffOptions(
            patterns: only, alignment: alignment, comparesValues: !isBrief || !gates.isEmpty)
        let bar = ProgressBar("comparing", options)
        let sides = try DiffSides(old, new, options)
        let diff = try ModelDiff(from: sides.old, to: sides.new, options: diffOptions, progress: bar.handler)
        bar.clear()
        let outcomes = try gates.map { try $0.evaluate(diff) }
        if let html { try DiffPage(old: old, new: new, diff, outcomes).write(to: html) }
        try print(diff, outcomes)
        if (exitCode && !diff.isSameModel) || outcomes.contains(where: \.holds) {
            throw ExitCode(ExitStatus.found.rawValue)
        }
    }

    private func print(_ diff: ModelDiff, _ outcomes: [DiffGate.Outcome]) throws {
        if options.json { return try JSON.print(DiffJSON(old: old, new: new, diff, outcomes)) }
        let gateLines = GateText.lines(outcomes, diff)
        if markdown {
            let lines = DiffMarkdown(old: old, new: new, diff, outcomes, top: top).lines
            for line in lines { Output.line(line) }
            return
        }
        if stat {
            Output.line(DiffText.summary(diff))
        } else if nameStatus {
            for line in DiffText.names(diff) { Output.line(line) }
        } else {
            let tree = DiffTree(diff, sorted: sort, top: top, depth: depth)
            for line in DiffText.lines(diff, tree) { Output.line(line) }
        }
        for line in gateLines { Output.line(line) }
    }
}
