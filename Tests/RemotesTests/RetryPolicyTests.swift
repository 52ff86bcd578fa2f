import Foundation
import Remotes
import Synchronization
import Testing

struct RetryPolicyTests {
    /// A policy that notes how long it would have waited.
    private func policy(random: Double = 1) -> (RetryPolicy, Delays) {
        let delays = Delays()
        var policy = RetryPolicy()
        policy.sleep = { delays.add($0) }
        policy.now = { Date(timeIntervalSince1970: 784_111_777) }
        policy.random = { random }
        return (policy, delays)
    }

    @Test func delaysGrow() {
        let (policy, delays) = policy()
        var tryCount = 0
        let error = #expect(throws: RemoteError.self) {
            try policy.run("h/a") {
                tryCount += 1
                throw TemporaryFailure(problem: "no")
            }
        }
        #expect(error == .unavailable("h/a", problem: "no (5 tries)"))
        #expect(tryCount == 5)
        #expect(delays.all == [1, 2, 4, 8])
    }

    @Test func delaysDifferAndAreNeverNothing() throws {
        let (policy, delays) = policy(random: 0)
        var tryCount = 0
        let result = try policy.run("h/a") {
            tryCount += 1
            if tryCount < 3 { throw TemporaryFailure(problem: "no") }
            return "yes"
        }
        #expect(result == "yes")
        #expect(delays.all == [0.5, 1])
    }

    @Test func otherErrorsAreNotTriedAgain() {
        struct Other: Error {}
        let (policy, delays) = policy()
        #expect(throws: Other.self) { try policy.run("h/a") { throw Other() } }
        #expect(delays.all == [])
    }

    @Test func whoAsksForTooMuchIsNotAvailable() {
        let (policy, delays) = policy()
        let error = #expect(throws: RemoteError.self) {
            try policy.run("h/a") { throw TemporaryFailure(problem: "busy", pleaSeconds: 3600) }
        }
        #expect(error == .unavailable("h/a", problem: "busy; it asks to come back in 3600 seconds"))
        #expect(delays.all == [])
    }

    @Test(
        arguments: [
            ("0", 0), ("120", 120), ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
            ("-1", nil), ("", nil), ("soon", nil), ("1.5", nil), ("Sun, 06 Nov 1994", nil),
            (nil, nil), ("99999999999999999999999", 1e23),
        ] as [(String?, Double?)])
    func retryAfterIsUnderstoodOrIgnored(text: String?, expected: Double?) {
        #expect(policy().0.seconds(retryAfter: text) == expected)
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199), ("Tue, 31 Dec 2024 12:00:00 GMT", 1_735_646_400),
    ])
    func datesAreRead(text: String, seconds: Double) {
        #expect(HTTPDate.date(text)?.timeIntervalSince1970 == seconds)
    }

    @Test(arguments: [
        "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 06 Abc 1994 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
    ])
    func otherDatesAreNot(text: String) { #expect(HTTPDate.date(text) == nil) }
}

/// How long somebody would have waited.
final class Delays: Sendable {
    private let seconds = Mutex<[Double]>([])
    func add(_ delay: Double) { seconds.withLock { $0.append(delay) } }
    var all: [Double] { seconds.withLock { $0 } }
}
