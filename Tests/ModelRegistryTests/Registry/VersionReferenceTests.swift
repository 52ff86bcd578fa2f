import ModelRegistry
import Testing

struct VersionReferenceTests {
    @Test(
        arguments: [
            ("mlp", "mlp", VersionReference.Selector.latest, 0, nil),
            ("team/mlp:latest", "team/mlp", .latest, 0, nil),
            ("mlp:v3", "mlp", .number(3), 0, nil), ("mlp:3", "mlp", .number(3), 0, nil),
            ("mlp:best", "mlp", .alias("best"), 0, nil),
            ("mlp~", "mlp", .latest, 1, nil), ("mlp~2", "mlp", .latest, 2, nil),
            ("mlp:best~0", "mlp", .alias("best"), 0, nil),
            ("mlp:v3~10", "mlp", .number(3), 10, nil), ("mlp:v3@sha256:AbCd", "mlp", .number(3), 0, "abcd"),
            ("mlp~1@sha256:0123456789", "mlp", .latest, 1, "0123456789"),
            (
                "mlp@sha256:" + String(repeating: "f", count: 64), "mlp", .latest, 0,
                String(repeating: "f", count: 64)
            ),
            ("mlp:v99999999999999999999", "mlp", .number(.max), 0, nil),
            ("models:/mlp/3", "mlp", .number(3), 0, nil),
            ("models:/team/mlp/v3", "team/mlp", .number(3), 0, nil),
            ("models:/mlp/latest", "mlp", .latest, 0, nil),
            ("models:/mlp@champion", "mlp", .alias("champion"), 0, nil),
            ("models:/team/mlp@3", "team/mlp", .number(3), 0, nil),
            ("models:/mlp/Production", "mlp", .alias("Production"), 0, nil),
        ] as [(String, String, VersionReference.Selector, Int, String?)])
    func everyFormIsRead(
        text: String, model: String, selector: VersionReference.Selector, stepsBack: Int, prefix: String?
    ) throws {
        let reference = try VersionReference(text)
        #expect(reference.model == model)
        #expect(reference.selector == selector)
        #expect(reference.stepsBack == stepsBack)
        #expect(reference.contentPrefix == prefix)
    }

    @Test(arguments: [
        "mlp:", "mlp:v3:x", "mlp:a b", "mlp:-x", "mlp~x", "mlp~-1", "mlp~+1", "mlp~1~1",
        "mlp~99999999999999999999",
        "mlp@", "mlp@best", "mlp@sha256:", "mlp@sha256:abc", "mlp@sha256:abcg", "mlp@sha256:ａｂｃｄ",
        "mlp@sha512:abcd",
        "mlp@sha256:" + String(repeating: "f", count: 65), "mlp:v3@sha256:abcd~1", "models:/mlp",
        "models:/mlp/", "models:/mlp@",
        "models:/mlp/3~1", "models:/mlp/é", "mlp:é",
    ])
    func everythingElseIsRefused(text: String) {
        #expect(throws: RegistryError.badReference(text)) { try VersionReference(text) }
    }

    @Test(arguments: [
        ("", ""), (":v3", ""), ("~1", ""), ("a b:v3", "a b"), ("models://3", ""), ("models:/a b/3", "a b"),
        ("/a", "/a"),
    ])
    func badModelNamesAreNamed(text: String, name: String) {
        #expect(throws: RegistryError.badModelName(name)) { try VersionReference(text) }
    }

    @Test func theMessageShowsTheGrammar() {
        #expect(
            message { try VersionReference("mlp:") }
                == #""mlp:" does not name a version: name[:v3|:latest|:alias][~n][@sha256:digits]"#)
    }

    @Test func messagesAreOneLine() {
        #expect(message { try VersionReference("a\nb") }?.contains("\n") == false)
        #expect(message { try VersionReference("a:\u{1B}[2J") }?.contains("\u{1B}") == false)
    }
}
