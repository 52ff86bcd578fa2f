import Checkpoints
import Testing
import WeightDiff

struct AttachedFileTests {
    private func file(_ text: String) -> AttachedFile {
        let bytes = Array(text.utf8)
        return AttachedFile(id: ContentID(hashing: bytes), byteCount: bytes.count) { bytes }
    }

    private func changes(_ name: String, _ old: String?, _ new: String?) -> [String] {
        var before = CheckpointFacts()
        var after = CheckpointFacts()
        before.attachments = old.map { [name: file($0)] } ?? [:]
        after.attachments = new.map { [name: file($0)] } ?? [:]
        return before.changes(to: after).map { "\($0.key): \($0.old ?? "-") \($0.new ?? "-")" }
    }

    @Test func configurationsAreComparedByKey() {
        #expect(
            changes(
                "config.json", #"{"a":1,"b":{"c":[1],"d":"x"},"gone":null}"#,
                #"{"b":{"d":"y","c":[1]},"a":2,"e/f":true}"#)
                == [
                    "config.json/a: 1 2", "config.json/b/d: \"x\" \"y\"", "config.json/e~1f: - true",
                    "config.json/gone: null -",
                ])
    }

    @Test func otherFilesAreComparedAsWholes() {
        let change = changes("vocab.txt", "a", "bc")
        #expect(change.count == 1 && change[0].hasPrefix("vocab.txt: \"1 bytes, sha256 ca978112"))
        #expect(changes("vocab.txt", "a", "a").isEmpty)
        #expect(changes("new.json", nil, "{}").count == 1)
        #expect(changes("broken.json", "{", "{}").count == 1)
        #expect(changes("list.json", "[1]", "[2]").count == 1)
        // Other white space alone: the file is another one.
        #expect(changes("config.json", #"{"a":1}"#, #"{ "a":1}"#).count == 1)
    }

    @Test func whatIsNotKnownIsNotCompared() {
        var before = CheckpointFacts()
        before.attachments = ["a": file("a")]
        #expect(before.changes(to: CheckpointFacts()).isEmpty)
    }
}
