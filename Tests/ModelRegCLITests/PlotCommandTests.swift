import Foundation
import Foundations
import Testing

/// `plot`, in the terminal and to files.
@Suite struct PlotCommandTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// Two runs of `m`, one of which has a gap.
    private func logRuns() throws {
        let outcome = try workspace.shell(
            """
            for r in a b; do modelreg run start m --name $r; done
            for s in $(seq 0 40); do echo "{\\"step\\": $s, \\"loss\\": $((41 - s)), \\"acc\\": 0.$((s + 10))}"; done \
              | modelreg run log m/a --stdin
            for s in $(seq 0 40); do echo "{\\"step\\": $s, \\"loss\\": $([ $s = 20 ] && echo NaN || echo $((1 + s / 4)))}"; done \
              | modelreg run log m/b --stdin
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test func linesAreDrawnWithBraille() throws {
        try logRuns()
        let outcome = try workspace.succeed("plot loss m --width 60 --height 8")
        let lines = outcome.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.count == 13 && lines.allSatisfy { $0.count <= 60 })
        #expect(lines[0...7].allSatisfy { $0.contains("│") || $0.contains("┤") })
        #expect(lines[8].contains("└┬") && lines[9].hasSuffix("40"))
        // Nothing but text where it is no terminal: letters tell the lines apart.
        #expect(!outcome.contains("\u{1B}"))
        #expect(lines[10].hasSuffix("a━ loss  m/a") && lines[11].hasSuffix("b━ loss  m/b"))
        let plot = lines[0...7].joined()
        #expect(plot.contains("a") && plot.contains("b") && plot.contains { "\u{2801}"..."\u{28FF}" ~= $0 })
        // One line needs no letter.
        #expect(try workspace.succeed("plot acc").contains("━━ acc  m/a\n"))
    }

    @Test func colourIsForTerminalsThatWantIt() throws {
        try logRuns()
        func onTerminal(_ variables: String) throws -> String {
            try workspace.shell(
                "env -u NO_COLOR TERM=xterm script -qec '\(variables) modelreg plot loss' /dev/null < /dev/null"
            )
            .output
        }
        guard try workspace.shell("command -v script").status == 0 else { return }
        #expect(try onTerminal("").contains("\u{1B}[3"))
        #expect(try !onTerminal("NO_COLOR=1").contains("\u{1B}"))
        #expect(try !onTerminal("TERM=dumb").contains("\u{1B}"))
    }

    @Test func picturesAreWritten() throws {
        try logRuns()
        let written = try workspace.modelreg("plot loss acc 'm/*' -o p.svg --title 'a < b'")
        #expect(written.status == 0 && written.output.isEmpty && written.errors == "3 lines -> p.svg\n")
        let svg = String(decoding: try workspace.bytes("p.svg"), as: UTF8.self)
        #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"480\""))
        // The run with a gap has two stretches.
        #expect(
            svg.matches(of: /<polyline/).count == 4 && svg.contains("a &lt; b") && svg.contains(">loss  m/b<"))
        try workspace.fail(
            "plot loss -o p.svg", 73, #"cannot write "p.svg": File exists; --force overwrites it"#)
        #expect(try workspace.bytes("p.svg") == Data(svg.utf8))
        try workspace.succeed("plot loss -o p.svg --force --width 400 --height 300")
        #expect(
            String(decoding: try workspace.bytes("p.svg"), as: UTF8.self).contains(
                "width=\"400\" height=\"300\""))
        try workspace.succeed("plot loss -o p.png")
        let png = try workspace.bytes("p.png")
        #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]) && png[18] == 6 && png[19] == 0x40)
        // The data as well, where they are asked for.
        #expect(try workspace.objects("plot loss m/a -o q.svg").map { $0["name"] as? String } == ["loss  m/a"])
        #expect(try workspace.names == ["modelreg.db", "p.png", "p.svg", "q.svg"])
        #expect(try workspace.modelreg("plot loss -o p.gif").status == 64)
        try workspace.fail("plot loss -o no/p.svg", 73, #"cannot write "no/p.svg": No such file or directory"#)
    }

    @Test func versionsWithoutARunAreALineOfTheirModel() throws {
        for (step, loss) in [("000", 3), ("010", 2), ("020", 1)] {
            try workspace.succeed("save Examples/data/mlp-step-\(step).pt net --metric loss=\(loss) --no-pack")
        }
        let series = try workspace.objects("plot loss net")
        #expect(series.count == 1 && series[0]["name"] as? String == "loss  net")
        let points = try #require(series[0]["points"] as? [[String: Any]])
        #expect(points.map { $0["x"] as? Int } == [1, 2, 3] && points.map { $0["y"] as? Int } == [3, 2, 1])
    }

    @Test func smoothingAndLogarithms() throws {
        try logRuns()
        let rough = try #require(try workspace.objects("plot loss m/a")[0]["points"] as? [[String: Any]])
        let smooth = try #require(
            try workspace.objects("plot loss m/a --smooth 0.9")[0]["points"] as? [[String: Any]])
        #expect(rough[0]["y"] as? Double == 41 && smooth[0]["y"] as? Double == 41)
        #expect(rough[40]["y"] as? Double == 1 && (smooth[40]["y"] as? Double ?? 0) > 5)
        #expect(try workspace.succeed("plot loss m/a --log --height 20").contains("10 ┤"))
        let time = try #require(
            try workspace.objects("plot loss m/a --x time")[0]["points"] as? [[String: Any]])
        #expect(time.count == 41 && time.allSatisfy { ($0["x"] as? Double ?? -1) >= 0 })
    }

    @Test func whatThereIsNotIsSaid() throws {
        try logRuns()
        try workspace.fail(
            "plot los", 66,
            #"nothing here is called "los": no metric of these runs, no run and no model (did you mean "loss"?)"#
        )
        try workspace.fail(
            "plot loss m/c", 66, #"nothing here is called "m/c": no metric of these runs, no run and no model"#)
        try workspace.fail("plot loss 'x/*'", 66, #"no run "x/*""#)
        for arguments in ["", "loss --smooth 1", "loss --width 2", "loss --x epochs"] {
            #expect(try workspace.modelreg("plot \(arguments)").status == 64, "\(arguments)")
        }
        try workspace.succeed("run start m --name diverged")
        try workspace.succeed("run log m/diverged --step 1 bad=nan")
        #expect(try workspace.succeed("plot bad") == "nothing to plot\n")
    }
}
