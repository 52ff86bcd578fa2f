public import Foundation

/// Which run, in one registry.
public struct RunID: Hashable, Sendable {
    let rowID: Int64
}

/// How a run is doing.
public enum RunState: String, Hashable, Sendable, CaseIterable {
    /// It was started, and nothing says that it ended.
    case running
    /// It said that it ended well.
    case finished
    /// It said that it failed.
    case failed
    /// It was asked to stop by a signal, or its process ended without a word.
    case killed
}

/// What is known of a run.
public struct RunInfo: Hashable, Sendable {
    /// Which run.
    public let id: RunID
    /// The model that it makes; `nil` for none in particular.
    public let model: String?
    /// Its name, unique within the model.
    public let name: String
    /// How it is doing, as far as can be seen from here.
    public let state: RunState
    /// When it began, to the millisecond.
    public let startedAt: Date
    /// When it ended; `nil` if it has not, or nobody knows.
    public let endedAt: Date?
    /// Seconds that it ran in all, by a clock that nobody sets; of a running one, when it was last heard of.
    public let wallSeconds: Double
    /// The run that it went on from.
    public let parent: String?
    /// Hyper-parameters and other settings, in order.
    public let attributes: Attributes
    /// The last value of each metric.
    public let metrics: [String: Double]
    /// The highest step of any metric; `nil` where there is none.
    public let lastStep: Int?
    /// Number of living versions that it saved.
    public let versionCount: Int

    /// `mlp/baseline`, or `baseline` for a run of no model.
    public var reference: String { RunInfo.reference(model: model, name: name) }

    static func reference(model: String?, name: String) -> String {
        model.map { "\($0)/\(name)" } ?? name
    }
}

/// A value of a metric at one step.
public struct MetricPoint: Hashable, Sendable {
    /// When during training.
    public let step: Int
    /// The value; NaN and infinities are kept.
    public let value: Double
    /// The run's wall time in seconds when it was logged; `nil` where not known.
    public let seconds: Double?

    /// A value at a step.
    public init(step: Int, value: Double, seconds: Double? = nil) {
        self.step = step
        self.value = value
        self.seconds = seconds
    }
}

/// A metric of a run at a glance.
public struct MetricSummary: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// Number of steps that have a value.
    public internal(set) var count: Int
    /// The value of the highest step.
    public internal(set) var last: MetricPoint
    /// The least value that is a number, and the earliest step that has it.
    public internal(set) var minimum: MetricPoint?
    /// The greatest value that is a number, and the earliest step that has it.
    public internal(set) var maximum: MetricPoint?

    mutating func add(_ point: MetricPoint) {
        count += 1
        last = point
        guard !point.value.isNaN else { return }
        if point.value < minimum?.value ?? .infinity || minimum == nil { minimum = point }
        if point.value > maximum?.value ?? -.infinity || maximum == nil { maximum = point }
    }
}

/// What somebody said about a run or a version.
public struct Note: Hashable, Sendable {
    /// When, to the millisecond.
    public let at: Date
    /// Who: `user@host`.
    public let actor: String
    /// What.
    public let text: String
}
