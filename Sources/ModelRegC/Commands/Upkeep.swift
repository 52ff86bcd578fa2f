// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Foundations
import ModelReg
import ModelRegistry
import RegistryJSON

/// `prune`
func prune(_ call: Call) throws -> PruneJSON {
    struct Arguments: Decodable {
        var model: String
        var keep_last: Int?
        var keep_best: [Best]?
        var keep_every: Int?
        var keep_younger_seconds: Double?
        var keep_whole: Int?
        var thin: Bool?
        var dry_run: Bool?
        var measures: Bool?
    }
    struct Best: Decodable {
        var count: Int
        var metric: String
        var mode: String
    }
    let arguments = try call.decode(Arguments.self)
    let best = try (arguments.keep_best ?? []).map { best in
        guard let mode = MetricGoal.Mode(rawValue: best.mode), best.count > 0, !best.metric.isEmpty else {
            throw Refusal("keep_best takes a count from 1, a metric, and \"min\" or \"max\"")
        }
        return RetentionPolicy.Best(best.count, by: MetricGoal(best.metric, mode: mode))
    }
    if let every = arguments.keep_every, every < 1 { throw Refusal("keep_every is 1 or more, not \(every)") }
    let policy = RetentionPolicy(
        keepLast: try checkedCount(arguments.keep_last, "keep_last"), keepBest: best,
        keepEvery: arguments.keep_every, keepYoungerThan: arguments.keep_younger_seconds,
        thinsInsteadOfDeleting: arguments.thin ?? false,
        keepWhole: try checkedCount(arguments.keep_whole, "keep_whole"))
    guard policy.hasRules || policy.keepWhole != nil else {
        throw Refusal("say what stays: keep_last, keep_best, keep_every, keep_younger_seconds or keep_whole")
    }
    if policy.thinsInsteadOfDeleting, !policy.hasRules {
        throw Refusal("thin needs a rule that says what stays whole, such as keep_last")
    }
    let isRehearsal = arguments.dry_run ?? false
    if arguments.measures == false, !isRehearsal {
        return PruneJSON(
            freedByteCount: 0, garbageByteCount: 0, isDone: true,
            try call.registry.prune(arguments.model, policy))
    }
    var decisions = try call.registry.pruningPlan(for: arguments.model, policy)
    let freed = try call.registry.byteCountFreed(by: decisions.filter { $0.action != .keep })
    let garbage = try call.registry.collectGarbage(dryRun: true).freedByteCount
    if !isRehearsal { decisions = try call.registry.prune(arguments.model, policy) }
    return PruneJSON(freedByteCount: freed, garbageByteCount: garbage, isDone: !isRehearsal, decisions)
}

/// `gc`
func collectGarbage(_ call: Call) throws -> GarbageJSON {
    struct Arguments: Decodable { var dry_run: Bool? }
    let isRehearsal = try call.decode(Arguments.self).dry_run ?? false
    return GarbageJSON(try call.registry.collectGarbage(dryRun: isRehearsal), isDone: !isRehearsal)
}

/// `verify`
func verify(_ call: Call) throws -> VerificationJSON {
    struct Arguments: Decodable { var reference: String? }
    return VerificationJSON(
        try call.registry.verify(call.decode(Arguments.self).reference, progress: call.progress))
}

/// `wait`
func waitForPacking(_ call: Call) throws -> Nothing {
    try call.registry.waitForPacking()
    return Nothing()
}

/// `sql`
func askSQL(_ call: Call) throws -> SQLJSON {
    struct Arguments: Decodable { var query: String }
    return SQLJSON(try call.registry.rows(of: call.decode(Arguments.self).query))
}

/// What SQL has found, as JSON shows it.
struct SQLJSON: Encodable {
    let columns: [String]
    let rows: [[Value]]

    init(_ table: SQLTable) {
        columns = table.columns
        rows = table.rows.map { $0.map(Value.init) }
    }

    struct Value: Encodable {
        let value: SQLTable.Value

        init(_ value: SQLTable.Value) { self.value = value }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch value {
            case .null: try container.encodeNil()
            case .integer(let number): try container.encode(number)
            case .number(let number):
                if number.isFinite { try container.encode(number) } else { try container.encodeNil() }
            case .text(let text): try container.encode(text)
            case .bytes(let bytes): try container.encode(["bytes": HexText.of(bytes)])
            }
        }
    }
}
