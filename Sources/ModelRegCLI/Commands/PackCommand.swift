import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Store earlier versions as differences from later ones.",
        discussion: """
            Every save does this for the version before it. The newest version of a model, and versions that a pinned \
            alias names, stay as they were saved and load at full speed. May be interrupted at any time.

            EXAMPLES
              modelreg pack
              modelreg pack mlp --best
              modelreg pack --max-depth 4 --keyframe-every 16
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: "Which models; all if none is named.",
        completion: .custom { _, _, _ in ReferenceCompletion.models() })
    var names: [String] = []

    @Flag(name: .long, help: "Take much longer for somewhat fewer bytes, also over what is packed already.")
    var best = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "From now on, at most this many differences lie between a version and one that is stored whole. [default: 8]",
            valueName: "n"))
    var maxDepth: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("From now on, store every so-many-th version whole. [default: 32]", valueName: "n"))
    var keyframeEvery: Int?

    func validate() throws {
        if let maxDepth, !(0...PackingRules.maximumDepthLimit).contains(maxDepth) {
            throw ValidationError("--max-depth takes 0 to \(PackingRules.maximumDepthLimit), not \(maxDepth)")
        }
        if let keyframeEvery, keyframeEvery < 1 {
            throw ValidationError("--keyframe-every takes 1 or more, not \(keyframeEvery)")
        }
    }

    func run() throws {
        let registry = try options.openRegistry()
        if maxDepth != nil || keyframeEvery != nil {
            var rules = try registry.packingRules()
            rules.maximumDepth = maxDepth ?? rules.maximumDepth
            rules.keyframeInterval = keyframeEvery ?? rules.keyframeInterval
            try registry.setPackingRules(rules)
        }
        let bar = ProgressBar("packing", options)
        let report = try registry.pack(
            names.isEmpty ? nil : names, effort: best ? .best : .fast, progress: bar.handler)
        bar.clear()
        if options.json {
            try JSON.print(Report(report))
            return
        }
        Output.line(
            "packed \(report.deltaCount + report.keyframeCount) chunks: \(ByteCount.text(report.byteCountBefore)) -> "
                + ByteCount.text(report.byteCountAfter))
    }

    private struct Report: Encodable {
        let deltaCount: Int
        let keyframeCount: Int
        let byteCountBefore: Int
        let byteCountAfter: Int

        init(_ report: PackingReport) {
            deltaCount = report.deltaCount
            keyframeCount = report.keyframeCount
            byteCountBefore = report.byteCountBefore
            byteCountAfter = report.byteCountAfter
        }
    }
}
