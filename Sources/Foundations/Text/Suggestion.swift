/// "Did you mean …?": the known name closest to a mistyped one.
package enum Suggestion {
    /// The candidate that takes the fewest edits to become `name`; `nil` if all need more than a third of its
    /// length, or more than one edit where it is very short.
    ///
    /// - Complexity: O(n · m²) for n candidates of length m. Candidates beyond the first 10,000 are not looked at.
    package static func closest(to name: String, among candidates: some Sequence<String>) -> String? {
        let limit = max(1, name.unicodeScalars.count / 3)
        var best: (candidate: String, distance: Int)?
        for candidate in candidates.prefix(10_000) where candidate != name {
            let distance = editDistance(name, candidate, limit: limit)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// Insertions, deletions, replacements and swaps of neighbours between two texts; above `limit` any larger
    /// number. Optimal string alignment, after Damerau 1964.
    package static func editDistance(_ left: String, _ right: String, limit: Int) -> Int {
        let a = Array(left.unicodeScalars)
        let b = Array(right.unicodeScalars)
        guard abs(a.count - b.count) <= limit else { return limit + 1 }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
