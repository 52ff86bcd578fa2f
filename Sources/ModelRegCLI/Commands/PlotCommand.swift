import ArgumentParser
import Foundations
import Glibc
import ModelReg
import Plots
import RegistryJSON

struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draw metrics of runs and versions, in the terminal or to a file.",
        discussion: """
            The first word is a metric; others are runs (mlp/lr-3, patterns with *), models (their runs, and their versions \
            that belong to no run) or more metrics. With no run and no model, all runs that have the metric. Values that are not \
            numbers are gaps, and on a logarithmic scale those of zero and less.

            EXAMPLES
              modelreg plot loss mlp
              modelreg plot loss val/loss 'mlp/lr-*' --log --smooth 0.9
              modelreg plot accuracy mlp -o accuracy.svg
              modelreg plot loss --x time -o loss.png
            """)

    /// What the horizontal axis counts.
    enum HorizontalAxis: String, ExpressibleByArgument, CaseIterable {
        case step
        case time
    }

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: ArgumentHelp("A metric, then runs, models or more metrics.", valueName: "metric|run|model"),
        completion: .custom { _, _, _ in ReferenceCompletion.runs() + ReferenceCompletion.models() })
    var words: [String]

    @Option(
        name: .shortAndLong, help: "Write a picture: .svg or .png.",
        completion: .file(extensions: ["svg", "png"]))
    var output: String?

    @Flag(name: .long, help: "Make the vertical axis logarithmic.")
    var log = false

    @Option(name: .long, help: "Smooth exponentially: 0 is off, values towards 1 smooth more.")
    var smooth: Double = 0

    @Option(name: .long, help: "What to count: steps, or seconds that the run had been going on.")
    var x: HorizontalAxis = .step

    @Option(name: .long, help: "What to write above.")
    var title: String?

    @Option(name: .long, help: "Characters across, or pixels of a picture.")
    var width: Int?

    @Option(name: .long, help: "Lines down, or pixels of a picture.")
    var height: Int?

    @Flag(name: .long, help: "Replace a file that is there.")
    var force = false

    func validate() throws {
        guard (0..<1).contains(smooth) else {
            throw ValidationError("--smooth takes 0 up to but not 1, not \(smooth)")
        }
        for size in [width, height].compactMap({ $0 }) where !(4...10_000).contains(size) {
            throw ValidationError("--width and --height take 4 to 10000")
        }
        if let output, !output.hasSuffix(".svg"), !output.hasSuffix(".png") {
            throw ValidationError("-o takes a name that ends in .svg or .png, not \"\(output)\"")
        }
    }

    func run() throws {
        let registry = try options.openRegistry()
        let lines = try PlotSource(registry, words, usesTime: x == .time).series()
        let shown = lines.map { $0.smoothed(smooth) }
        let plot = Plot(
            series: shown, title: title ?? "", xLabel: x == .step ? "step" : "seconds", isLogarithmic: log)
        if options.json, output == nil { return try JSON.print(shown.map(SeriesJSON.init)) }
        guard let output else {
            let size = TerminalScreen.size()
            let text = plot.terminalLines(
                width: width ?? min(size.columns, 160),
                height: height ?? min(20, max(6, size.rows - 4 - shown.count)),
                hasColour: Output.hasColour)
            return Output.lines(text)
        }
        let bytes =
            output.hasSuffix(".svg")
            ? Array(plot.svg(width: max(200, width ?? 800), height: max(120, height ?? 480)).utf8)
            : plot.png(width: max(200, width ?? 800), height: max(120, height ?? 480))
        try write(bytes, to: output)
        if options.json { return try JSON.print(shown.map(SeriesJSON.init)) }
        options.message("\(shown.count) line\(shown.count == 1 ? "" : "s") -> \(printable(output))")
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        guard force || access(path, F_OK) != 0 else {
            throw ExplainedError(
                error: FileError(path: path, operation: .write, code: EEXIST),
                explanation: "; --force overwrites it")
        }
        try OutputFile.write(bytes, to: path, mayReplace: force)
    }

    private struct SeriesJSON: Encodable {
        struct Point: Encodable {
            let x: Double
            let y: Double?
        }

        let name: String
        let points: [Point]

        init(_ series: Series) {
            name = series.name
            points = series.points.map { Point(x: $0.x, y: $0.y.isFinite ? $0.y : nil) }
        }
    }
}
