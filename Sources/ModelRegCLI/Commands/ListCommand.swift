import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the models.",
        discussion: """
            A condition asks for what the latest version of a model has (see `modelreg log`), and for `versions`, \
            their number.

            EXAMPLES
              modelreg ls
              modelreg ls --where 'accuracy > 0.9 and versions > 3' --sort -accuracy
              modelreg ls --json | jq '.[].name'
            """,
        aliases: ["list"])

    @OptionGroup var options: GlobalOptions

    @OptionGroup var query: QueryOptions

    func run() throws {
        try query.requireFunctions(VersionRecord.functionNames)
        let registry = try options.openRegistry()
        let models = try chosen(registry.models(), in: registry)
        if options.json {
            try JSON.print(models.map(ModelJSON.init))
            return
        }
        if query.csv { return csv(models).print() }
        guard !models.isEmpty || query.condition != nil else {
            return options.message("no models yet; `modelreg save` adds one")
        }
        var table = Table([
            ("MODEL", .left), ("VERSIONS", .right), ("LATEST", .left), ("TENSORS", .right), ("SIZE", .right),
            ("SAVED", .left), ("ALIASES", .left),
        ])
        for model in models {
            let latest = model.latest
            table.add([
                model.name, "\(model.versionCount)", latest.map { "v\($0.number)" } ?? "-",
                latest.map { "\($0.tensorCount)" } ?? "-", latest.map { ByteCount.text($0.byteCount) } ?? "-",
                latest.map { Moment.text($0.createdAt) } ?? "-", model.aliases.joined(separator: ", "),
            ])
        }
        Output.lines(table.lines)
    }

    /// The models that fulfil the condition, in the order that was asked for.
    private func chosen(_ models: [ModelSummary], in registry: Registry) throws -> [ModelSummary] {
        let condition = try query.filter()
        let keys = try query.keys()
        guard condition != nil || !keys.isEmpty else { return models }
        let items = try models.map { model in
            ListedModel(
                summary: model,
                record: model.latest == nil ? nil : try registry.versionRecords(of: model.name, limit: 1).first)
        }
        try query.warnOfUnknownNames(among: items, options, known: VersionRecord.builtInNames + ["versions"]) {
            items.flatMap { $0.record.map { Array($0.version.metrics.keys) + Array($0.attributes.keys) } ?? [] }
        }
        let found = try condition.map { condition in try items.filter { try condition.holds(in: $0) } } ?? items
        return try SortKey.sorted(found, by: keys).map(\.summary)
    }

    private struct ListedModel: ExpressionScope {
        let summary: ModelSummary
        let record: VersionRecord?

        func value(of name: String) throws -> ExpressionValue? {
            switch name {
            case "model": .text(summary.name)
            case "versions": .number(Double(summary.versionCount))
            default: try record?.value(of: name)
            }
        }

        func value(calling function: String, with arguments: [ExpressionValue]) throws -> ExpressionValue? {
            try record?.value(calling: function, with: arguments)
        }
    }

    private func csv(_ models: [ModelSummary]) -> CSVTable {
        var table = CSVTable([
            "model", "versions", "latest", "tensor_count", "byte_count", "created_at", "aliases",
        ])
        for model in models {
            let latest = model.latest
            table.add([
                model.name, "\(model.versionCount)", latest.map { "\($0.number)" } ?? "",
                latest.map { "\($0.tensorCount)" } ?? "", latest.map { "\($0.byteCount)" } ?? "",
                latest.map { Moment.exact($0.createdAt) } ?? "", model.aliases.joined(separator: " "),
            ])
        }
        return table
    }
}
