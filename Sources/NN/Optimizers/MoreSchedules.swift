import Foundations
internal import Glibc

extension LearningRateSchedule {
    /// How a rate goes from one value to another.
    public enum Annealing: Sendable {
        /// Half a cosine wave.
        case cosine
        /// A straight line.
        case linear

        func callAsFunction(_ start: Double, _ end: Double, _ share: Double) -> Double {
            switch self {
            case .cosine: end + (start - end) / 2 * (1 + cos(.pi * share))
            case .linear: start + (end - start) * share
            }
        }
    }

    /// Up to `maximum` and down to almost nothing, as `OneCycleLR` without its change of momentum. One step for each batch.
    ///
    /// Source: Smith & Topin 2018.
    /// - Parameters:
    ///   - total: Steps in all.
    ///   - share: The share of the steps that the rate rises in.
    ///   - divisor: `maximum` over the first rate.
    ///   - finalDivisor: The first rate over the last.
    public static func oneCycle(
        maximum: Double, total: Int, share: Double = 0.3, annealing: Annealing = .cosine, divisor: Double = 25,
        finalDivisor: Double = 1e4
    ) -> LearningRateSchedule {
        require(total > 1 && (0...1).contains(share), "one cycle of \(total) steps with a rise of \(share)")
        let (peak, last) = (share * Double(total) - 1, Double(total - 1))
        let (first, end) = (maximum / divisor, maximum / divisor / finalDivisor)
        return LearningRateSchedule { step, _ in
            let step = min(Double(step), last)
            if step <= peak { return annealing(first, maximum, peak > 0 ? step / peak : 1) }
            return annealing(maximum, end, (step - peak) / (last - peak))
        }
    }

    /// Half a cosine wave down to `minimum`, again and again, each `factor` times as long, as `CosineAnnealingWarmRestarts`.
    ///
    /// Source: Loshchilov & Hutter 2017.
    public static func warmRestarts(epochs: Int, factor: Int = 1, minimum: Double = 0) -> LearningRateSchedule {
        require(epochs > 0 && factor > 0, "restarts after \(epochs) epochs, then \(factor) times as many")
        return LearningRateSchedule { epoch, initial in
            var (rest, length) = (epoch, epochs)
            while rest >= length {
                rest -= length
                length *= factor
                if factor == 1 {
                    rest %= length
                    break
                }
            }
            return minimum + (initial - minimum) * (1 + cos(.pi * Double(rest) / Double(length))) / 2
        }
    }

    /// From the initial rate to 0 in `epochs`, by a power of what is left, as `PolynomialLR`.
    public static func polynomial(epochs: Int, power: Double = 1) -> LearningRateSchedule {
        require(epochs > 0, "a polynomial over \(epochs) epochs")
        return LearningRateSchedule { epoch, initial in
            initial * pow(1 - Double(min(epoch, epochs)) / Double(epochs), power)
        }
    }

    /// Up and down in straight lines between two rates, as `CyclicLR` in its triangular mode.
    ///
    /// Source: Smith 2017.
    public static func cyclic(minimum: Double, maximum: Double, up: Int, down: Int? = nil)
        -> LearningRateSchedule
    {
        let down = down ?? up
        require(up > 0 && down > 0, "a cycle of \(up) steps up and \(down) down")
        return LearningRateSchedule { step, _ in
            let place = step % (up + down)
            let share = place <= up ? Double(place) / Double(up) : 1 - Double(place - up) / Double(down)
            return minimum + (maximum - minimum) * share
        }
    }

    /// One schedule after the other, each from its own epoch 0, as `SequentialLR`.
    ///
    /// - Parameter epochs: When each but the first begins.
    public static func sequence(_ schedules: [LearningRateSchedule], at epochs: [Int]) -> LearningRateSchedule {
        require(
            schedules.count == epochs.count + 1 && epochs == epochs.sorted(),
            "\(schedules.count) schedules that change at \(epochs)")
        return LearningRateSchedule { epoch, initial in
            let index = epochs.count { $0 <= epoch }
            let start = index == 0 ? 0 : epochs[index - 1]
            return schedules[index].rate(at: epoch - start, initial: initial)
        }
    }

    /// The product of what several schedules make of the initial rate, as `ChainedScheduler` of schedules that multiply.
    public static func product(_ schedules: [LearningRateSchedule]) -> LearningRateSchedule {
        LearningRateSchedule { epoch, initial in
            schedules.reduce(initial) { $0 * $1.rate(at: epoch, initial: initial) / initial }
        }
    }
}
