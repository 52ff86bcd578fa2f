import Expressions
import Testing

@Suite struct ExpressionTests {
    private struct Quantities: ExpressionScope {
        let values: [String: ExpressionValue] = [
            "accuracy": .number(0.98), "lr": .number(1e-3), "epoch": .number(7), "val/loss": .number(0.5),
            "optimizer": .text("AdamW"), "nan": .number(0), "broken": .number(.nan), "is_best": .truth(true),
        ]

        func value(of name: String) -> ExpressionValue? { values[name] }

        func value(calling function: String, with arguments: [ExpressionValue]) -> ExpressionValue? {
            if function == "changed" { return .truth(arguments == [.text("encoder.*")]) }
            let numbers = arguments.compactMap { if case .number(let number) = $0 { number } else { nil } }
            return function == "max" ? numbers.max().map { .number($0) } : nil
        }
    }

    @Test(arguments: ["a\nb", "'a\nb", "a < 1.2.3\n", "a b\u{1B}[2J"]) func errorsAreOneLine(text: String) {
        let error = #expect(throws: ExpressionError.self) { try QueryExpression(parsing: text) }
        #expect(error?.description.contains { $0 == "\n" || $0 == "\u{1B}" } == false)
    }

    @Test func slashesJoinNamesWhereThatIsAskedFor() throws {
        #expect(try QueryExpression(parsing: "val/loss > 1").names == ["val", "loss"])
        #expect(
            try QueryExpression(parsing: "a/val/loss_2 > b", slashesJoinNames: true).names == [
                "a/val/loss_2", "b",
            ])
        #expect(
            try QueryExpression(parsing: "a / b > c/2 and d /e", slashesJoinNames: true).names == [
                "a", "b", "c", "d", "e",
            ])
    }

    @Test(arguments: [
        ("accuracy > 0.97 and lr <= 1e-3", true), ("accuracy > 0.99", false), ("lr == 0.001", true),
        ("lr = 1E-3", true), ("accuracy>.97&&lr<=1e-3", true), ("epoch < 3 or epoch > 6", true),
        ("not epoch > 6", false), ("!(epoch > 6)", false), ("0.9 < accuracy < 1", true),
        ("0.9 < accuracy < 0.95", false),
        ("epoch % 2 == 1", true), ("epoch * 2 - 4 / 2 = 12", true), ("-epoch < -6", true),
        ("2 - 3 - 4 == -5", true),
        ("8 / 4 / 2 == 1", true), ("`val/loss` < 0.6", true), ("optimizer == 'AdamW'", true),
        ("optimizer != \"SGD\"", true),
        ("optimizer > 'Adam'", true), ("optimizer == 1", false), ("optimizer != 1", true),
        ("optimizer < 1", false),
        ("changed(\"encoder.*\")", true), ("changed('head')", false), ("max(epoch, 9) == 9", true),
        ("nan > 0", false), ("is_best", true), ("is_best == true", true), ("not false", true), ("epoch", true),
        ("broken == broken", false), ("broken != broken", true), ("broken > 0 or broken <= 0", false),
        ("AND_not_a_keyword > 0", false), ("accuracy > 0.9 AND NOT epoch == 3", true),
        ("'a\\'b' == \"a'b\"", true),
        ("not not is_best", true), ("true and not (false or false)", true),
    ])
    func holds(_ text: String, _ expected: Bool) throws {
        #expect(try QueryExpression(parsing: text).holds(in: Quantities()) == expected, "\(text)")
    }

    /// As in SQL: what is unknown is neither true nor false.
    @Test(
        arguments: [
            ("missing > 0", nil), ("not missing > 0", nil), ("missing", nil), ("missing + 1 == 1", nil),
            ("missing > 0 or epoch == 7", true), ("epoch == 7 or missing > 0", true),
            ("missing > 0 and epoch == 7", nil),
            ("missing > 0 and epoch == 8", false), ("epoch == 8 or missing", nil), ("unknown(1)", nil),
            ("max(missing, 1)", nil), ("optimizer + 1", nil), ("defined(missing)", false),
            ("defined(`val/loss`)", true),
        ] as [(String, Bool?)])
    func unknown(_ text: String, _ expected: Bool?) throws {
        let expression = try QueryExpression(parsing: text)
        #expect(try expression.value(in: Quantities()) == expected.map { .truth($0) }, "\(text)")
        #expect(try expression.holds(in: Quantities()) == (expected ?? false), "\(text)")
    }

    @Test func numbersAreNumbers() throws {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0), ("(1 + 2) * 3", 9), ("7 % 4", 3), ("--2", 2), ("1e-3 * 1e3", 1),
        ] {
            #expect(try QueryExpression(parsing: text).value(in: Quantities()) == .number(expected), "\(text)")
        }
    }

    @Test(arguments: [
        ("", 0, ExpressionError.Problem.expected("a value", found: nil)),
        ("rel_l2 >> 1", 8, .expected("a value", found: ">")),
        ("rel_l2 > ", 9, .expected("a value", found: nil)),
        ("(a > 1", 6, .expected("\")\"", found: nil)),
        ("a > 1)", 5, .expected("an operator or the end", found: ")")),
        ("a b", 2, .expected("an operator or the end", found: "b")),
        ("a > 'b", 4, .unterminated), ("`a > 1", 0, .unterminated),
        ("a > 1.2.3", 4, .notNumber("1.2.3")), ("a > 1e", 4, .notNumber("1e")),
        ("a > 0x10", 4, .notNumber("0x10")),
        ("a ; b", 2, .expected("a value or an operator", found: ";")),
        ("f(1,)", 4, .expected("a value", found: ")")), ("f(1 2)", 4, .expected("\")\"", found: "2")),
        ("defined(1)", 0, .expected("one name in defined(…)", found: "defined")),
        ("and", 0, .expected("a value", found: "and")),
        ("*", 0, .expected("a value", found: "*")),
    ])
    func refuses(_ text: String, _ offset: Int, _ problem: ExpressionError.Problem) {
        #expect(throws: ExpressionError(text: text, offset: offset, problem: problem)) {
            try QueryExpression(parsing: text)
        }
    }

    @Test(arguments: ["(", "-", "not ", "f("])
    func refusesDepth(_ piece: String) throws {
        let error = try #require(throws: ExpressionError.self) {
            try QueryExpression(parsing: String(repeating: piece, count: 1000) + "1")
        }
        #expect(error.problem == .tooDeep)
    }

    @Test func refusesLength() throws {
        let error = try #require(throws: ExpressionError.self) {
            try QueryExpression(parsing: String(repeating: " ", count: 10_001))
        }
        #expect(error.problem == .tooLong)
    }

    /// No text of these pieces traps.
    @Test func survivesNoise() {
        let pieces = [
            "(", ")", "a", "1", "'", "`", "and ", "not ", "<", "=", "-", ",", "é", "\\", "\"", ".", "e+",
        ]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 0...12, using: &generator)).map { _ in pieces.randomElement()! }
                .joined()
            if let expression = try? QueryExpression(parsing: text) {
                _ = try? expression.value(in: Quantities())
            }
        }
    }

    @Test func saysWhatItMentions() throws {
        let expression = try QueryExpression(parsing: "a > 1 and f(b, 'c') or defined(d) and -a < g(a)")
        #expect(expression.names == ["a", "b", "d"])
        #expect(expression.functions == ["f", "g"])
        let unknown = #expect(throws: ExpressionError.self) {
            try expression.requireNames(in: ["a", "b"], functions: ["f", "g"])
        }
        #expect(
            unknown.map(String.init(describing:))?.hasSuffix("\"d\" is not known here; there is a, b") == true)
        #expect(throws: ExpressionError.self) {
            try expression.requireNames(in: ["a", "b", "d"], functions: ["f"])
        }
        #expect(throws: Never.self) {
            try expression.requireNames(in: ["a", "b", "d"], functions: ["f", "g"])
        }
    }
}
