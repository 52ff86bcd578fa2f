#if canImport(Glibc)
import Glibc
#endif

/// A scale with marks at round numbers.
struct Axis: Sendable {
    /// The least and greatest values shown.
    let low: Double
    let high: Double
    let isLogarithmic: Bool
    /// Where marks are.
    let ticks: [Double]

    /// A scale of equal steps from `low` to `high`, with about so many marks at 1, 2 or 5 times a power of ten; none
    /// between integers where `hasIntegers`.
    init(linear low: Double, _ high: Double, tickCount: Int, hasIntegers: Bool = false) {
        isLogarithmic = false
        // Of a constant, some room around it.
        let margin = low == high ? max(abs(low) * 0.05, 0.5) : 0
        self.low = max(low - margin, -.greatestFiniteMagnitude)
        self.high = min(high + margin, .greatestFiniteMagnitude)
        // By halves, which are finite even between the greatest numbers.
        let roundStep = Axis.roundStep((self.high / 2 - self.low / 2) / (Double(max(1, tickCount)) / 2))
        let step = hasIntegers ? max(1, roundStep) : roundStep
        guard step > 0, step.isFinite else {
            ticks = [low]
            return
        }
        var ticks: [Double] = []
        var number = (self.low / step).rounded(.up)
        while number <= self.high / step + 1e-9, ticks.count < 100 {
            // Not -0.
            let tick = number * step + 0
            if tick.isFinite { ticks.append(tick) }
            number += 1
        }
        self.ticks = ticks
    }

    /// A scale of equal factors, with marks at powers of ten, or at 1, 2 and 5 times one where there are few.
    init(logarithmic low: Double, _ high: Double, tickCount: Int) {
        isLogarithmic = true
        self.low = low == high ? max(low / 2, .leastNonzeroMagnitude) : low
        self.high = low == high ? min(high * 2, .greatestFiniteMagnitude) : high
        let first = Int(log10(self.low).rounded(.down))
        let last = Int(log10(self.high).rounded(.up))
        let stride = max(1, (last - first) / max(1, tickCount))
        let factors = last - first <= 3 ? [1.0, 2, 5] : [1]
        var ticks: [Double] = []
        for exponent in Swift.stride(from: first, through: last, by: stride) {
            for factor in factors {
                let tick = factor * pow(10, Double(exponent))
                if tick.isFinite, tick >= self.low * 0.999_999, tick <= self.high * 1.000_001 {
                    ticks.append(tick)
                }
            }
        }
        self.ticks = ticks
    }

    /// Where a value lies, 0 at the low end and 1 at the high one.
    func position(_ value: Double) -> Double {
        let position =
            isLogarithmic
            ? (log10(value) - log10(low)) / (log10(high) - log10(low))
            : (value / 2 - low / 2) / (high / 2 - low / 2)
        // What lies closer together than numbers can tell.
        return position.isFinite ? position : 0.5
    }

    /// The least of 1, 2, 5 times a power of ten that is no less than `step`.
    private static func roundStep(_ step: Double) -> Double {
        let power = pow(10, floor(log10(step)))
        for factor in [1.0, 2, 5] where factor * power >= step * 0.999_999 { return factor * power }
        return 10 * power
    }

    /// A mark's number: as many digits as tell the marks apart.
    func label(_ tick: Double) -> String { Axis.text(tick) }

    /// Short: `1000`, `0.25`, `1e-05`, `2.5e6`.
    static func text(_ value: Double) -> String {
        if value == 0 { return "0" }
        let size = abs(value)
        if size >= 1e6 || size < 1e-4 {
            let exponent = Int(floor(log10(size) + 1e-12))
            let mantissa = value / pow(10, Double(exponent))
            guard mantissa.isFinite else { return "\(value)" }
            return "\(plain(mantissa, digits: 3))e\(exponent)"
        }
        return plain(value, digits: max(0, 5 - Int(floor(log10(size)))))
    }

    /// Decimal, without zeros at the end.
    private static func plain(_ value: Double, digits: Int) -> String {
        let scale = pow(10, Double(digits))
        let whole = Int((abs(value) * scale).rounded())
        let sign = value < 0 && whole > 0 ? "-" : ""
        let unit = Int(scale)
        var fraction = String(whole % unit)
        fraction = String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return fraction.isEmpty || digits == 0 ? "\(sign)\(whole / unit)" : "\(sign)\(whole / unit).\(fraction)"
    }
}
