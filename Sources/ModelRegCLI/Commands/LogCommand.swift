import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "List the versions of a model, or the history of its parameters.",
        discussion: """
            With the path of a parameter: its norm, change and health in each version, as a plot and a table. With \
            a pattern that several match: a line for each. The figures are those that were noted when the versions \
            were saved, so no tensor is read, except by --exact.

            A condition asks for metrics, facts (--set), settings of the version's run, and \
            \(VersionRecord.builtInNames.joined(separator: ", ")); other names than \
            words (`top-5`) stand in backquotes; val/accuracy is one name, and a quotient has spaces: loss / step. \
            alias("best") says whether a version has an alias. What a version lacks fulfils no condition. What is not a \
            number is sorted last.

            EXAMPLES
              modelreg log mlp
              modelreg log mlp -n 5 --json
              modelreg log oci://registry.example.com/team/mlp      at the remote, which is not asked for weights
              modelreg log mlp encoder.weight --exact
              modelreg log mlp '*.bias'
              modelreg log mlp --where 'accuracy > 0.97 and lr <= 1e-3' --sort -accuracy
              modelreg log --sort=-val/accuracy --csv > versions.csv
            """)

    @OptionGroup var options: GlobalOptions

    @OptionGroup var query: QueryOptions

    @Argument(
        help: "The model; all models if none is named.",
        completion: .custom { _, _, _ in ReferenceCompletion.models() })
    var name: String?

    @Argument(
        help: ArgumentHelp("Parameters to show the history of: names, or patterns with *.", valueName: "path"))
    var paths: [String] = []

    @Option(
        name: .customShort("n"),
        help: ArgumentHelp("At most this many versions, the latest.", valueName: "count"))
    var limit: Int?

    @Flag(name: .long, help: "List deleted versions, which `restore` brings back, instead.")
    var deleted = false

    @Flag(
        name: .long,
        help: "Read the tensors, and measure how far each moved: the L2 norm of the difference.")
    var exact = false

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("-n takes a count, not \(limit)") }
        if deleted, name == nil { throw ValidationError("--deleted takes a model") }
        if exact, paths.isEmpty { throw ValidationError("--exact needs the path of a parameter") }
        if !paths.isEmpty, deleted || query.isGiven {
            throw ValidationError("--where, --sort, --csv and --deleted are for versions, not for parameters")
        }
    }

    func run() throws {
        try query.requireFunctions(VersionRecord.functionNames)
        let condition = try query.filter()
        let keys = try query.keys()
        if let address = name, RemoteView.isAddress(address) {
            guard paths.isEmpty, !deleted else {
                throw UsageError(
                    description: "paths and --deleted are for versions that are here: pull them first")
            }
            return try list(isOfOneModel: true, what: "no versions", condition, keys) { condition, keys in
                try RemoteRegistry.versionRecords(
                    at: address, where: condition, sortedBy: keys, limit: limit)
            }
        }
        let registry = try options.openRegistry()
        if let name, !paths.isEmpty { return try listHistories(of: name, in: registry) }
        if deleted, let name { return try listDeleted(registry.deletedVersions(of: name)) }
        try list(
            isOfOneModel: name != nil, what: name.map { "no versions of \"\($0)\"" } ?? "no versions",
            condition, keys
        ) { condition, keys in
            try registry.versionRecords(of: name, where: condition, sortedBy: keys, limit: limit)
        }
    }

    /// Prints versions.
    ///
    /// - Parameters:
    ///   - what: What is said where there are none.
    ///   - records: The versions that a condition holds for, at most `limit`.
    private func list(
        isOfOneModel: Bool, what: String, _ condition: QueryExpression?, _ keys: [SortKey],
        _ records: (QueryExpression?, [SortKey]) throws -> [VersionRecord]
    ) throws {
        let found = try records(condition, keys)
        if condition != nil || !keys.isEmpty {
            let all = found.isEmpty ? try records(nil, []) : found
            try query.warnOfUnknownNames(among: all, options, known: VersionRecord.builtInNames) {
                all.flatMap { Array($0.version.metrics.keys) + Array($0.attributes.keys) }
            }
        }
        if options.json {
            try JSON.print(found.map { VersionJSON($0.version, attributes: $0.attributes) })
        } else if query.csv {
            VersionText.csv(found).print()
        } else if found.isEmpty {
            options.message(condition == nil ? what : "\(what) that fulfil the condition")
        } else {
            for line in try VersionText.table(found, showsModel: !isOfOneModel, names: query.names()).lines {
                Output.line(line)
            }
        }
    }

    private func listHistories(of name: String, in registry: Registry) throws {
        let histories = try registry.history(of: name, only: paths, limit: limit, measuresDistances: exact)
        if options.json {
            try JSON.print(HistoryJSON(name, histories))
        } else {
            Output.lines(HistoryText.lines(histories, isExact: exact))
        }
    }

    private func listDeleted(_ versions: [DeletedVersion]) throws {
        if options.json {
            return try JSON.print(
                versions.map {
                    DeletedJSON(version: VersionJSON($0.version), deletedAt: Moment.exact($0.deletedAt))
                })
        }
        guard !versions.isEmpty else { return options.message("nothing to restore") }
        var table = Table([
            ("VERSION", .left), ("SAVED", .left), ("DELETED", .left), ("SIZE", .right), ("MESSAGE", .left),
        ])
        for deleted in versions {
            let version = deleted.version
            table.add([
                "v\(version.number)", Moment.text(version.createdAt), Moment.text(deleted.deletedAt),
                ByteCount.text(version.byteCount), VersionText.firstLine(version.message),
            ])
        }
        Output.lines(table.lines)
    }

    private struct DeletedJSON: Encodable {
        let version: VersionJSON
        let deletedAt: String
    }
}
