/// A metric, and which of its values are better.
public struct MetricGoal: Hashable, Sendable {
    /// Which values are better.
    public enum Mode: String, Hashable, Sendable, CaseIterable {
        /// Smaller ones, as of a loss.
        case min
        /// Larger ones, as of an accuracy.
        case max
    }

    /// The metric's name.
    public let name: String
    /// Which of its values are better.
    public let mode: Mode

    /// The goal of `mode` values of the metric `name`.
    public init(_ name: String, mode: Mode) {
        self.name = name
        self.mode = mode
    }

    /// The smaller the better.
    public static func min(_ name: String) -> MetricGoal { MetricGoal(name, mode: .min) }

    /// The larger the better.
    public static func max(_ name: String) -> MetricGoal { MetricGoal(name, mode: .max) }

    /// Whether `value` is better than `other`. NaN never is; any number is better than NaN or `nil`.
    public func isBetter(_ value: Double, than other: Double?) -> Bool {
        guard !value.isNaN else { return false }
        guard let other, !other.isNaN else { return true }
        return mode == .max ? value > other : value < other
    }
}
