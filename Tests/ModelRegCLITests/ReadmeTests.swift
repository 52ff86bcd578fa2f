import Foundation
import Foundations
import Testing

/// Runs what the README shows, and compares what it prints.
@Suite struct ReadmeTests {
    private let readme: String

    init() throws {
        readme = try String(contentsOf: Workspace.repository.appending(path: "README.md"), encoding: .utf8)
    }

    @Test func consoleBlocksPrintWhatTheReadmeShows() throws {
        let workspace = try Workspace()
        let blocks = blocks(fencedBy: "console")
        #expect(blocks.count >= 5)
        for step in blocks.flatMap(steps) {
            let outcome = try workspace.shell(step.command)
            #expect(outcome.status == 0, "\(step.command): \(outcome.errors)")
            #expect(normalised(outcome.output) == normalised(step.output), "\(step.command)")
        }
    }

    @Test func demoPrintsWhatTheReadmeShows() throws {
        let workspace = try Workspace()
        let outcome = try workspace.shell("Examples/demo.sh '\(Workspace.binaries.path)'")
        #expect(outcome.status == 0, "\(outcome.errors)")
        // The file round trip, and after an empty line the training run.
        let shown = blocks(fencedBy: "demo")
        #expect(shown.count == 2)
        let all = shown.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
        #expect(normalisedTraining(normalised(outcome.output)) == normalisedTraining(normalised(all)))
        // What is normalised must still be right.
        let accuracy = try #require(
            outcome.output.firstMatch(of: /digits:v\d+: ([\d.]+) % of the test digits right/))
        #expect(try #require(Double(accuracy.1)) >= 97)
    }

    @Test func trainingSnippetIsPartOfTheExample() throws {
        func trimmed(_ lines: some Sequence<some StringProtocol>) -> String {
            lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
        }
        let source = try String(
            contentsOf: Workspace.repository.appending(path: "Examples/Digits/Digits.swift"), encoding: .utf8)
        let blocks = blocks(fencedBy: "swift")
        try #require(blocks.count == 2)
        let parts = blocks[1].split { $0.trimmingCharacters(in: .whitespaces) == "// …" }
        #expect(parts.count >= 2)
        for part in parts {
            #expect(
                trimmed(source.split(separator: "\n", omittingEmptySubsequences: false)).contains(trimmed(part))
            )
        }
    }

    @Test func librarySnippetIsTheExampleAndRuns() throws {
        let source = try String(
            contentsOf: Workspace.repository.appending(path: "Examples/Library/main.swift"), encoding: .utf8)
        let shown = try #require(blocks(fencedBy: "swift").first)
        #expect(source == shown.joined(separator: "\n") + "\n")

        let workspace = try Workspace()
        let outcome = try workspace.shell("LibraryExample")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            outcome.output
                == """
                lm:v1 ["embedding.weight", "head.weight", "head.bias"] ["head.bias"]
                7 changes
                lm:v1 f1533e109a76

                """)
        #expect(try workspace.names == ["mlp.safetensors", "models.db"])
    }

    private func blocks(fencedBy language: String) -> [[String]] {
        var blocks: [[String]] = []
        var block: [String]?
        for line in readme.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line == "```\(language)" {
                block = []
            } else if line == "```", let full = block {
                blocks.append(full)
                block = nil
            } else {
                block?.append(line)
            }
        }
        return blocks
    }

    private func steps(_ block: [String]) -> [(command: String, output: String)] {
        var steps: [(command: String, output: String)] = []
        for line in block {
            if line.hasPrefix("$ ") {
                steps.append((String(line.dropFirst(2)), ""))
            } else if !steps.isEmpty {
                steps[steps.count - 1].output += line + "\n"
            }
        }
        return steps
    }

    /// Without what differs from run to run: times, and sizes that depend on the release of zstd or zlib.
    private func normalised(_ text: String) -> String {
        text.replacing(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d\.\d{3}Z)?/, with: "TIME")
            .replacing(/stored in [\d.]+ k?B/, with: "stored in SIZE")
            .replacing(/frees \d+ bytes/, with: "frees SIZE")
    }

    /// Without what depends on how a processor rounds sums of a training run: its accuracies, which versions are the
    /// best ones, how far tensors moved, and the plot.
    private func normalisedTraining(_ text: String) -> String {
        let parts = text.components(separatedBy: "# A network learns")
        guard parts.count == 2 else { return text }
        var isInPlot = false
        let lines = parts[1].split(separator: "\n", omittingEmptySubsequences: false).filter { line in
            if line.hasPrefix("$ ") { isInPlot = false }
            defer { if line.hasPrefix("$ modelreg plot") { isInPlot = true } }
            return !isInPlot
        }
        let training = lines.joined(separator: "\n").replacing(/digits:v\d+|v\d+/, with: "VERSION")
            .replacing(/\d+(\.\d+)?/, with: "N").replacing(/[▏▎▍▌▋▊▉█]+/, with: "BAR").replacing(
                /[ \t]+/, with: " "
            )
            .replacing(/[0-9a-f]{12}\b/, with: "ID")
        return parts[0] + "# A network learns" + training
    }
}
