import Foundation
import Foundations
import ModelReg
import RegistryJSON

/// A diff as one page of HTML that needs nothing else: heat map, histograms, a table to sort.
struct DiffPage {
    private let html: String

    init(old: String, new: String, _ diff: ModelDiff, _ outcomes: [DiffGate.Outcome]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(Content(old: old, new: new, diff, outcomes))
        // Within a script element nothing but "<" could end it.
        let json = String(decoding: data, as: UTF8.self).replacing("<", with: "\\u003c")
        let title = [old, new].map(Self.escaped).joined(separator: " → ")
        html = DiffPageTemplate.html.replacing("{{title}}", with: title).replacing("{{data}}", with: json)
    }

    /// Writes the page, which appears under its name only when it is complete.
    ///
    /// - Throws: `FileError`.
    func write(to path: String) throws {
        try OutputFile.write(Array(html.utf8), to: path, mayReplace: true)
    }

    private static func escaped(_ text: String) -> String {
        printable(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// What the page's script draws. Short keys: there may be many tensors.
    private struct Content: Encodable {
        struct Tensor: Encodable {
            /// Path, kind of change, type and shape.
            let p: String
            let k: String
            let t: String
            /// Numbers, where elements were compared: rel_l2, l2, max_abs, cosine, changed share, element count.
            let r: Double?
            let l: Double?
            let m: Double?
            let c: Double?
            let s: Double?
            let e: Int?
            /// Histogram of distances in the last place; notes; whether they alarm.
            let h: [Int]?
            let n: String
            let a: Bool
        }

        struct Gate: Encodable {
            let condition: String
            let holds: Bool
            let paths: [String]
        }

        let old: String
        let new: String
        let summary: String
        let tensors: [Tensor]
        let unchanged: [String]
        let facts: [[String]]
        let gates: [Gate]

        init(old: String, new: String, _ diff: ModelDiff, _ outcomes: [DiffGate.Outcome]) {
            self.old = old
            self.new = new
            summary = diff.isSameModel ? "no differences" : DiffText.summary(diff)
            tensors = diff.changes.map { change in
                let statistics = change.statistics
                return Tensor(
                    p: change.path.shown, k: change.kind.rawValue, t: (change.new ?? change.old)?.text ?? "",
                    r: finite(statistics?.relativeL2), l: finite(statistics?.l2Norm),
                    m: finite(statistics?.maximumAbsolute), c: finite(statistics?.cosineSimilarity),
                    s: statistics?.changedShare, e: statistics?.elementCount, h: statistics?.ulpHistogram,
                    n: change.note, a: !change.alarms.isEmpty)
            }
            unchanged = diff.unchanged.compactMap { leaf in
                if case .tensor = leaf.content { leaf.path.shown } else { nil }
            }
            facts = diff.facts.map { [$0.source.rawValue, $0.key, $0.old ?? "", $0.new ?? ""] }
            gates = outcomes.map { outcome in
                Gate(
                    condition: outcome.condition, holds: outcome.holds,
                    paths: outcome.changes.map { diff.changes[$0].path.shown })
            }
        }
    }
}
