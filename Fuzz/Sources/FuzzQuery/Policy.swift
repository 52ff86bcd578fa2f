import Foundation
import FuzzSupport
import ModelRegistry

/// A retention policy and versions made up from the input: what must stay does.
func checkPolicy(_ input: inout FuzzInput) {
    func optional(_ byte: UInt8) -> Int? { byte == 0 ? nil : Int(byte) - 2 }
    let policy = RetentionPolicy(
        keepLast: optional(input.byte()),
        keepBest: (0..<input.byte() % 3).map { _ in
            RetentionPolicy.Best(
                Int(input.byte()) - 2, by: MetricGoal("a", mode: input.byte() % 2 == 0 ? .min : .max))
        },
        keepEvery: optional(input.byte()),
        keepYoungerThan: input.byte() % 2 == 0 ? nil : Double(bitPattern: input.number(byteCount: 8)),
        thinsInsteadOfDeleting: input.byte() % 2 == 0, keepWhole: optional(input.byte()))
    var candidates: [RetentionPolicy.Candidate] = []
    while !input.isEmpty, candidates.count < 50 {
        let flags = input.byte()
        candidates.append(
            RetentionPolicy.Candidate(
                number: candidates.count + 1,
                savedAt: Date(timeIntervalSince1970: Double(input.number(byteCount: 4))),
                metrics: flags & 1 == 0 ? [:] : ["a": Double(bitPattern: input.number(byteCount: 8))],
                aliases: flags & 2 == 0 ? [] : ["prod"], unfinishedRun: flags & 4 == 0 ? nil : "run"))
    }
    let decisions = policy.decisions(for: candidates, now: Date(timeIntervalSince1970: 1e9))
    require(decisions.map(\.number) == candidates.map(\.number).reversed(), "not all, or not in order")
    for decision in decisions {
        let candidate = candidates[decision.number - 1]
        _ = decision.reasons.map { "\($0)" }
        guard
            decision.number == candidates.count || !candidate.aliases.isEmpty || candidate.unfinishedRun != nil
        else { continue }
        require(decision.action == .keep, "\(decision.action) v\(decision.number) of \(candidates.count)")
    }
}
