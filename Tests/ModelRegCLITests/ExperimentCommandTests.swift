import Foundation
import Foundations
import Testing

/// `save --gate`, `note`, `lineage`, `restore`, and aliases that are protected.
@Suite struct ExperimentCommandTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func aGateRefusesWhatIsNotFinite() throws {
        try workspace.writeNumPy([1, 2, .nan, .infinity], to: "bad.npy")
        try workspace.writeNumPy([3, 4], to: "good.npy")
        try workspace.succeed("save good.npy m --gate")
        let size = try workspace.bytes("modelreg.db").count
        try workspace.fail(
            "save bad.npy m --gate", 1,
            #"not saved: nan > 0 or infinity > 0 holds for "" (1 NaN, 1 infinite, l2 norm 2.236)"#)
        try workspace.fail(
            "save good.npy m --gate='l2_norm >= 5'", 1, #"not saved: l2_norm >= 5 holds for "" (l2 norm 5)"#)
        #expect(try workspace.objects("log m").count == 1)
        #expect(try workspace.bytes("modelreg.db").count == size)
        try workspace.succeed("save good.npy m --gate='l2_norm > 5'")
        #expect(
            try workspace.modelreg("save good.npy m --gate='norm > 5'").errors.hasPrefix(
                #"modelreg: "norm > 5": "norm" is not known here; there is byte_count, "#))

        let marked = try workspace.modelreg("save bad.npy m --gate-mark")
        #expect(marked.status == 0 && marked.errors == "note: marked unhealthy: (itself)\n")
        #expect(try workspace.succeed("log m").contains("unhealthy"))
        #expect(
            try workspace.objects("log m --where 'defined(unhealthy)'").map { $0["version"] as? Int } == [3])
        #expect(try workspace.objects("log m --where 'not defined(unhealthy)'").count == 2)
        let report = try workspace.object("save bad.npy other --gate-mark --gate='nan > 0'")
        #expect(report["unhealthy"] as? [String] == [""])
    }

    @Test func whatWasRunIsNotedWithAVersion() throws {
        let outcome = try workspace.shell(
            """
            git init -q code && cd code && git -c user.name=n -c user.email=e commit -q --allow-empty -m c && \
            modelreg save ../Examples/data/x-file m --registry ../modelreg.db --step 4 && git rev-parse HEAD
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let commit = try #require(outcome.output.split(separator: "\n").last.map(String.init))
        let environment = try #require(try workspace.object("show m")["environment"] as? [String: Any])
        #expect(environment["git_commit"] as? String == commit && environment["is_dirty"] as? Bool == false)
        #expect((environment["command"] as? [String])?.prefix(2) == ["modelreg", "save"])
        #expect(try workspace.succeed("show m").contains("code      \(commit.prefix(12)) ("))
        #expect(try workspace.succeed("show m --environment").contains("command   modelreg save ../Examples"))
        #expect(try workspace.objects("log m --where 'git_commit == \"\(commit)\" and step = 4'").count == 1)
    }

    @Test func notesAreKept() throws {
        try workspace.succeed("save Examples/data/x-file m")
        #expect(try workspace.succeed("note m:v1 'shipped on Friday'").isEmpty)
        let notes = try workspace.objects("note m 'back\u{1B}[2J\nagain'")
        #expect(notes.map { $0["text"] as? String } == ["shipped on Friday", "back\u{1B}[2J\nagain"])
        // What steers a terminal is not sent to one.
        let shown = try workspace.succeed("show m")
        #expect(shown.contains("note      shipped on Friday  ("))
        #expect(shown.contains("note      back\\u{1b}[2J\\nagain  (") && !shown.contains("\u{1B}"))
        try workspace.fail("note m:v9 x", 66, #"no version 9 of "m"; the latest is 1"#)
        #expect(try workspace.modelreg("note m ''").status == 64)
    }

    @Test func lineageIsFoundOrSaid() throws {
        try workspace.succeed("save Examples/data/mlp-step-100.pt base")
        try workspace.succeed("save Examples/data/checkpoint.pt chat")
        try workspace.writeNumPy([1], to: "soup.npy")
        try workspace.succeed("save soup.npy soup --merged-from base:v1 --merged-from chat")
        #expect(
            try workspace.succeed("lineage soup") == """
                soup:v1
                ├─ base:v1  merged, 0 % of the bytes
                └─ chat:v1  merged, 0 % of the bytes
                   └─ base:v1  fine-tuned, 33 % of the bytes, found by content

                """)
        #expect(
            try workspace.succeed("lineage base --descendants") == """
                base:v1
                ├─ chat:v1  fine-tuned, 33 % of the bytes, found by content
                │  └─ soup:v1  merged, 0 % of the bytes
                └─ soup:v1  merged, 0 % of the bytes

                """)
        let tree = try workspace.object("lineage chat")
        let parent = try #require((tree["from"] as? [[String: Any]])?.first)
        #expect(parent["reference"] as? String == "base:v1" && parent["is_given"] as? Bool == false)
        // What is gone is still named.
        _ = try workspace.shell("modelreg rm base:v1 && modelreg gc")
        #expect(try workspace.succeed("lineage chat").contains("└─ base:v1 (not in this registry)  fine-tuned"))
        #expect(try workspace.modelreg("save soup.npy s --parent chat --merged-from chat").status == 64)
        try workspace.fail("lineage nothing", 66, #"no model "nothing""#)
    }

    @Test func whatWasDeletedComesBackUntilGC() throws {
        for step in ["000", "010"] { try workspace.succeed("save Examples/data/mlp-step-\(step).pt mlp") }
        try workspace.succeed("alias set mlp:v1 first")
        try workspace.succeed("rm mlp:v1 --force")
        #expect(timeless(try workspace.succeed("log mlp --deleted")).hasPrefix("VERSION  SAVED"))
        let deleted = try workspace.objects("log mlp --deleted")
        #expect(deleted.count == 1 && deleted[0]["deleted_at"] is String)
        #expect(try workspace.succeed("restore mlp:v1") == "restored mlp:v1 and its aliases first\n")
        #expect(try workspace.succeed("load mlp:first -o back.pt").contains("byte for byte"))
        #expect(try workspace.bytes("back.pt") == workspace.bytes("Examples/data/mlp-step-000.pt"))
        try workspace.fail("restore mlp:v1", 64, "mlp:v1 is not deleted")
        // An alias that moved on stays where it is.
        try workspace.succeed("rm mlp:v1 --force")
        try workspace.succeed("alias set mlp:v2 first")
        let restored = try workspace.modelreg("restore mlp:v1 --json")
        #expect(restored.output.contains("\"taken_aliases\" : [\n      \"first\"\n    ]"), "\(restored.output)")
        try workspace.succeed("rm mlp:v1")
        try workspace.succeed("gc")
        try workspace.fail(
            "restore mlp:v1", 66, "no deleted version 1 of \"mlp\": gc has removed it, or it never was")
        #expect(try workspace.modelreg("log mlp --deleted").errors == "nothing to restore\n")
    }

    @Test func aProtectedAliasMovesByForceOnly() throws {
        for step in ["000", "010"] { try workspace.succeed("save Examples/data/mlp-step-\(step).pt mlp") }
        try workspace.succeed("alias set mlp:v1 prod")
        #expect(try workspace.succeed("alias protect mlp prod") == "mlp:prod (v1) is protected\n")
        let refused = #"alias "prod" of "mlp" is protected; --force moves or removes it all the same"#
        try workspace.fail("alias set mlp:v2 prod", 64, refused)
        try workspace.fail("alias rm mlp prod", 64, refused)
        try workspace.fail("save Examples/data/mlp-step-020.pt mlp:prod", 64, refused)
        #expect(try workspace.modelreg("rm mlp:v1").status == 64)
        #expect(try workspace.objects("log mlp").count == 2)
        #expect(try workspace.succeed("alias ls mlp").hasSuffix("  protected\n"))
        #expect(try workspace.succeed("alias set mlp:v2 prod --force") == "mlp:prod -> v2 (was v1)\n")
        #expect(try workspace.object("alias unprotect mlp prod")["is_protected"] as? Bool == false)
        try workspace.succeed("alias rm mlp prod")

        #expect(
            rows(try workspace.succeed("alias log mlp prod")) == [
                "WHEN WHO ALIAS WHAT", "TIME WHO prod removed from v2",
                "TIME WHO prod no longer protected on v2",
                "TIME WHO prod set to v2 from v1", "TIME WHO prod protected on v1", "TIME WHO prod set to v1",
            ])
        let events = try workspace.objects("alias log mlp")
        #expect(events.map { $0["action"] as? String }.last == "alias set" && events.count == 5)
        #expect((events[0]["actor"] as? String)?.contains("@") == true)
        try workspace.fail("alias protect mlp nothing", 66, #"no alias "nothing" of "mlp""#)
    }
}
