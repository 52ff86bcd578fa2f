import Checkpoints
import ChunkStore
import Expressions
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct VersionRecordTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    private func save(
        _ metrics: OrderedDictionary<String, Double>, _ facts: Attributes = [:]
    )
        throws
    {
        try registry.save(
            Checkpoint.none, as: "m", options: SaveOptions(metrics: metrics, attributes: facts))
    }

    private func numbers(_ condition: String?, _ keys: String..., limit: Int? = nil) throws -> [Int] {
        try registry.versionRecords(
            of: "m", where: condition.map { try QueryExpression(parsing: $0) },
            sortedBy: keys.map { try SortKey(parsing: $0) }, limit: limit
        ).map(\.version.number)
    }

    @Test func conditionsAskForMetricsFactsAndSettingsOfTheRun() throws {
        try save(["accuracy": 0.98], ["lr": 0.01])
        try save(["accuracy": 0.99], ["lr": 0.001, "optimizer": "adamw"])
        try save(["accuracy": .nan])
        let run = try registry.startRun(model: "m", name: "r", hyperparameters: ["lr": 1e-4, "warm": true])
        try registry.save(
            Checkpoint.none, as: "m", options: SaveOptions(metrics: ["accuracy": 0.5], run: run.id, step: 7))
        #expect(try numbers("accuracy > 0.97 and lr <= 1e-3") == [2])
        #expect(try numbers("accuracy > 0.97") == [2, 1])
        #expect(try numbers("optimizer == 'adamw'") == [2])
        #expect(try numbers("lr < 1e-3 and step = 7 and warm and run == 'm/r'") == [4])
        #expect(try numbers("not accuracy > 0.97") == [4, 3])
        #expect(try numbers("absent > 1") == [])
        #expect(try numbers("version >= 3") == [4, 3])
    }

    /// `version > 3` meant the number in `bisect --expr`, and a metric of that name in `log --where`.
    @Test func aNameMeansTheSameInEveryCondition() throws {
        let checkpoint = dictionary([
            "version": .integer(90), "lr": .number(0.5), "step": .integer(30), "epoch": .integer(4),
            "x": dictionary(["y": .boolean(true)]), "host": .string("h"), "none": .none,
        ])
        let run = try registry.startRun(
            model: "m", name: "r", hyperparameters: ["lr": 0.25, "kind": "sgd", "warm": 3])
        var options = SaveOptions(metrics: ["version": 70], attributes: ["warm": true], run: run.id)
        options.environment = nil
        try registry.save(checkpoint, as: "m", options: options)
        // Metric, fact, setting, built-in, plain value: the first of these that there is.
        let record = try registry.versionRecord(of: registry.version("m:v1"))
        for (text, expected) in [
            ("version == 70", true), ("value('version') == 90", true), ("warm == true", true),
            ("lr == 0.25", true),
            ("value('lr') == 0.5", true), ("kind == 'sgd'", true), ("message == ''", true),
            ("step == 30", true),
            ("epoch == 4", true), ("x/y", true), ("host == 'h'", true), ("defined(none)", false),
            ("metric('lr') > 0 or attribute('epoch') > 0", false), ("run == 'm/r' and not alias()", true),
        ] {
            let condition = try QueryExpression(parsing: text, slashesJoinNames: true)
            #expect(try condition.holds(in: record) == expected, "\(text)")
            #expect(try registry.versionRecords(of: "m", where: condition).isEmpty != expected, "\(text)")
        }
    }

    @Test func conditionsOnVersionsMayAskForHealth() throws {
        for value: Float in [1, .infinity, 3] {
            try registry.save(["w": Tensor([value, 4])] as StateDict, as: "m", message: "")
        }
        #expect(try numbers("infinity('w') > 0") == [2])
        #expect(try numbers("inf() > 0") == [2])
        #expect(try numbers("l2_norm('w') == 5") == [3])
        #expect(try numbers(nil, "-maximum('w')", "version") == [1, 2, 3])
    }

    @Test func whatIsNotANumberIsSortedLastAndEqualsStayLatestFirst() throws {
        for value in [0.5, .nan, 0.9, 0.5] { try save(["a": value]) }
        try save([:])
        #expect(try numbers(nil, "a") == [4, 1, 3, 5, 2])
        #expect(try numbers(nil, "-a") == [3, 4, 1, 5, 2])
        #expect(try numbers("defined(a)", "-a", "version", limit: 3) == [3, 1, 4])
    }

    @Test func aliasesCanBeAskedFor() throws {
        for _ in 0..<3 { try save([:]) }
        try registry.setAlias("best", to: "m:v2")
        #expect(try numbers("alias('best')") == [2])
        #expect(try numbers("not alias()") == [3, 1])
    }

    /// 10,000 versions of which each has two metrics and a fact.
    @Test func tenThousandVersionsAreFiltered() throws {
        try save(["accuracy": 0.5, "loss": 1], ["lr": 0.1])
        try registry.store.withWriter { db in
            try db.execute(
                sql: """
                    BEGIN;
                    WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
                    INSERT INTO version (model, number, content_id, structure, kind, tensor_count, byte_count, created_at)
                    SELECT 1, n, randomblob(32), 1, 'value', 0, 0, '2026-01-01T00:00:00.000Z' FROM n;
                    INSERT INTO metric (version, name, value) SELECT id, 'accuracy', number / 10000.0 FROM version WHERE id > 1;
                    INSERT INTO metric (version, name, value) SELECT id, 'loss', 1 FROM version WHERE id > 1;
                    INSERT INTO attribute (version, source, ordinal, key, value)
                      SELECT id, 'user', 0, 'lr', '0.001' FROM version WHERE id > 1;
                    COMMIT;
                    """)
        }
        #expect(
            try numbers("accuracy > 0.9995 and lr <= 1e-3", "-accuracy") == [10000, 9999, 9998, 9997, 9996])
    }
}

struct HealthGateTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    private func save(_ values: [Float], _ gate: HealthGate?) throws -> SaveResult {
        var options = SaveOptions()
        options.gate = gate
        return try registry.save(
            ["good": Tensor([Float(1), 2]), "w": Tensor(values)], as: "m", options: options)
    }

    @Test func whatFulfilsTheConditionIsNotSaved() throws {
        #expect(
            message { try save([.nan, 3, 4, .infinity], HealthGate()) }
                == #"not saved: nan > 0 or infinity > 0 holds for "w" (1 NaN, 1 infinite, l2 norm 5)"#)
        #expect(try registry.models().isEmpty)
        #expect(try registry.contentRowCounts() == [0, 0, 0, 0])
        #expect(
            message { try save([30, 40], HealthGate("l2_norm > 49 and path == 'w'")) }
                == #"not saved: l2_norm > 49 and path == 'w' holds for "w" (l2 norm 50)"#)
        #expect(message { try save([.infinity], HealthGate("inf > 0")) } != nil)
        #expect(message { try save([.infinity], HealthGate("infinity > 0")) } != nil)
        #expect(try save([30, 40], HealthGate("l2_norm > 50")).version.number == 1)
        // Known to the registry already, and still looked at.
        #expect(message { try save([30, 40], HealthGate("l2_norm > 49")) } != nil)
    }

    @Test func whatIsMarkedIsSaved() throws {
        let result = try save([.nan], HealthGate("nan > 0", action: .mark))
        #expect(result.unhealthy.map(\.path) == ["w"])
        #expect(try registry.versionRecords(of: "m")[0].attributes["unhealthy"]?.json == #"["w"]"#)
        #expect(try save([1], HealthGate("nan > 0", action: .mark)).unhealthy.isEmpty)
        #expect(try registry.versionRecords(of: "m")[0].attributes["unhealthy"] == nil)
    }

    @Test func gatesAskOnlyForWhatIsKnown() throws {
        #expect(throws: ExpressionError.self) { try HealthGate("norm > 3") }
        #expect(throws: ExpressionError.self) { try HealthGate("nan >") }
    }

    @Test func integersHaveNoNaN() throws {
        var options = SaveOptions()
        options.gate = try HealthGate("nan > 0 or not nan == 0 and defined(nan)")
        try registry.save(["i": Tensor([Int64(1), 2])], as: "m", options: options)
        let facts = try registry.tensorFacts(of: "m")
        #expect(facts.count == 1 && facts[0].nanCount == nil && facts[0].maximum == 2 && facts[0].count == 2)
    }
}

struct LineageTests {
    private let registry: Registry
    private let base: StateDict

    init() throws {
        registry = try Registry.inMemory()
        base = [
            "emb": try noise(8000, seed: 1), "fc": try noise(1000, seed: 2),
            "zero": LineageTests.zeros(),
        ]
        try registry.save(base, as: "base", message: "")
    }

    private static func zeros() -> Tensor { Tensor([Float](repeating: 0, count: 5000)) }

    private func ancestors(_ reference: String) throws -> [String] {
        try registry.lineage(of: registry.version(reference)).map {
            "\($0.kind.rawValue) \($0.reference)\($0.isGiven ? "" : " found")"
        }
    }

    @Test func sharedTensorsTellWhatAModelWasFineTunedFrom() throws {
        let tuned: StateDict = ["emb": base["emb"]!.copied(), "fc": try noise(1000, seed: 3)]
        try registry.save(tuned, as: "chat", message: "")
        #expect(try ancestors("chat") == ["fine_tuned base:v1 found"])
        let share = try #require(try registry.lineage(of: registry.version("chat"))[0].share)
        #expect(abs(share - 8.0 / 9) < 1e-9)
        // What its own parent has already says nothing new.
        try registry.save(
            ["emb": base["emb"]!.copied(), "fc": try noise(1000, seed: 4)] as StateDict, as: "chat", message: ""
        )
        #expect(try ancestors("chat") == [])
        #expect(try registry.descendants(of: registry.version("base")).map(\.reference) == ["chat:v1"])
    }

    @Test func severalAncestorsWithContentOfTheirOwnAreAMerge() throws {
        try registry.save(["head": try noise(6000, seed: 9)] as StateDict, as: "head", message: "")
        let merged: StateDict = ["emb": base["emb"]!.copied(), "head": try noise(6000, seed: 9)]
        try registry.save(merged, as: "soup", message: "")
        #expect(try ancestors("soup") == ["merged base:v1 found", "merged head:v1 found"])
    }

    @Test func constantsAndLittleSayNothing() throws {
        try registry.save(
            ["zero": LineageTests.zeros(), "own": try noise(100, seed: 7)] as StateDict, as: "a", message: "")
        #expect(try ancestors("a") == [])
        try registry.save(
            ["fc": base["fc"]!.copied(), "own": try noise(20_000, seed: 8)] as StateDict, as: "b", message: "")
        #expect(try ancestors("b") == [])
    }

    @Test func ofEqualsTheFirstIsTheAncestor() throws {
        for seed in 20..<23 {
            try registry.save(
                ["emb": base["emb"]!.copied(), "x": try noise(500, seed: UInt64(seed))] as StateDict,
                as: "base", message: "")
        }
        try registry.save(["emb": base["emb"]!.copied()] as StateDict, as: "c", message: "")
        #expect(try ancestors("c") == ["fine_tuned base:v1 found"])
    }

    @Test func whatIsSaidIsNotSearchedFor() throws {
        var options = SaveOptions(parent: "base:v1")
        try registry.save(["x": try noise(100, seed: 5)] as StateDict, as: "d", options: options)
        #expect(try ancestors("d") == ["fine_tuned base:v1"])
        options = SaveOptions()
        options.mergedFrom = ["base", "d"]
        try registry.save(["emb": base["emb"]!.copied()] as StateDict, as: "e", options: options)
        #expect(try ancestors("e") == ["merged base:v1", "merged d:v1"])
        #expect(try registry.lineage(of: registry.version("e"))[0].share == 1)
    }

    @Test func aDeletedAncestorIsRemembered() throws {
        try registry.save(["emb": base["emb"]!.copied()] as StateDict, as: "f", message: "")
        try registry.delete("base:v1")
        try registry.collectGarbage()
        let ancestor = try registry.lineage(of: registry.version("f"))[0]
        #expect(ancestor.reference == "base:v1" && !ancestor.isPresent)
        #expect(try registry.verify().problems.isEmpty)
    }
}
