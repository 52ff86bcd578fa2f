import Glibc

/// Times as files and columns hold them.
package enum Timestamp {
    /// Now, in UTC, to the millisecond: `2026-01-31T12:00:00.000Z`.
    package static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let date =
            "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
        let hour =
            "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
        return "\(date)T\(hour).\(digits(time.tv_nsec / 1_000_000, 3))Z"
    }

    /// Whether `text` is a time as ``now()`` writes it.
    package static func isValid(_ text: String) -> Bool {
        let pattern = "0000-00-00T00:00:00.000Z".utf8
        return text.utf8.count == pattern.count
            && zip(text.utf8, pattern).allSatisfy { byte, expected in
                expected == UInt8(ascii: "0")
                    ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == expected
            }
    }

    /// Seconds since 1970 of what ``now()`` wrote.
    ///
    /// - Returns: `nil` for anything else.
    package static func seconds(_ text: String) -> Double? {
        let parts = text.split { !$0.isASCII || !$0.isNumber }.map { Int($0) ?? -1 }
        guard text.utf8.count == 24, parts.count == 7, !parts.contains(-1) else { return nil }
        var time = tm()
        (time.tm_year, time.tm_mon, time.tm_mday) = (
            Int32(parts[0]) - 1900, Int32(parts[1]) - 1, Int32(parts[2])
        )
        (time.tm_hour, time.tm_min, time.tm_sec) = (Int32(parts[3]), Int32(parts[4]), Int32(parts[5]))
        return Double(timegm(&time)) + Double(parts[6]) / 1000
    }

    /// Seconds since 1970.
    package static func secondsNow() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
