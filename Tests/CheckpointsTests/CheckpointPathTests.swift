import Checkpoints
import Testing

struct CheckpointPathTests {
    @Test func joinsKeysBySlashesWithoutALeadingOne() {
        let path = CheckpointPath.root.appending("optimizer").appending("state").appending("0")
        #expect(path.text == "optimizer/state/0")
        #expect(CheckpointPath.root.text == "")
    }

    @Test(arguments: [
        ("a/b", "a~1b"), ("~", "~0"), ("~1", "~01"), ("/~/", "~1~0~1"), ("a.b", "a.b"), ("ü/", "ü~1"),
    ])
    func escapesAsJSONPointerDoes(key: String, escaped: String) {
        #expect(CheckpointPath.root.appending(key).text == escaped)
    }

    @Test func emptyKeysKeepTheirSlash() {
        let empty = CheckpointPath.root.appending("")
        #expect(empty.text == "")
        #expect(empty.appending("x").text == "/x")
        #expect(empty.appending("").text == "/")
        #expect(empty != .root)
    }

    // Swift's texts are equal when they look the same; keys of a checkpoint are bytes.
    @Test func pathsThatLookTheSameDiffer() {
        #expect(CheckpointPath.root.appending("\u{E9}") != CheckpointPath.root.appending("e\u{301}"))
        #expect(Set([CheckpointPath.root.appending("\u{E9}"), .root.appending("e\u{301}")]).count == 2)
    }
}
