package import Foundation

/// How often to try again, and when.
package struct RetryPolicy: Sendable {
    /// Tries without any success between, at most.
    package var tryCount = 5
    /// Seconds before the second try, at most; each later one waits twice as long.
    package var firstDelaySeconds = 1.0
    /// Seconds before any try, where the registry does not ask for more.
    package var longestDelaySeconds = 30.0
    /// What a registry may ask for; who wants to be left alone longer is not available.
    package var longestPleaSeconds = 300.0

    /// Waits. Tests do not.
    package var sleep: @Sendable (Double) -> Void = { Thread.sleep(forTimeInterval: $0) }
    /// The time, for `Retry-After` and for tokens that expire.
    package var now: @Sendable () -> Date = { Date() }
    /// A number from 0 to 1, so that many clients do not come back together.
    package var random: @Sendable () -> Double = { Double.random(in: 0..<1) }

    package init() {}

    /// Whether a status of HTTP says that another try may succeed.
    static func isTemporary(_ status: Int) -> Bool { [408, 429, 500, 502, 503, 504].contains(status) }

    /// Calls `body` until it throws no ``TemporaryFailure``, or has done so too often.
    package func run<Result>(_ remote: String, _ body: () throws -> Result) throws -> Result {
        var tries = Tries(policy: self, remote: remote)
        while true {
            do {
                return try body()
            } catch let failure as TemporaryFailure {
                try tries.wait(after: failure)
            }
        }
    }

    /// Seconds that `Retry-After` asks for; `nil` where it says nothing that can be understood.
    package func seconds(retryAfter text: String?) -> Double? {
        guard let text else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) { return Double(text) }
        return HTTPDate.date(text).map { max(0, $0.timeIntervalSince(now())) }
    }
}

/// What another try may mend.
package struct TemporaryFailure: Error {
    package let problem: String
    /// What the registry asked to wait.
    package var pleaSeconds: Double?
    /// What to throw where it never ends; else the remote is not available.
    package var verdict: RemoteError?

    package init(problem: String, pleaSeconds: Double? = nil, verdict: RemoteError? = nil) {
        self.problem = problem
        self.pleaSeconds = pleaSeconds
        self.verdict = verdict
    }
}

/// The tries at one thing.
struct Tries {
    let policy: RetryPolicy
    let remote: String
    /// Failures since the last success.
    private(set) var failureCount = 0

    init(policy: RetryPolicy, remote: String) {
        self.policy = policy
        self.remote = remote
    }

    /// Something was achieved: a connection that breaks now breaks for the first time.
    mutating func succeed() { failureCount = 0 }

    /// Waits before the next try.
    ///
    /// - Throws: ``RemoteError`` where there is none.
    mutating func wait(after failure: TemporaryFailure) throws {
        failureCount += 1
        guard failureCount < policy.tryCount else {
            throw failure.verdict
                ?? .unavailable(remote, problem: "\(failure.problem) (\(policy.tryCount) tries)")
        }
        if let plea = failure.pleaSeconds {
            guard plea <= policy.longestPleaSeconds else {
                let seconds = plea < 1e9 ? "\(Int(plea))" : "many"
                throw RemoteError.unavailable(
                    remote, problem: "\(failure.problem); it asks to come back in \(seconds) seconds")
            }
            policy.sleep(plea)
            return
        }
        let longest = policy.firstDelaySeconds * Double(1 << min(failureCount - 1, 20))
        // At least the half: a delay of nothing would be none.
        policy.sleep(min(longest, policy.longestDelaySeconds) * (0.5 + policy.random() / 2))
    }
}
