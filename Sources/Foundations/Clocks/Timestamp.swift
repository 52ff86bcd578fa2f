package import Foundation

/// Times as files and columns hold them: UTC, to the millisecond, `2026-01-31T12:00:00.000Z`, of the years 0000 to 9999.
package enum Timestamp {
    /// Now.
    package static func now() -> String { text(Date()) }

    /// The nearest millisecond to a date.
    package static func text(_ date: Date) -> String {
        let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded())
        let (day, time) = quotientAndRemainder(milliseconds, 86_400_000)
        let (year, month, dayOfMonth) = civil(day)
        precondition((0...9999).contains(year), "no timestamp for the year \(year)")
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let (seconds, fraction) = quotientAndRemainder(time, 1000)
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { digits($0, 2) }.joined(
            separator: ":")
        return
            "\(digits(year, 4))-\(digits(month, 2))-\(digits(dayOfMonth, 2))T\(clock).\(digits(fraction, 3))Z"
    }

    /// The date that ``text(_:)`` wrote; `nil` for anything else, such as 30 February.
    package static func date(_ text: String) -> Date? {
        let pattern = "0000-00-00T00:00:00.000Z".utf8
        var fields = [0]
        guard text.utf8.count == pattern.count else { return nil }
        for (byte, expected) in zip(text.utf8, pattern) {
            if expected == UInt8(ascii: "0") {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                fields[fields.count - 1] = fields[fields.count - 1] * 10 + Int(byte - UInt8(ascii: "0"))
            } else {
                guard byte == expected else { return nil }
                fields.append(0)
            }
        }
        let (year, month, dayOfMonth) = (fields[0], fields[1], fields[2])
        guard (1...12).contains(month), fields[3] < 24, fields[4] < 60, fields[5] < 60 else { return nil }
        let day = days(year, month, dayOfMonth)
        guard civil(day) == (year, month, dayOfMonth) else { return nil }
        let seconds = (day * 24 + fields[3]) * 3600 + fields[4] * 60 + fields[5]
        return Date(timeIntervalSince1970: Double(seconds * 1000 + fields[6]) / 1000)
    }

    /// Whether `text` is a time as ``text(_:)`` writes it.
    package static func isValid(_ text: String) -> Bool { date(text) != nil }

    // MARK: Calendar

    /// Rounded down, so that the remainder is not negative.
    private static func quotientAndRemainder(_ number: Int, _ divisor: Int) -> (Int, Int) {
        let remainder = (number % divisor + divisor) % divisor
        return ((number - remainder) / divisor, remainder)
    }

    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras are 400 years.

    /// Days from 1 January 1970 to a day of the Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ dayOfMonth: Int) -> Int {
        let (era, yearOfEra) = quotientAndRemainder(month <= 2 ? year - 1 : year, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + dayOfMonth - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The day of the Gregorian calendar so many days after 1 January 1970.
    private static func civil(_ day: Int) -> (year: Int, month: Int, dayOfMonth: Int) {
        let (era, dayOfEra) = quotientAndRemainder(day + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
