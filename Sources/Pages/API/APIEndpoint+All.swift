import Foundations
import ModelReg
import RegistryJSON

extension APIEndpoint {
    /// All of them.
    static let all: [APIEndpoint] = [
        models, versions, version, history, diff, runs, run, metrics, lineage, storage, aliases, export,
    ]

    private static let reference = Parameter("ref", "Which version: mlp, mlp:v3, mlp:best~1.", isRequired: true)
    private static let limit = Parameter("limit", "At most so many, up to \(rowLimit).", .count)

    private static func limit(_ address: PageAddress) throws -> Int {
        try address.number("limit", in: 1...rowLimit) ?? rowCount
    }

    private static let models = APIEndpoint(
        "models", "All models, by name, as `modelreg ls`.", [], .list(.model)
    ) {
        site, _ in
        try .json(encoding: site.registry.models().map { ModelJSON($0) })
    }

    private static let versions = APIEndpoint(
        "versions", "Versions of a model, latest first, as `modelreg log`.",
        [
            Parameter("model", "The model's name.", isRequired: true),
            Parameter("where", "A condition, as --where takes it."),
            Parameter("sort", "What to sort by; a minus puts the highest first."),
            Parameter("below", "Only versions whose number is less.", .count), limit,
        ], .list(.version)
    ) { site, address in
        let model = try address.required("model")
        let limit = try limit(address)
        let below = try address.number("below")
        if address["where"] == nil, address["sort"] == nil {
            let versions = try site.registry.versions(of: model, below: below, limit: limit)
            return try .json(encoding: versions.map { VersionJSON($0) })
        }
        let condition = try address["where"].map { try QueryExpression(parsing: $0) }
        try condition?.requireNames(in: condition?.names ?? [], functions: VersionRecord.functionNames)
        let keys = try address["sort"].map { [try SortKey(parsing: $0)] } ?? []
        let records = try site.registry.versionRecords(of: model, where: condition, sortedBy: keys)
            .filter { $0.version.number < below ?? .max }.prefix(limit)
        return try .json(encoding: records.map { VersionJSON($0.version, attributes: $0.attributes) })
    }

    private static let version = APIEndpoint(
        "version", "A version and its leaves, as `modelreg show`.",
        [reference, Parameter("only", "Paths of leaves: a name, or a pattern with *.")], .shownVersion
    ) { site, address in
        let version = try site.registry.version(address.required("ref"))
        return try .json(encoding: ShowJSON(of: version, only: address.values(of: "only"), in: site.registry))
    }

    private static let history = APIEndpoint(
        "history", "The history of parameters, as `modelreg log NAME PATH`.",
        [
            Parameter("model", "The model's name.", isRequired: true),
            Parameter("path", "Paths of leaves: a name, or a pattern with *.", isRequired: true), limit,
        ], .history
    ) { site, address in
        let model = try address.required("model")
        let histories = try site.registry.history(
            of: model, only: address.values(of: "path"), limit: try limit(address))
        return try .json(encoding: HistoryJSON(model, histories))
    }

    private static let diff = APIEndpoint(
        "diff",
        "What changed from one version to another, as `modelreg diff`; 202 while values are being compared.",
        [
            Parameter("a", "The old version.", isRequired: true),
            Parameter("b", "The new version.", isRequired: true),
        ], .diff
    ) { site, address in
        let old = try site.registry.version(address.required("a"))
        let new = try site.registry.version(address.required("b"))
        switch site.knownDiff(old, new) {
        case .failed(let error): throw error
        case .pending:
            var answer = PageAnswer.json("{\"is_pending\":true}")
            answer.status = 202
            return answer
        case .ready(let known):
            return try .json(encoding: DiffJSON(old: old.reference, new: new.reference, known.diff, []))
        }
    }

    private static let runs = APIEndpoint(
        "runs", "Runs, latest first, as `modelreg run ls`.",
        [
            Parameter("model", "The model's name; all runs without it."),
            Parameter("where", "A condition, as --where takes it."),
            Parameter("sort", "What to sort by; a minus puts the highest first."),
            Parameter("from", "How many to pass over.", .count), limit,
        ], .list(.run)
    ) { site, address in
        var runs = try site.registry.runs(of: address["model"])
        if let text = address["where"] {
            let condition = try QueryExpression(parsing: text)
            try condition.requireNames(in: condition.names, functions: [])
            runs = try runs.filter { try condition.holds(in: $0) }
        }
        if let key = address["sort"] { runs = try SortKey.sorted(runs, by: [SortKey(parsing: key)]) }
        let shown = runs.dropFirst(try address.number("from") ?? 0).prefix(try limit(address))
        return try .json(encoding: shown.map(RunJSON.init))
    }

    private static let run = APIEndpoint(
        "run", "A run, as `modelreg run show`.", [Parameter("ref", "Which run: mlp/lr-3.", isRequired: true)],
        .shownRun
    ) { site, address in
        let info = try site.registry.runInfo(try address.required("ref"))
        return try .json(encoding: ShownRunJSON(of: info, in: site.registry))
    }

    private static let metrics = APIEndpoint(
        "metrics", "A metric of a run: each point, or the extremes of stretches of it.",
        [
            Parameter("run", "Which run.", isRequired: true),
            Parameter("name", "The metric.", isRequired: true),
            Parameter("after", "Only steps after this one.", .count),
            Parameter("columns", "Stretches, at most; each point without it.", .count),
        ], .metric
    ) { site, address in
        let run = try site.registry.runInfo(try address.required("run"))
        let name = try address.required("name")
        if let columns = try address.number("columns", in: 1...10_000) {
            let found = try site.registry.metricColumns(name, ofRun: run.id, columns: columns)
            return try .json(
                encoding: MetricJSON(
                    run: run.reference, name: name,
                    columns: found.map { .init(x: $0.x, low: $0.low, high: $0.high, mean: $0.mean) }))
        }
        let after = try address.number("after") ?? -1
        let points = try site.registry.metric(name, ofRun: run.id).filter { $0.step > after }
        return try .json(
            encoding: MetricJSON(
                run: run.reference, name: name,
                points: points.map {
                    .init(step: $0.step, value: finite($0.value), seconds: finite($0.seconds))
                }))
    }

    private static let lineage = APIEndpoint(
        "lineage", "What a version was made from, as `modelreg lineage`.",
        [reference, Parameter("descendants", "1 for what was made from it.")], .lineage
    ) { site, address in
        let version = try site.registry.version(address.required("ref"))
        return try .json(
            encoding: address["descendants"] == "1"
                ? LineageNode.descendants(of: version, in: site.registry)
                : LineageNode.ancestors(of: version, in: site.registry))
    }

    private static let storage = APIEndpoint(
        "storage", "What models take, or versions of one, as `modelreg du`.",
        [Parameter("model", "The model's name; the file and all models without it.")], .storage
    ) { site, address in
        guard let model = address["model"] else {
            return try .json(
                encoding: FileUseJSON(site.registry.fileStorageUse(), site.registry.modelStorageUse()))
        }
        return try .json(encoding: site.registry.versionStorageUse(of: model).map(VersionUseJSON.init))
    }

    private static let aliases = APIEndpoint(
        "aliases", "Aliases, as `modelreg alias ls`.",
        [Parameter("model", "The model's name; all without it.")],
        .list(.alias)
    ) { site, address in
        try .json(encoding: site.registry.aliases(of: address["model"]).map(ListedAliasJSON.init))
    }

    private static let export = APIEndpoint(
        "export",
        "A file of a version, or of some of its leaves: the file that was saved, unless a format is named.",
        [
            reference, Parameter("format", "safetensors, pt, npz or npy; the file that was saved without it."),
            Parameter("only", "Paths of leaves: a name, or a pattern with *."),
        ], .file
    ) { site, address in try site.export(address) }
}

/// A metric of a run, as JSON shows it.
struct MetricJSON: Encodable {
    struct Point: Encodable {
        let step: Int
        let value: Double?
        let seconds: Double?
    }

    struct Column: Encodable {
        let x: Double
        let low: Double?
        let high: Double?
        let mean: Double?
    }

    let run: String
    let name: String
    var points: [Point]?
    var columns: [Column]?
}

extension PageSite {
    /// A diff with its values; see ``Computations``.
    func knownDiff(_ old: Version, _ new: Version) -> Computations.State<KnownDiff> {
        let registry = registry
        // Facts beside the weights belong to versions, not to contents.
        let key = "diff \(old.reference) \(old.contentID) \(new.reference) \(new.contentID)"
        return computations.value(key, waits: waits) { isCancelled in
            KnownDiff(diff: try registry.diff(old.reference, new.reference, isCancelled: isCancelled))
        }
    }

    fileprivate func export(_ address: PageAddress) throws -> PageAnswer {
        let version = try registry.version(try address.required("ref"))
        let formats = ["safetensors", "pt", "npz", "npy"]
        let format = address["format"].flatMap { $0.isEmpty ? nil : $0 }
        if let format, !formats.contains(format) {
            throw PageError.invalid("format is none of \(formats.joined(separator: ", "))")
        }
        let details = try registry.details(of: version)
        let patterns = address.values(of: "only")
        // Known before anything is written.
        _ = try PathSelection(patterns).selects(registry.manifest(of: version.reference).leaves.map(\.path))
        if format == nil {
            guard details.sourceFile != nil, patterns.isEmpty else {
                throw PageError.invalid("\(version.reference) was not saved from a file: name a format")
            }
            guard details.sourceFile?.format != "folder" else {
                throw PageError.invalid("\(version.reference) was saved from a folder: name a format")
            }
        }
        let stem = version.model.split(separator: "/").last.map(String.init) ?? "version"
        let name = format.map { "\(stem)-v\(version.number).\($0)" } ?? details.sourceFile?.name ?? stem
        let export = PageExport(
            reference: version.reference, contentID: version.contentID, format: format, patterns: patterns,
            fileName: name)
        return PageAnswer(contentType: "application/octet-stream", fileName: name, body: .export(export))
    }
}
