import ArgumentParser
import Formats
import Glibc
import ModelReg
import ModelRegistry
import Tensors

struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Write a version, or part of it, to a file.",
        discussion: """
            In the format it came from, a whole version is the file that was saved, byte for byte. Without -o the \
            file gets the name that it had, in the current folder. A file that is there is never overwritten \
            without --force.

            EXAMPLES
              modelreg load mlp
              modelreg load mlp:best -o best.safetensors
              modelreg load run:v3 --only 'model/*' --flatten -o weights.safetensors
              modelreg load lm --only token.weight --rows 100:200 -o rows.npy
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which version.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to write.", valueName: "file"), completion: .file())
    var output: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Paths to write: names, or patterns with *. May be repeated.", valueName: "glob"))
    var only: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Rows of the one tensor that --only names, counted from 0, the end not included.",
            valueName: "from:to"))
    var rows: RowRange?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The format; otherwise by the ending of -o.", valueName: "format"),
        completion: .list(FileFormat.allCases.map(\.rawValue)))
    var format: String?

    @Flag(name: .long, help: "Join nested names with \".\", untie tied tensors, and leave out plain values.")
    var flatten = false

    @Flag(name: .long, help: "Check SHA-256 and not only checksums.")
    var verify = false

    @Flag(name: .long, help: "Overwrite a file that is there.")
    var force = false

    func validate() throws {
        if rows != nil, only.count != 1 {
            throw ValidationError("--rows needs --only with the name of one tensor")
        }
    }

    func run() throws {
        var format: FileFormat?
        if let name = self.format {
            guard let known = FileFormat(name: name) else {
                let formats = FileFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError(description: "--as \(name): no such format; there are \(formats)")
            }
            format = known
        }
        let registry = try options.openRegistry()
        let bar = ProgressBar("loading", options)
        let result = try explainingFailures {
            try registry.exportFile(
                reference, to: output,
                options: ExportOptions(
                    format: format, patterns: only, rows: rows?.range, flattens: flatten, mayReplace: force,
                    verifiesHashes: verify),
                progress: bar.handler)
        }
        bar.clear()
        if !result.omitted.isEmpty {
            let shown = result.omitted.prefix(3).joined(separator: ", ")
            let more = result.omitted.count > 3 ? " and \(result.omitted.count - 3) more" : ""
            options.message("note: plain values left out: \(shown)\(more)")
        }
        if options.json {
            try JSON.print(
                Report(
                    version: VersionJSON(result.version), path: result.path, format: result.format.rawValue,
                    isSourceFile: result.isSourceFile, omitted: result.omitted))
        } else {
            let how =
                result.isSourceFile ? "the file that was saved, byte for byte" : "as \(result.format.rawValue)"
            Output.line("\(result.version.reference) -> \(result.path)  (\(how))")
        }
    }

    /// Adds to an error which option helps.
    private func explainingFailures<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as FileError where error.operation == .write && error.code == EEXIST {
            throw ExplainedError(error: error, explanation: "; --force overwrites it")
        } catch let error as NamedTensorsError where !flatten {
            throw ExplainedError(error: error, explanation: ", or use --only and --flatten")
        }
    }

    private struct Report: Encodable {
        let version: VersionJSON
        let path: String
        let format: String
        let isSourceFile: Bool
        let omitted: [String]
    }
}

/// A range of rows as it is typed: `100:200`.
struct RowRange: ExpressibleByArgument {
    let range: Range<Int>

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let lower = parts[0], let upper = parts[1], 0 <= lower, lower <= upper else {
            return nil
        }
        range = lower..<upper
    }
}
