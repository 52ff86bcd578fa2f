import Plots
import Testing

struct PlotTests {
    private func line(_ name: String, _ values: [Double]) -> Series {
        Series(name: name, points: values.enumerated().map { Series.Point(x: Double($0), y: $1) })
    }

    @Test func aLineRisesFromLeftToRight() {
        let plot = Plot(series: [line("loss", [0, 1, 2, 3, 4])])
        let lines = plot.terminalLines(width: 30, height: 4)
        #expect(lines.count == 7 && lines.allSatisfy { $0.count <= 32 })
        #expect(lines[0].hasSuffix("⠤") || lines[0].hasSuffix("⠉") || lines[0].hasSuffix("⠈"))
    }

    @Test func valuesThatAreNoNumbersAreGaps() {
        let plot = Plot(series: [line("a", [1, 2, .nan, 3, .infinity, 4, 5])])
        let svg = plot.svg()
        #expect(svg.matches(of: /<polyline/).count == 2)
        #expect(svg.matches(of: /<circle/).count == 1)
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test func zeroAndLessAreGapsOfALogarithm() {
        let plot = Plot(series: [line("a", [100, 10, 0, -1, 1, 0.1])], isLogarithmic: true)
        #expect(plot.svg().matches(of: /<polyline/).count == 2)
        for label in [">100<", ">10<", ">1<", ">0.1<"] { #expect(plot.svg().contains(label)) }
    }

    @Test func nothingToPlotIsSaid() {
        #expect(Plot(series: [line("a", [.nan])]).terminalLines() == ["nothing to plot"])
        #expect(Plot(series: []).svg().hasSuffix("</svg>\n"))
        #expect(Plot(series: []).png().count > 100)
    }

    @Test(arguments: [
        [0.0], [5, 5, 5], [-1e300, 1e300], [1e-300, 2e-300],
        [-Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude],
        [0, 1e-15], [1e15, 1e15 + 1], [-3, -2], [.leastNonzeroMagnitude, 1],
    ])
    func anyRangeCanBeDrawn(_ values: [Double]) {
        for isLogarithmic in [false, true] {
            let plot = Plot(series: [line("a", values)], isLogarithmic: isLogarithmic)
            #expect(!plot.terminalLines(width: 40, height: 6).isEmpty)
            #expect(plot.svg().contains("</svg>"))
            #expect(plot.png(width: 200, height: 120).count > 100)
        }
    }

    @Test func smoothingBeginsAtTheFirstValueAndKeepsGaps() {
        let smooth = line("a", [1, 3, .nan, 1]).smoothed(0.5)
        #expect(smooth.points[0].y == 1)
        // (0.25 · 1 + 0.5 · 3) / 0.75
        #expect(abs(smooth.points[1].y - 7.0 / 3) < 1e-12)
        #expect(smooth.points[2].y.isNaN && smooth.points[3].y.isFinite)
        #expect(line("a", [1, 3]).smoothed(0).points.map(\.y) == [1, 3])
    }

    @Test func colourIsForTerminalsOnly() {
        let plot = Plot(series: [line("a", [1, 2]), line("b", [2, 1])])
        #expect(!plot.terminalLines().joined().contains("\u{1B}"))
        let coloured = plot.terminalLines(hasColour: true).joined()
        #expect(coloured.contains("\u{1B}[36m") && coloured.contains("\u{1B}[33m"))
    }

    @Test func lettersTellLinesApartWhereThereIsNoColour() {
        let lines = Plot(series: [line("one", [1, 2]), line("two", [2, 1])]).terminalLines(width: 40, height: 8)
        #expect(lines.suffix(2).map { $0.drop { $0 == " " } } == ["a━ one", "b━ two"])
        let letters = lines.prefix(8).joined().filter { "ab".contains($0) }
        #expect(letters.contains("a") && letters.contains("b"))
    }

    @Test func aLongLegendMakesThePictureLonger() {
        let plot = Plot(series: (0..<40).map { line("line \($0)", [1, 2, 3]) })
        let svg = plot.svg(width: 400, height: 300)
        #expect(svg.contains("width=\"400\" height=\"900\"") && svg.contains(">line 39<"))
        #expect(Array(plot.png(width: 400, height: 300)[20..<24]) == [0, 0, 0x07, 0x08])
    }

    @Test func textIsEscapedInSVG() {
        let plot = Plot(series: [line("<b> & \"c\"\u{1B}", [1, 2])], title: "a < b")
        #expect(plot.svg().contains("&lt;b&gt; &amp; &quot;c&quot;\u{25A1}") && plot.svg().contains("a &lt; b"))
    }

    @Test func aPNGHasItsChunksAndChecksums() {
        let file = Plot(series: [line("a", [1, 2, 3])], title: "t").png(width: 200, height: 120)
        #expect(Array(file.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        #expect(Array(file[16..<24]) == [0, 0, 1, 0x90, 0, 0, 0, 0xF0])
        // The end of every PNG: an empty chunk whose checksum is known.
        #expect(Array(file.suffix(12)) == [0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82])
    }
}
