import Foundations
internal import Glibc
internal import Tensors

/// A learning rate as a function of the epochs passed, as a multiple of where it began.
///
/// All are closed forms, so that a schedule continues from any epoch.
public struct LearningRateSchedule {
    private let rate: (_ epoch: Int, _ initial: Double) -> Double

    /// A schedule of one's own: `rate` gets the epochs passed and the initial rate.
    public init(rate: @escaping (_ epoch: Int, _ initial: Double) -> Double) { self.rate = rate }

    /// The learning rate after `epoch` epochs.
    public func rate(at epoch: Int, initial: Double) -> Double { rate(epoch, initial) }

    /// Always the same.
    public static var constant: LearningRateSchedule { LearningRateSchedule { _, initial in initial } }

    /// Times `gamma` every `size` epochs, as `StepLR`.
    public static func step(every size: Int, gamma: Double = 0.1) -> LearningRateSchedule {
        require(size > 0, "a step every \(size) epochs")
        return LearningRateSchedule { $1 * pow(gamma, Double($0 / size)) }
    }

    /// Times `gamma` at each of the epochs, as `MultiStepLR`.
    public static func multiStep(at epochs: [Int], gamma: Double = 0.1) -> LearningRateSchedule {
        LearningRateSchedule { epoch, initial in initial * pow(gamma, Double(epochs.count { $0 <= epoch })) }
    }

    /// Times `gamma` every epoch, as `ExponentialLR`.
    public static func exponential(gamma: Double) -> LearningRateSchedule {
        LearningRateSchedule { $1 * pow(gamma, Double($0)) }
    }

    /// Half a cosine wave down to `minimum` in `epochs`, and up again, as `CosineAnnealingLR`.
    ///
    /// Source: Loshchilov & Hutter 2017, eq. 5.
    public static func cosine(epochs: Int, minimum: Double = 0) -> LearningRateSchedule {
        require(epochs > 0, "a cosine over \(epochs) epochs")
        return LearningRateSchedule {
            minimum + ($1 - minimum) * (1 + cos(.pi * Double($0) / Double(epochs))) / 2
        }
    }

    /// From `start` to `end` times the initial rate in `epochs`, then constant, as `LinearLR`.
    public static func linear(from start: Double = 1.0 / 3, to end: Double = 1, epochs: Int = 5)
        -> LearningRateSchedule
    {
        require(epochs > 0, "a ramp over \(epochs) epochs")
        return LearningRateSchedule { epoch, initial in
            initial * (start + (end - start) * Double(min(epoch, epochs)) / Double(epochs))
        }
    }

    /// A ramp from 0 over `warmup` epochs, then half a cosine wave to 0 at `total`: the transformer's usual schedule.
    public static func warmupCosine(warmup: Int, total: Int) -> LearningRateSchedule {
        require(warmup >= 0 && total > warmup, "a warm-up of \(warmup) in \(total) epochs")
        return LearningRateSchedule { epoch, initial in
            if epoch < warmup { return initial * Double(epoch + 1) / Double(warmup) }
            let progress = min(Double(epoch - warmup) / Double(total - warmup), 1)
            return initial * (1 + cos(.pi * progress)) / 2
        }
    }
}
