import Checkpoints
import Expressions
import ModelRegistry
import OrderedCollections
import Tensors
import Testing

struct BisectTests {
    private let registry: Registry

    init() throws { registry = try Registry.inMemory() }

    private func save(_ count: Int) throws {
        for number in 1...count {
            try registry.save(dictionary(["n": .integer(Int64(number))]), as: "m", message: "")
        }
    }

    private func numbers(_ tests: [BisectResult.Test]) -> [Int] { tests.map(\.version.number) }

    @Test(arguments: 2...17) func findsEachFirstBadVersionInFewTests(count: Int) throws {
        try save(count)
        for first in 2...count {
            for strategy in [BisectStrategy.binary, .linear] {
                let result = try registry.bisect("m", strategy: strategy) { version, _ in
                    version.number < first ? .good : .bad
                }
                #expect(result.firstBad?.number == first && result.lastGood.number == first - 1)
                #expect(Set(numbers(result.tests)).count == result.tests.count, "no version is tested twice")
                let between = count - 2
                let most =
                    strategy == .linear
                    ? between : between == 0 ? 0 : Int.bitWidth - between.leadingZeroBitCount
                #expect(result.tests.count <= 2 + most, "\(first) of \(count)")
            }
        }
    }

    @Test func goesThroughAllFromTheOldestWhenLinear() throws {
        try save(9)
        // Bad, good again, bad.
        let result = try registry.bisect("m", strategy: .linear) { version, _ in
            [3, 8, 9].contains(version.number) ? .bad : .good
        }
        #expect(result.firstBad?.number == 3)
        #expect(numbers(result.tests) == [1, 9, 2, 3])
    }

    @Test func skippedVersionsLeaveSuspects() throws {
        try save(9)
        let result = try registry.bisect("m") { version, _ in
            [4, 5, 6].contains(version.number) ? .skip : version.number < 6 ? .good : .bad
        }
        #expect(result.firstBad == nil && result.suspects.map(\.number) == [4, 5, 6, 7])
        let certain = try registry.bisect("m") { version, _ in
            [2, 7].contains(version.number) ? .skip : version.number < 6 ? .good : .bad
        }
        #expect(certain.firstBad?.number == 6)
    }

    @Test func endsMayBeNamedAndDeletedVersionsArePassedOver() throws {
        try save(12)
        try registry.delete("m:v6")
        try registry.setAlias("broken", to: "m:v10")
        let result = try registry.bisect("m", good: "m:v3", bad: "m:broken") { version, _ in
            #expect((3...10).contains(version.number) && version.number != 6)
            return version.number < 6 ? .good : .bad
        }
        #expect(result.firstBad?.number == 7 && result.lastGood.number == 5)
    }

    @Test func impossibleQuestionsAreRefused() throws {
        try save(3)
        try registry.save(dictionary(["n": .none]), as: "other", message: "")
        func refusal(_ good: String?, _ bad: String?, _ verdict: BisectVerdict = .good) -> String? {
            do {
                _ = try registry.bisect("m", good: good, bad: bad) { _, _ in verdict }
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal("other:v1", nil) == "other:v1 is no version of \"m\"")
        #expect(refusal("m:v3", "m:v2")?.hasPrefix("m:v3 is good and m:v2 is bad, but") == true)
        #expect(refusal("m:v9", nil) == "no version 9 of \"m\"; the latest is 3")
        #expect(
            refusal(nil, nil)
                == "m:v3 should be bad, and the test says good: there is no first bad version between them")
        #expect(
            refusal(nil, nil, .skip)
                == "the test cannot judge m:v1, which should be good; choose another good version")
    }

    // MARK: What expressions may ask

    private func value(_ text: String, _ reference: String = "m") throws -> ExpressionValue? {
        try QueryExpression(parsing: text, slashesJoinNames: true)
            .value(in: registry.versionRecord(of: registry.version(reference)))
    }

    @Test func expressionsAskForMetricsAttributesAndHealth() throws {
        try registry.save(
            dictionary([
                "a.weight": .tensor(Tensor([Float(3), 0])),
                "b.weight": .tensor(Tensor([Float(-4), .nan, .infinity])),
                "lr": .number(0.5), "version": .integer(7), "on": .boolean(true), "name": .string("x"),
            ]), as: "m",
            options: SaveOptions(
                message: "hi", metrics: ["accuracy": 0.5, "val/loss": 2],
                attributes: [
                    "epochs": 3, "opt": "adam", "nested": [1], "off": false,
                    "gone": AttributeValue(json: "null"),
                ])
        )
        let expected: [(String, ExpressionValue?)] = [
            ("version", .number(1)), ("tensor_count", .number(2)), ("byte_count", .number(20)),
            ("message", .text("hi")),
            ("accuracy", .number(0.5)), ("`val/loss`", .number(2)), ("epochs", .number(3)),
            ("opt", .text("adam")),
            ("nested", .text("[1]")), ("off", .truth(false)), ("gone", nil), ("lr", .number(0.5)),
            ("on", .truth(true)),
            ("name", .text("x")), ("unknown", nil), ("value(\"version\")", .number(7)),
            ("metric(\"accuracy\")", .number(0.5)), ("attribute(\"opt\")", .text("adam")),
            ("metric(\"opt\")", nil),
            ("l2_norm()", .number(5)), ("l2_norm(\"a.*\")", .number(3)),
            ("l2_norm(\"a.*\", \"b.*\")", .number(5)),
            ("l2_norm(\"c.*\")", nil), ("nan()", .number(1)), ("nan(\"a.*\")", .number(0)),
            ("nan(\"c.*\")", .number(0)),
            ("infinity(\"*\")", .number(1)), ("inf(\"*\")", .number(1)), ("zero(\"*\")", .number(1)),
            ("minimum()", .number(-4)),
            ("maximum()", .number(3)), ("absolute_maximum()", .number(4)), ("count(\"*.weight\")", .number(2)),
            ("changed(\"a.*\")", .truth(true)), ("changed(\"c.*\")", .truth(false)),
        ]
        for (text, value) in expected { #expect(try self.value(text) == value, "\(text)") }
        #expect(throws: VersionRecordError.notText(function: "nan")) { try value("nan(1)") }
        #expect(throws: VersionRecordError.oneArgument(function: "metric")) {
            try value("metric(\"a\", \"b\")")
        }
    }

    @Test func changedIsComparedWithTheVersionBefore() throws {
        for (a, b) in [(1, 1), (1, 2)] {
            try registry.save(
                dictionary(["a": .integer(Int64(a)), "b": .integer(Int64(b))]), as: "m", message: "")
        }
        #expect(try value("changed(\"a\")") == .truth(false))
        #expect(try value("changed(\"b\")") == .truth(true))
        #expect(try value("changed()", "m:v1") == .truth(true))
    }
}
