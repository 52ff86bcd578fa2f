import Foundation
import ModelRegistry
import TestSupport
import Testing

struct RetentionPolicyTests {
    private static let day = 86400.0

    /// Versions a day apart, the latest saved just now, with a metric each.
    private func candidates(_ accuracies: [Double?], aliases: [Int: [String]] = [:]) -> [RetentionPolicy
        .Candidate]
    {
        accuracies.enumerated().map { index, accuracy in
            RetentionPolicy.Candidate(
                number: index + 1,
                savedAt: Date(timeIntervalSince1970: Double(index + 1 - accuracies.count) * Self.day),
                metrics: accuracy.map { ["accuracy": $0] } ?? [:], aliases: aliases[index + 1] ?? [])
        }
    }

    /// The versions that a policy keeps, thins and deletes, oldest first.
    private func numbers(
        _ policy: RetentionPolicy, _ candidates: [RetentionPolicy.Candidate], now: Double = 0
    ) -> (kept: [Int], thinned: [Int], deleted: [Int]) {
        let decisions = policy.decisions(for: candidates, now: Date(timeIntervalSince1970: now)).reversed()
        func all(_ action: RetentionPolicy.Action) -> [Int] {
            decisions.filter { $0.action == action }.map(\.number)
        }
        return (all(.keep), all(.thin), all(.delete))
    }

    private func kept(
        _ policy: RetentionPolicy, _ candidates: [RetentionPolicy.Candidate], now: Double = 0
    ) -> [Int] {
        numbers(policy, candidates, now: now).kept
    }

    @Test func theLastStay() {
        let versions = candidates([1, 2, 3, 4, 5])
        #expect(kept(RetentionPolicy(keepLast: 2), versions) == [4, 5])
        #expect(kept(RetentionPolicy(keepLast: 9), versions) == [1, 2, 3, 4, 5])
        #expect(kept(RetentionPolicy(keepLast: 2), versions.reversed()) == [4, 5])
    }

    @Test func theLatestStaysWhateverTheRules() {
        #expect(kept(RetentionPolicy(keepLast: 0), candidates([9, 8, 1])) == [3])
        let best = RetentionPolicy(keepBest: [.init(1, by: .max("accuracy"))])
        #expect(kept(best, candidates([9, 8, 1])) == [1, 3])
    }

    @Test func theBestStayByTheLargestOrTheSmallest() {
        let versions = candidates([0.3, 0.9, 0.5, 0.7, 0.1])
        #expect(kept(RetentionPolicy(keepBest: [.init(2, by: .max("accuracy"))]), versions) == [2, 4, 5])
        #expect(kept(RetentionPolicy(keepBest: [.init(2, by: .min("accuracy"))]), versions) == [1, 5])
    }

    @Test(arguments: [MetricGoal.max("accuracy"), .min("accuracy")]) func tiesGoToTheNewer(_ goal: MetricGoal) {
        let versions = candidates([0.5, 0.5, 0.5, nil])
        #expect(kept(RetentionPolicy(keepBest: [.init(1, by: goal)]), versions) == [3, 4])
        #expect(kept(RetentionPolicy(keepBest: [.init(2, by: goal)]), versions) == [2, 3, 4])
    }

    @Test func whatIsNoNumberIsNeverBest() {
        let versions = candidates([.nan, 0.1, nil, .nan, nil])
        for goal in [MetricGoal.max("accuracy"), .min("accuracy")] {
            #expect(kept(RetentionPolicy(keepBest: [.init(3, by: goal)]), versions) == [2, 5])
        }
        #expect(kept(RetentionPolicy(keepBest: [.init(3, by: .max("other"))]), versions) == [5])
    }

    /// The choice does not depend on what was deleted before, so that pruning again deletes nothing more.
    @Test func everyNthIsTheSameEachTime() {
        let policy = RetentionPolicy(keepEvery: 3)
        let versions = candidates([Double?](repeating: nil, count: 10))
        let first = kept(policy, versions)
        #expect(first == [3, 6, 9, 10])
        #expect(kept(policy, versions.filter { first.contains($0.number) }) == first)
    }

    @Test func theYoungStay() {
        let versions = candidates([nil, nil, nil, nil])
        #expect(kept(RetentionPolicy(keepYoungerThan: 1.5 * Self.day), versions) == [3, 4])
        #expect(kept(RetentionPolicy(keepYoungerThan: 1 * Self.day), versions) == [4])
    }

    @Test func aClockThatWasSetBackMakesNothingOlder() {
        func versions(_ savedAt: [Double]) -> [RetentionPolicy.Candidate] {
            savedAt.enumerated().map {
                RetentionPolicy.Candidate(
                    number: $0 + 1, savedAt: Date(timeIntervalSince1970: $1 * Self.day))
            }
        }
        let policy = RetentionPolicy(keepYoungerThan: 2 * Self.day)
        // Version 3 was saved with the clock of 1970, after version 2.
        #expect(kept(policy, versions([90, 99.5, 0, 100]), now: 100 * Self.day) == [2, 3, 4])
        // The clock is set back after all of them: nothing has an age.
        #expect(kept(policy, versions([90, 99.5, 100]), now: 0) == [1, 2, 3])
        // Version 2 was saved with the clock of a far future: it and what comes after it count as young, not version 1.
        #expect(kept(policy, versions([90, 9999, 95, 100]), now: 100 * Self.day) == [2, 3, 4])
    }

    @Test func rulesAddUp() {
        let policy = RetentionPolicy(
            keepLast: 1, keepBest: [.init(1, by: .max("accuracy"))], keepEvery: 4,
            keepYoungerThan: 1.5 * Self.day)
        #expect(kept(policy, candidates([0, 9, 0, 0, 0, 0, 0])) == [2, 4, 6, 7])
    }

    @Test func whatAnAliasNamesStays() {
        let versions = candidates([0, 0, 0, 0], aliases: [2: ["prod"]])
        let decisions = RetentionPolicy(keepLast: 1).decisions(
            for: versions, now: Date(timeIntervalSince1970: 0))
        #expect(decisions.map(\.number) == [4, 3, 2, 1])
        #expect(decisions.map(\.action) == [.keep, .delete, .keep, .delete])
        #expect(decisions[2].reasons == [.alias("prod")])
        #expect(decisions[0].reasons.map(\.description) == ["latest", "last 1"])
    }

    @Test func thinningInsteadOfDeleting() {
        let policy = RetentionPolicy(keepLast: 2, thinsInsteadOfDeleting: true)
        let (kept, thinned, deleted) = numbers(policy, candidates([0, 0, 0, 0], aliases: [1: ["prod"]]))
        #expect((kept, thinned, deleted) == ([1, 3, 4], [2], []))
    }

    @Test func thinningOfWhatStays() {
        let policy = RetentionPolicy(keepLast: 4, keepWhole: 2)
        let (kept, thinned, deleted) = numbers(policy, candidates([0, 0, 0, 0, 0], aliases: [2: ["prod"]]))
        #expect((kept, thinned, deleted) == ([2, 4, 5], [3], [1]))
        // The latest stays whole: a run goes on from it.
        #expect(numbers(RetentionPolicy(keepWhole: 0), candidates([0, 0])).kept == [2])
    }

    @Test func withoutRulesEverythingStays() {
        #expect(kept(RetentionPolicy(), candidates([0, 0, 0])) == [1, 2, 3])
        #expect(kept(RetentionPolicy(keepLast: 1), []) == [])
    }

    /// Random metrics and rules: the best by each rule, the latest and what is aliased are never deleted.
    @Test func theBestIsNeverDeleted() {
        for seed in 0..<300 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let values = (0..<generator.number(in: 1...12)).map { _ -> Double? in
                [nil, .nan, -1, 0, 0.5, 0.5, 1, .infinity][generator.number(in: 0...7)]
            }
            let versions = candidates(values, aliases: [generator.number(in: 1...12): ["a"]])
            let goal: MetricGoal = generator.number(in: 0...1) == 0 ? .max("accuracy") : .min("accuracy")
            let policy = RetentionPolicy(
                keepLast: generator.number(in: 0...3), keepBest: [.init(generator.number(in: 1...3), by: goal)],
                keepWhole: generator.number(in: 0...1) == 0 ? nil : generator.number(in: 0...3))
            let deleted = numbers(policy, versions).deleted
            let numbersOnly = values.compactMap { $0 }.filter { !$0.isNaN }
            let best = goal.mode == .max ? numbersOnly.max() : numbersOnly.min()
            if let best, let newest = values.lastIndex(of: best) {
                #expect(!deleted.contains(newest + 1), "seed \(seed)")
            }
            #expect(!deleted.contains(values.count), "seed \(seed)")
            for version in versions where !version.aliases.isEmpty {
                #expect(!deleted.contains(version.number), "seed \(seed)")
            }
        }
    }
}
