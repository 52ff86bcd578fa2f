import Foundation
import Foundations
import ModelReg
import Plots

/// What metrics say about versions, for people.
struct MetricView {
    /// Names that mean that less is better, as parts of a metric's name.
    private static let costs = [
        "loss", "err", "perplexity", "ppl", "mse", "mae", "rmse", "nll", "wer", "cer", "fid",
    ]

    /// Whether less of it is better, as far as its name says.
    static func isCost(_ name: String) -> Bool {
        let name = name.lowercased()
        return costs.contains { name.contains($0) }
    }

    /// The metric that a page shows first: the one that most versions have; of those, one to be maximised.
    static func main(of counts: [String: Int]) -> String? {
        counts.max { left, right in
            if left.value != right.value { return left.value < right.value }
            if isCost(left.key) != isCost(right.key) { return isCost(left.key) }
            return left.key > right.key
        }?.key
    }

    /// The place of the best of some values; NaN is never best, and of equal ones the first is.
    static func best(_ values: [Double], isCost: Bool) -> Int? {
        var best: Int?
        for (index, value) in values.enumerated() where !value.isNaN {
            guard let known = best.map({ values[$0] }) else {
                best = index
                continue
            }
            if isCost ? value < known : value > known { best = index }
        }
        return best
    }
}

extension HTML {
    /// `3 versions`, `1 version`.
    static func count(_ count: Int, _ word: HTML, _ plural: HTML? = nil) -> HTML {
        count == 1 ? "1 \(word)" : "\(count) \(plural ?? word + "s")"
    }

    static func number(_ value: Double) -> HTML { "\(NumberText.text(value))" }

    /// The first line of a message.
    static func message(_ text: String, limit: Int = 160) -> HTML {
        // No more of a text of megabytes is looked at than is shown.
        let start = text.unicodeScalars.prefix(4 * limit).drop { $0 == "\n" }.prefix { $0 != "\n" }
        return "\(String(String.UnicodeScalarView(start)), limit: limit)"
    }

    static func tags(_ names: [String]) -> HTML {
        .joined(names.prefix(12).map { "<span class=\"tag\">\($0)</span>" }, by: " ")
            + (names.count > 12 ? " <span class=\"dim\">and \(names.count - 12) more</span>" : "")
    }

    /// A drawing of `Plots`, which escapes what it is given.
    static func plot(_ plot: InlinePlot, caption: HTML = "") -> HTML {
        "<figure>\(HTML.trusted(plot.svg()))<figcaption>\(caption)</figcaption></figure>"
    }

    /// The legend of a plot with several lines.
    static func legend(_ entries: [HTML]) -> HTML {
        guard entries.count > 1 else { return "" }
        return """
            <div class="chips">\(entries.enumerated().map { index, entry in
                """
                <span><svg class="key" viewBox="0 0 24 10" aria-hidden="true"><path class="k\(index % InlinePlot.classCount)" \
                d="M0 5h24"/></svg> \(entry)</span>
                """
            })</div>
            """
    }
}

/// Small drawings in cells.
enum Drawing {
    /// Numbers over versions as a line; what is no number is a gap, and counted as bad.
    static func spark(_ values: [Double?], label: HTML) -> HTML {
        let finite = values.compactMap { $0 }.filter(\.isFinite)
        guard let low = finite.min(), let high = finite.max(), values.count > 1 else { return "" }
        var path = ""
        var isDown = false
        let width = 100.0
        for (index, value) in values.enumerated() {
            guard let value, value.isFinite else {
                isDown = false
                continue
            }
            let x = Double(index) / Double(values.count - 1) * width
            let y = high > low ? 15 - 12 * (value / 2 - low / 2) / (high / 2 - low / 2) : 9
            path += "\(isDown ? "L" : "M")\(tenth(x)) \(tenth(y))"
            isDown = true
        }
        return """
            <svg class="spark" viewBox="-2 0 104 18" role="img" aria-label="\(label)" preserveAspectRatio="none">\
            <path d="\(path)"/></svg>
            """
    }

    /// A share of the width.
    static func bar(_ share: Double, isBad: Bool = false) -> HTML {
        guard share > 0 else { return "" }
        let width = max(1, min(1, share) * 100)
        return """
            <svg class="bar" viewBox="0 0 100 12" aria-hidden="true" preserveAspectRatio="none"><rect width="\(tenth(width))" \
            height="12"\(isBad ? " class=\"bad\"" : "")/></svg>
            """
    }

    /// At most one decimal.
    static func tenth(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "0" }
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0
            ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    /// How dark a cell is, 0 to 7: by orders of magnitude up to the greatest of its column.
    static func heat(_ value: Double?, greatest: Double) -> Int? {
        guard let value, value.isFinite, value > 0, greatest > 0 else { return value == 0 ? 0 : nil }
        return max(1, min(7, 7 + Int((2 * log10(value / greatest)).rounded())))
    }
}
