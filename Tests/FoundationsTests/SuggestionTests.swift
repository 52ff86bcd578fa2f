import Foundations
import Testing

struct SuggestionTests {
    @Test(arguments: [
        ("outptu.bias", "output.bias"), ("output.bia", "output.bias"), ("hiden.weight", "hidden.weight"),
        ("mlp", "mlq"), ("ml", "mlq"),
    ])
    func findsTheNameWithTheFewestEdits(name: String, expected: String) {
        let candidates = ["hidden.weight", "output.bias", "output.weight", "mlq", "v"]
        #expect(Suggestion.closest(to: name, among: candidates) == expected)
    }

    @Test func saysNothingWhereNothingIsClose() {
        #expect(Suggestion.closest(to: "resnet", among: ["mlp", "bert"]) == nil)
        #expect(Suggestion.closest(to: "ab", among: ["cd"]) == nil)
        #expect(Suggestion.closest(to: "x", among: [String]()) == nil)
    }

    @Test func takesTheFirstOfEquallyCloseNames() {
        #expect(Suggestion.closest(to: "prod", among: ["prod2", "prod1"]) == "prod2")
    }

    @Test func neverSuggestsTheNameItself() {
        #expect(Suggestion.closest(to: "best", among: ["best", "beast"]) == "beast")
    }

    @Test func looksAtTenThousandNamesAtMost() {
        let names = (0..<10_000).map { "layer.\($0)" } + ["needle"]
        #expect(Suggestion.closest(to: "needel", among: names) == nil)
    }
}
