import ArgumentParser

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
