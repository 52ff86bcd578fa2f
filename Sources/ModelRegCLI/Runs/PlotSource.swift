import Foundations
import ModelReg
import Plots

/// Finds what words on the command line mean, and the values to draw.
struct PlotSource {
    private let registry: Registry
    private let usesTime: Bool
    private var metrics: [String] = []
    private var runs: [RunInfo] = []
    private var models: [String] = []

    init(_ registry: Registry, _ words: [String], usesTime: Bool) throws {
        self.registry = registry
        self.usesTime = usesTime
        let all = try registry.runs()
        let names = Set(try registry.models().map(\.name))
        var chosen: [RunInfo] = []
        for (index, word) in words.enumerated() {
            let isPattern = word.contains("*") || word.contains("?")
            let matching = all.filter { isPattern ? Glob(word).matches($0.reference) : $0.reference == word }
            if index == 0, words.count == 1 || matching.isEmpty && !names.contains(word) {
                metrics.append(word)
            } else if index > 0, names.contains(word) {
                models.append(word)
                chosen += all.filter { $0.model == word }.reversed()
            } else if index > 0, !matching.isEmpty {
                chosen += matching.reversed()
            } else if index > 0, !isPattern, let run = try? registry.runInfo(word) {
                chosen.append(run)
            } else if isPattern {
                throw RegistryError.noRun(word, suggestion: nil)
            } else {
                metrics.append(word)
            }
        }
        if chosen.isEmpty, models.isEmpty { chosen = all.reversed() }
        var seen: Set<RunID> = []
        runs = chosen.filter { seen.insert($0.id).inserted }
    }

    /// The lines, metric by metric.
    ///
    /// - Throws: ``UnknownMetricError`` for a metric that nothing has.
    func series() throws -> [Series] {
        var lines: [(metric: String, source: String, points: [Series.Point])] = []
        var known: Set<String> = []
        for metric in metrics {
            var count = 0
            for run in runs {
                known.formUnion(run.metrics.keys)
                guard run.metrics[metric] != nil else { continue }
                let points = try registry.metric(metric, ofRun: run.id).compactMap { point in
                    (usesTime ? point.seconds : Double(point.step)).map { Series.Point(x: $0, y: point.value) }
                }
                guard !points.isEmpty else { continue }
                lines.append((metric, run.reference, usesTime ? points.sorted { $0.x < $1.x } : points))
                count += 1
            }
            for model in models where !usesTime {
                let versions = try registry.versions(of: model).reversed()
                known.formUnion(versions.flatMap(\.metrics.keys))
                let points = versions.filter { $0.run == nil }.compactMap { version in
                    version.metrics[metric].map {
                        Series.Point(x: Double(version.step ?? version.number), y: $0)
                    }
                }
                guard !points.isEmpty else { continue }
                lines.append((metric, model, points.sorted { $0.x < $1.x }))
                count += 1
            }
            if count == 0 {
                throw UnknownMetricError(
                    name: metric, suggestion: Suggestion.closest(to: metric, among: known.sorted()))
            }
        }
        return lines.map { line in
            Series(name: printable("\(line.metric)  \(line.source)"), points: line.points)
        }
    }
}

/// A metric that none of the runs has.
struct UnknownMetricError: CategorisedError, CustomStringConvertible {
    let name: String
    let suggestion: String?

    var category: ErrorCategory { .noInput }

    var description: String {
        "nothing here is called \"\(printable(name))\": no metric of these runs, no run and no model"
            + (suggestion.map { " (did you mean \"\(printable($0))\"?)" } ?? "")
    }
}
