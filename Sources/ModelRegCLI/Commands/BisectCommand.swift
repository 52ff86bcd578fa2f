import ArgumentParser
import Foundation
import Foundations
import ModelReg
import RegistryJSON

struct BisectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bisect",
        abstract: "Find the first version for which something holds.",
        discussion: """
            Either an expression that holds from some version on, such as 'nan("*") > 0'; or a command that fails from \
            some version on, as with git bisect: exit status 0 is good, 125 means that the version cannot be judged, \
            anything else up to 127 is bad. The command finds the weights in a temporary file, whose path stands for \
            {} and in MODELREG_FILE; the version is in MODELREG_VERSION. What it prints goes to standard error.

            It is supposed that all versions before the first bad one are good, and all after it are bad; --linear \
            supposes nothing and tests all from the oldest. Both ends are tested first: without --good and --bad they \
            are the oldest and the latest version. Deleted versions are passed over.

            A name in an expression means what it means in log --where: a metric, an attribute, a setting of the run, \
            one of \(VersionRecord.builtInNames.joined(separator: ", ")), or the path of a plain value in the checkpoint, \
            the first of these that there is; names that are no words stand in backquotes. Of the tensors that patterns \
            select, ask l2_norm("encoder.*"), nan, infinity, zero, minimum, maximum, absolute_maximum, count, changed; \
            metric("x"), attribute("x") and value("x") find what something else of that name hides. \
            It is answered from what was noted when versions were saved. Where it cannot be told, as the metric is \
            not there, the version is passed over.

            EXAMPLES
              modelreg bisect mlp --expr 'nan("*") > 0'
              modelreg bisect mlp --good v3 --bad best --expr 'accuracy < 0.9'
              modelreg bisect mlp --good v3 -- python evaluate.py {}

            EXIT STATUS
              0 found; 1 tests that were passed over leave several; otherwise as always
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
    var name: String

    @Option(
        name: .long,
        help: ArgumentHelp("A version that is good, mlp:v3 or v3; the oldest.", valueName: "reference"))
    var good: String?

    @Option(
        name: .long,
        help: ArgumentHelp("A later version that is bad; the latest.", valueName: "reference"))
    var bad: String?

    @Option(
        name: .long, help: ArgumentHelp("What holds from the first bad version on.", valueName: "expression"))
    var expr: String?

    @Flag(name: .long, help: "Test all versions from the oldest, instead of halving.")
    var linear = false

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "The format of the temporary file; otherwise that of the version.", valueName: "format"),
        completion: .list(FileFormat.allCases.map(\.rawValue)))
    var format: String?

    @Argument(parsing: .postTerminator, help: ArgumentHelp("After --: what to run.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if (expr == nil) == command.isEmpty {
            throw ValidationError("give either --expr or a command after --")
        }
    }

    func run() throws {
        var fileFormat: FileFormat?
        if let format {
            fileFormat = FileFormat(name: format)
            guard fileFormat != nil else {
                let formats = FileFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError(description: "--as \(format): no such format; there are \(formats)")
            }
        }
        let registry = try options.openRegistry()
        let expression = try expr.map { try QueryExpression(parsing: $0, slashesJoinNames: true) }
        try expression?.requireNames(in: expression?.names ?? [], functions: VersionRecord.functionNames)
        let result = try registry.bisect(
            name, good: good.map(reference), bad: bad.map(reference), strategy: linear ? .linear : .binary
        ) { version, remaining in
            let verdict =
                if let expression {
                    try judge(version, expression, registry)
                } else {
                    try CommandTest(command: command, format: fileFormat).judge(version, in: registry)
                }
            let left = remaining == 0 ? "" : "  (about \(remaining) more)"
            options.message("\(version.reference)  \(verdict.rawValue)\(left)")
            return verdict
        }
        try report(result, registry)
    }

    /// `v3`, `best` and `latest` are of the model that is looked at.
    private func reference(_ text: String) -> String {
        let rest = text.hasPrefix(name) ? text.dropFirst(name.count) : nil
        let isWhole =
            text.hasPrefix("models:/") || rest.map { $0.isEmpty || ":~@".contains($0.first ?? " ") } ?? false
        return isWhole || text.contains(":") ? text : "\(name):\(text)"
    }

    private func judge(_ version: Version, _ expression: QueryExpression, _ registry: Registry) throws
        -> BisectVerdict
    {
        let scope = try registry.versionRecord(of: version)
        // What is not known is neither.
        guard try expression.value(in: scope) != nil else { return .skip }
        return try expression.holds(in: scope) ? .bad : .good
    }

    private func report(_ result: BisectResult, _ registry: Registry) throws {
        let first = result.firstBad
        var diff: ModelDiff?
        if let first {
            diff = try registry.diff(
                result.lastGood.reference, first.reference, options: DiffOptions(comparesValues: false))
        }
        if options.json {
            try JSON.print(BisectJSON(result))
        } else if let first {
            let what = expr.map { "version for which \($0)" } ?? "bad version"
            Output.line(Style.bold("\(first.reference) is the first \(what)"))
            Output.line("saved     \(Moment.text(first.createdAt))")
            if !first.message.isEmpty { Output.line("message   \(first.message)") }
            for (name, value) in first.metrics.sorted(by: { $0.key < $1.key }) {
                let before = result.lastGood.metrics[name].map { " (was \($0))" } ?? ""
                Output.line("metric    \(name) = \(value)\(before)")
            }
            if let diff {
                Output.line("changes   \(DiffText.summary(diff)), from \(result.lastGood.reference)")
            }
        } else {
            let names = result.suspects.map(\.reference).joined(separator: ", ")
            Output.line("the first bad version is one of \(names): the others could not be tested")
        }
        if first == nil { throw ExitCode(ExitStatus.found.rawValue) }
    }
}

/// A version judged by a command.
private struct CommandTest {
    let command: [String]
    let format: FileFormat?

    func judge(_ version: Version, in registry: Registry) throws -> BisectVerdict {
        let temporary = try Environment.value("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        let folder = "\(temporary)/modelreg-bisect-\(UUID().uuidString)"
        guard mkdir(folder, 0o700) == 0 else { throw FileError(path: folder, operation: .write, code: errno) }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try export(version, to: folder, from: registry)
        let words = command.map { $0.replacing("{}", with: file) }
        let end = try ChildProcess.run(
            words,
            environment: [
                "MODELREG_FILE": file, "MODELREG_VERSION": version.reference,
                "MODELREG_REGISTRY": URL(filePath: registry.path).standardizedFileURL.path,
            ])
        switch end {
        case .exit(0): return .good
        case .exit(125): return .skip
        case .exit(let status) where status < 126: return .bad
        case .exit(let status):
            throw UsageError(
                description: "\"\(words[0])\" cannot be run, or cannot run something: it ended with \(status)")
        case .signal(let number):
            throw UsageError(description: "\"\(words[0])\" was ended by signal \(number); nothing was found")
        }
    }

    private func export(_ version: Version, to folder: String, from registry: Registry) throws -> String {
        let source = try registry.details(of: version).sourceFile
        let sourceFormat = source.flatMap { FileFormat(rawValue: $0.format) }
        if self.format == nil, source != nil, sourceFormat == nil {
            // What is kept as it is can be given back only.
            let result = try registry.exportFile(version.reference, to: folder + "/")
            return "\(folder)/\(result.files[0])"
        }
        let format = self.format ?? sourceFormat ?? .safetensors
        let name = version.model.split(separator: "/").last.map(String.init) ?? version.model
        let file = "\(folder)/\(name)-v\(version.number).\(format.fileExtension)"
        return try registry.exportFile(
            version.reference, to: file, options: ExportOptions(format: format)
        ).path
    }
}

/// A bisection as JSON shows it.
private struct BisectJSON: Encodable {
    struct Test: Encodable {
        let reference: String
        let verdict: String
    }

    let schemaVersion = 1
    let firstBad: VersionJSON?
    let lastGood: VersionJSON
    let suspects: [String]
    let tests: [Test]

    init(_ result: BisectResult) {
        firstBad = result.firstBad.map { VersionJSON($0) }
        lastGood = VersionJSON(result.lastGood)
        suspects = result.suspects.map(\.reference)
        tests = result.tests.map { Test(reference: $0.version.reference, verdict: $0.verdict.rawValue) }
    }
}
