import Foundation
import Foundations
import TestSupport
import Testing

struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (-86_400_000, "1969-12-31T00:00:00.000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_769_860_800_000, "2026-01-31T12:00:00.000Z"),
        (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"), (978_307_200_000, "2001-01-01T00:00:00.000Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ])
    func aDateHasOneText(milliseconds: Int, text: String) {
        let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
        #expect(Timestamp.text(date) == text)
        #expect(Timestamp.date(text) == date)
    }

    @Test func everyMillisecondComesBack() throws {
        var generator = SeededGenerator(seed: 11)
        var values = (0..<20_000).map { _ in generator.number(in: -62_167_219_200_000...253_402_300_799_999) }
        values +=
            (-3000...3000).map { $0 } + (0..<3000).map { 951_782_400_000 + $0 }
            + (0..<3000).map { 978_307_198_500 + $0 }
        for milliseconds in values {
            let text = Timestamp.text(Date(timeIntervalSince1970: Double(milliseconds) / 1000))
            let date = try #require(Timestamp.date(text), "\(milliseconds)")
            #expect(Int((date.timeIntervalSince1970 * 1000).rounded()) == milliseconds)
            #expect(Timestamp.text(date) == text)
        }
    }

    @Test func theNearestMillisecondIsWritten() {
        for (seconds, text) in [
            (59.9994, "1970-01-01T00:00:59.999Z"), (59.9996, "1970-01-01T00:01:00.000Z"),
            (-0.0004, "1970-01-01T00:00:00.000Z"), (-0.0006, "1969-12-31T23:59:59.999Z"),
            (951_868_799.9996, "2000-03-01T00:00:00.000Z"),
        ] {
            #expect(Timestamp.text(Date(timeIntervalSince1970: seconds)) == text)
        }
    }

    @Test func foundationAgrees() throws {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            // After 1582: Foundation has the Julian calendar before.
            let milliseconds = generator.number(in: -12_000_000_000_000...253_402_300_799_999)
            let text = Timestamp.text(Date(timeIntervalSince1970: Double(milliseconds) / 1000))
            let whole = try style.parse(text).timeIntervalSince1970
            #expect(abs(whole - Double(milliseconds) / 1000) < 0.002, "\(text)")
        }
    }

    @Test(arguments: [
        "", "2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31 12:00:00.000Z", "2026-01-31T12:00:00.000",
        "yesterday",
        "2026-02-29T00:00:00.000Z", "2026-00-01T00:00:00.000Z", "2026-13-01T00:00:00.000Z",
        "2026-01-00T00:00:00.000Z",
        "2026-04-31T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:60:00.000Z",
        "2026-01-01T00:00:60.000Z",
        "-026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.0000", "٢026-01-01T00:00:00.00Z",
    ])
    func whatIsNoTimeIsRefused(text: String) {
        #expect(Timestamp.date(text) == nil)
        #expect(!Timestamp.isValid(text))
    }
}
