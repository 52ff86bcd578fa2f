public import Foundation

/// Which versions of a model stay.
///
/// A version stays if any rule says so. Whatever the rules, these stay: the latest version, those that an alias names,
/// pinned or not, and the latest of each run that has not finished, which would be resumed from it; that one is not
/// thinned either. A policy without rules keeps everything.
///
/// *Best*: of equal values the newer version is the better one. A version whose metric is NaN or that has no such metric
/// is never among the best.
///
/// *Age*: a version counts as saved when it or any version before it was, whichever is latest, and a time to come is
/// no age at all. So a clock that was set back makes versions look younger and never older.
public struct RetentionPolicy: Hashable, Sendable {
    /// The best so many by a metric.
    public struct Best: Hashable, Sendable {
        /// How many.
        public let count: Int
        /// By which metric.
        public let goal: MetricGoal

        /// The best `count` by `goal`.
        public init(_ count: Int, by goal: MetricGoal) {
            self.count = count
            self.goal = goal
        }
    }

    /// So many latest versions stay.
    public var keepLast: Int?
    /// The best ones stay; several rules by several metrics are possible.
    public var keepBest: [Best]
    /// Versions stay whose number is a multiple of this, so that the choice is the same each time.
    public var keepEvery: Int?
    /// Versions younger than so many seconds stay.
    public var keepYoungerThan: Double?
    /// What the rules let go loses its optimiser and random state only: weights, number and history stay.
    public var thinsInsteadOfDeleting: Bool
    /// Of what stays, all but so many latest versions lose their optimiser and random state too; `nil` for none. Never
    /// versions that an alias names, or that a run would be resumed from.
    public var keepWhole: Int?

    /// A policy of the rules given.
    public init(
        keepLast: Int? = nil, keepBest: [Best] = [], keepEvery: Int? = nil, keepYoungerThan: Double? = nil,
        thinsInsteadOfDeleting: Bool = false, keepWhole: Int? = nil
    ) {
        (self.keepLast, self.keepBest, self.keepEvery) = (keepLast, keepBest, keepEvery)
        (self.keepYoungerThan, self.thinsInsteadOfDeleting) = (keepYoungerThan, thinsInsteadOfDeleting)
        self.keepWhole = keepWhole
    }

    /// Whether there is a rule that says what stays, so that something may go.
    public var hasRules: Bool {
        keepLast != nil || !keepBest.isEmpty || keepEvery != nil || keepYoungerThan != nil
    }

    /// What a policy looks at.
    public struct Candidate: Hashable, Sendable {
        /// The version's number.
        public let number: Int
        /// When it was saved.
        public let savedAt: Date
        /// Its metrics.
        public let metrics: [String: Double]
        /// The aliases that name it.
        public let aliases: [String]
        /// The run that would be resumed from it: one that has not finished, and whose latest version this is.
        public let unfinishedRun: String?

        /// Describes a version.
        public init(
            number: Int, savedAt: Date, metrics: [String: Double] = [:], aliases: [String] = [],
            unfinishedRun: String? = nil
        ) {
            self.unfinishedRun = unfinishedRun
            self.number = number
            self.savedAt = savedAt
            self.metrics = metrics
            self.aliases = aliases
        }
    }

    /// What is to happen to a version.
    public enum Action: String, Hashable, Sendable {
        /// Nothing.
        case keep
        /// Optimiser and random state are dropped.
        case thin
        /// It is deleted.
        case delete
    }

    /// Why a version stays.
    public enum Reason: Hashable, Sendable {
        /// It is the latest.
        case latest
        /// It is one of so many latest.
        case last(Int)
        /// It is the best (1), second best, … by a metric.
        case best(rank: Int, MetricGoal)
        /// Its number is a multiple of this.
        case every(Int)
        /// It is younger than so many seconds.
        case youngerThan(Double)
        /// An alias names it.
        case alias(String)
        /// A run that has not finished would be resumed from it.
        case resumable(run: String)
        /// No rule says that anything may go.
        case noRule
    }

    /// What is to happen to one version, and why it stays.
    public struct Decision: Hashable, Sendable {
        /// The version's number.
        public let number: Int
        /// What is to happen.
        public let action: Action
        /// Why it stays; empty where only nothing speaks for it.
        public let reasons: [Reason]
    }

    /// Decides about all versions of a model, latest first.
    ///
    /// - Parameters:
    ///   - candidates: All versions, in any order.
    ///   - now: When the decision is made.
    /// - Complexity: O(n log n) for each rule.
    public func decisions(for candidates: [Candidate], now: Date) -> [Decision] {
        let ordered = candidates.sorted { $0.number > $1.number }
        let ranks = keepBest.map { best in (best, self.ranks(in: ordered, by: best)) }
        var savedAt: [Int: Date] = [:]
        var latest = Date.distantPast
        for candidate in ordered.reversed() {
            latest = max(latest, candidate.savedAt)
            savedAt[candidate.number] = latest
        }
        return ordered.enumerated().map { index, candidate in
            var reasons: [Reason] = candidate.aliases.map { .alias($0) }
            if index == 0 { reasons.append(.latest) }
            if let run = candidate.unfinishedRun { reasons.append(.resumable(run: run)) }
            if let keepLast, index < keepLast { reasons.append(.last(keepLast)) }
            for (best, ranks) in ranks {
                if let rank = ranks[candidate.number] { reasons.append(.best(rank: rank, best.goal)) }
            }
            if let keepEvery, keepEvery > 0, candidate.number % keepEvery == 0 {
                reasons.append(.every(keepEvery))
            }
            if let keepYoungerThan, now.timeIntervalSince(savedAt[candidate.number] ?? now) < keepYoungerThan {
                reasons.append(.youngerThan(keepYoungerThan))
            }
            if !hasRules { reasons.append(.noRule) }
            return Decision(
                number: candidate.number, action: action(candidate, index: index, reasons), reasons: reasons)
        }
    }

    private func action(_ candidate: Candidate, index: Int, _ reasons: [Reason]) -> Action {
        guard !reasons.isEmpty else { return thinsInsteadOfDeleting ? .thin : .delete }
        guard let keepWhole, index > 0, index >= keepWhole, candidate.aliases.isEmpty,
            candidate.unfinishedRun == nil
        else { return .keep }
        return .thin
    }

    /// The ranks of the best, from 1, by version number.
    private func ranks(in candidates: [Candidate], by best: Best) -> [Int: Int] {
        let sorted = candidates.compactMap { candidate -> (number: Int, value: Double)? in
            guard let value = candidate.metrics[best.goal.name], !value.isNaN else { return nil }
            return (candidate.number, value)
        }.sorted {
            $0.value == $1.value ? $0.number > $1.number : best.goal.isBetter($0.value, than: $1.value)
        }
        let numbered = sorted.prefix(max(0, best.count)).enumerated().map { ($1.number, $0 + 1) }
        return Dictionary(uniqueKeysWithValues: numbered)
    }
}

extension RetentionPolicy.Reason: CustomStringConvertible {
    /// Such as `best by accuracy`, `last 5`, `alias prod`.
    public var description: String {
        switch self {
        case .latest: "latest"
        case .last(let count): "last \(count)"
        case .best(1, let goal): "best by \(goal.name)"
        case .best(let rank, let goal): "no. \(rank) by \(goal.name)"
        case .every(let step): "every \(step)"
        case .youngerThan(let seconds): "younger than \(RetentionPolicy.Reason.duration(seconds))"
        case .alias(let name): "alias \(name)"
        case .resumable(let run): "latest of run \(run)"
        case .noRule: "no rule"
        }
    }

    /// Such as `7d`, `36h`, `90s`: the largest unit that is exact.
    private static func duration(_ seconds: Double) -> String {
        for (unit, length) in [("d", 86400.0), ("h", 3600), ("min", 60)]
        where seconds >= length && seconds.truncatingRemainder(dividingBy: length) == 0 {
            return "\(Int(exactly: seconds / length).map(String.init) ?? "\(seconds / length)") \(unit)"
        }
        return "\(Int(exactly: seconds).map(String.init) ?? "\(seconds)") s"
    }
}
