import Checkpoints
import Testing

struct PathSelectionTests {
    private let paths = [
        "encoder.0.weight", "encoder.0.bias", "decoder.weight", "optimizer/state/0/step", "optimizer/lr",
        "größe",
    ].map { CheckpointPath.root.appending(raw: $0) }

    private func selected(_ patterns: String...) throws -> [String] {
        zip(paths, try PathSelection(patterns).selects(paths)).filter(\.1).map(\.0.text)
    }

    @Test func noPatternSelectsAll() throws {
        #expect(try selected().count == paths.count)
    }

    @Test func starStandsForAnyText() throws {
        #expect(try selected("encoder.*") == ["encoder.0.weight", "encoder.0.bias"])
        #expect(try selected("*weight") == ["encoder.0.weight", "decoder.weight"])
        #expect(try selected("opt*step") == ["optimizer/state/0/step"])
        #expect(try selected("*") == paths.map(\.text))
    }

    @Test func questionMarkStandsForOneCharacter() throws {
        #expect(try selected("encoder.?.bias") == ["encoder.0.bias"])
        #expect(try selected("?ecoder.weight") == ["decoder.weight"])
        #expect(throws: PathSelectionError.self) { try selected("encoder?bias") }
        #expect(try selected("gr?ße") == ["größe"])
        #expect(try selected("gr??e") == ["größe"])
    }

    @Test func bracketsStandForOneOfSeveral() throws {
        #expect(try selected("encoder.[0-3].bias") == ["encoder.0.bias"])
        #expect(try selected("[!e]*weight") == ["decoder.weight"])
        #expect(try selected("gr[öo]ße") == ["größe"])
        #expect(throws: PathSelectionError.self) { try selected("encoder.[1-3].bias") }
    }

    @Test func aContainerSelectsWhatIsBelow() throws {
        #expect(try selected("optimizer") == ["optimizer/state/0/step", "optimizer/lr"])
        #expect(try selected("optimizer/state") == ["optimizer/state/0/step"])
        #expect(throws: PathSelectionError.self) { try selected("opti") }
    }

    @Test func severalPatternsSelectWhatAnyOfThemMatches() throws {
        #expect(
            try selected("decoder.weight", "optimizer/lr", "nothing") == ["decoder.weight", "optimizer/lr"])
    }

    @Test func aPathWithPatternCharactersIsSelectedByItsName() throws {
        let path = CheckpointPath.root.appending("w[0]*")
        #expect(try PathSelection(["w[0]*"]).selects([path]) == [true])
    }

    @Test func textAfterANULCounts() throws {
        let paths = ["a", "a\0b"].map { CheckpointPath.root.appending($0) }
        #expect(try PathSelection(["a"]).selects(paths) == [true, false])
        #expect(try PathSelection(["a?b"]).selects(paths) == [false, true])
    }

    @Test func nothingSelectedIsAnErrorWithASuggestion() throws {
        let error = #expect(throws: PathSelectionError.self) { try selected("decoder.wieght", "x") }
        #expect(
            error?.description
                == #"nothing in the checkpoint matches "decoder.wieght", "x" (did you mean "decoder.weight"?)"#)
        let other = #expect(throws: PathSelectionError.self) { try selected("?") }
        #expect(other?.description == #"nothing in the checkpoint matches "?""#)
        let lines = #expect(throws: PathSelectionError.self) { try selected("a\nb") }
        #expect(lines?.description == #"nothing in the checkpoint matches "a\nb""#)
    }

    @Test func manyStarsDoNotTakeForever() throws {
        let path = CheckpointPath.root.appending(String(repeating: "a", count: 2000))
        let pattern = String(repeating: "a*", count: 40) + "b"
        #expect(throws: PathSelectionError.self) { try PathSelection([pattern]).selects([path]) }
    }
}

extension CheckpointPath {
    /// The path whose text is `raw`, of keys without slashes.
    fileprivate func appending(raw: String) -> CheckpointPath {
        raw.split(separator: "/").reduce(self) { $0.appending(String($1)) }
    }
}
