public import ModelRegistry

/// When a training run saves. Several are written as a list; any of them suffices.
///
/// ```swift
/// let cadence: CheckpointCadence = [.steps(100), .minutes(5), .improvement(of: "accuracy", mode: .max)]
/// ```
public struct CheckpointCadence: Hashable, Sendable {
    private(set) var stepCount: Int?
    private(set) var seconds: Double?
    private(set) var goal: MetricGoal?

    /// Only when told to, and when a signal asks the run to stop.
    public static var manual: CheckpointCadence { CheckpointCadence() }

    /// Whenever a multiple of `count` steps is reached or passed.
    public static func steps(_ count: Int) -> CheckpointCadence {
        precondition(count > 0, "a checkpoint every \(count) steps")
        return CheckpointCadence(stepCount: count)
    }

    /// When so many minutes have passed since the last checkpoint, whatever the clock on the wall says.
    public static func minutes(_ minutes: Double) -> CheckpointCadence { seconds(60 * minutes) }

    /// When so many seconds have passed since the last checkpoint.
    public static func seconds(_ seconds: Double) -> CheckpointCadence {
        precondition(seconds >= 0, "a checkpoint every \(seconds) seconds")
        return CheckpointCadence(seconds: seconds)
    }

    /// When a metric is better than ever before. NaN never is.
    public static func improvement(of metric: String, mode: MetricGoal.Mode) -> CheckpointCadence {
        CheckpointCadence(goal: MetricGoal(metric, mode: mode))
    }
}

extension CheckpointCadence: ExpressibleByArrayLiteral {
    /// Whenever any of these says so; of several of a kind, the last counts.
    public init(arrayLiteral elements: CheckpointCadence...) {
        for element in elements {
            stepCount = element.stepCount ?? stepCount
            seconds = element.seconds ?? seconds
            goal = element.goal ?? goal
        }
    }
}
