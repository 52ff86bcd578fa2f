import Foundations
import Testing

struct RelativeNameTests {
    @Test(arguments: ["a", "a/b", "..a", "a..", "...", "-rf", " ", "a\nb", "\\..\\a", "ü", ".hidden/.x"])
    func namesBelowAFolderAreSafe(name: String) { #expect(RelativeName.isSafe(name)) }

    @Test(arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/./b", "a\0b",
        String(repeating: "x", count: 256), String(repeating: "x/", count: 2048) + "x",
    ])
    func namesThatLeadElsewhereAreNot(name: String) { #expect(!RelativeName.isSafe(name)) }

    @Test func filesThatCannotBeInOneFolderAreFound() {
        #expect(RelativeName.firstConflict(["a", "b/a", "b/c"]) == nil)
        // Two names to the system, though they look the same.
        #expect(RelativeName.firstConflict(["\u{FC}", "u\u{308}", "A", "a"]) == nil)
        #expect(RelativeName.firstConflict(["a", "b", "a"]) == "a")
        #expect(RelativeName.firstConflict(["a/b/c", "a/b"]) == "a/b/c")
        #expect(RelativeName.firstConflict(["a/b", "a.b", "ab"]) == nil)
    }

    @Test func filesOfOneFolderAreNeighbours() {
        let names = ["a-b", "a/x", "a.b", "a/y", "u\u{308}", "\u{FC}", "B"]
        #expect(
            names.sorted(by: RelativeName.precedes) == ["B", "a-b", "a.b", "a/x", "a/y", "u\u{308}", "\u{FC}"])
    }
}
