import Checkpoints
import ChunkStore
import GRDB
import ModelRegistry
import Testing

struct RegistryAliasesTests {
    private let registry: Registry

    init() throws {
        registry = try Registry.inMemory()
        for number in 1...3 { try registry.save(Checkpoint.integer(Int64(number)), as: "m", message: "") }
    }

    @Test func anAliasIsSetMovedAndRemoved() throws {
        #expect(try registry.setAlias("best", to: "m:v1") == nil)
        #expect(try registry.version("m:best").number == 1)
        #expect(try registry.setAlias("best", to: "m:best~0") == 1)
        #expect(try registry.setAlias("best", to: "m:v2") == 1)
        #expect(try registry.version("m:v2").aliases == ["best"] && registry.version("m:v1").aliases.isEmpty)
        #expect(try registry.removeAlias("best", of: "m") == 2)
        #expect(message { try registry.version("m:best") } == #"no alias "best" of "m""#)
        #expect(try registry.version("m:v2").number == 2)
    }

    @Test func aliasesAreListedByModelAndName() throws {
        try registry.save(Checkpoint.none, as: "a", options: SaveOptions(aliases: ["z", "b"]))
        try registry.setAlias("prod", to: "m:v2")
        #expect(
            try registry.aliases().map { "\($0.model):\($0.name)=\($0.number)" } == [
                "a:b=1", "a:z=1", "m:prod=2",
            ])
        #expect(try registry.aliases(of: "m").map(\.name) == ["prod"])
        #expect(message { try registry.aliases(of: "mm") } == #"no model "mm" (did you mean "m"?)"#)
        #expect(
            try registry.models().map { "\($0.name) \($0.versionCount) \($0.aliases)" } == [
                #"a 1 ["b", "z"]"#, #"m 3 ["prod"]"#,
            ])
    }

    @Test func savingMovesItsAliases() throws {
        try registry.setAlias("best", to: "m:v1")
        try registry.save(Checkpoint.none, as: "m", options: SaveOptions(aliases: ["best"]))
        #expect(try registry.version("m:best").number == 4)
    }

    @Test func aProtectedAliasNeedsForce() throws {
        try registry.setAlias("prod", to: "m:v1")
        try registry.tamper("UPDATE alias SET is_protected = 1")
        let text = #"alias "prod" of "m" is protected; --force moves or removes it all the same"#
        #expect(message { try registry.setAlias("prod", to: "m:v2") } == text)
        #expect(message { try registry.removeAlias("prod", of: "m") } == text)
        #expect(
            message { try registry.save(Checkpoint.none, as: "m", options: SaveOptions(aliases: ["prod"])) }
                == text)
        #expect(try registry.version("m").number == 3)
        #expect(try registry.setAlias("prod", to: "m:v1") == 1)
        #expect(try registry.setAlias("prod", to: "m:v2", force: true) == 1)
        #expect(try registry.aliases(of: "m").map(\.isProtected) == [true])
        #expect(try registry.removeAlias("prod", of: "m", force: true) == 2)
    }

    @Test func removingWhatIsNotThereSuggests() throws {
        try registry.setAlias("best", to: "m")
        #expect(
            message { try registry.removeAlias("bset", of: "m") }
                == #"no alias "bset" of "m" (did you mean "best"?)"#)
        #expect(message { try registry.removeAlias("x", of: "nn") } == #"no model "nn""#)
    }

    @Test func everyChangeIsAnEvent() throws {
        try registry.setAlias("best", to: "m:v1")
        try registry.setAlias("best", to: "m:v2")
        try registry.removeAlias("best", of: "m")
        try registry.delete("m:v3")
        let events = try registry.store.read { db in
            try String.fetchAll(
                db,
                sql:
                    "SELECT action || ' ' || number || ifnull(' ' || alias, '') || ifnull(' ' || detail, '') FROM event ORDER BY id"
            )
        }
        #expect(
            events == [
                "save 1", "save 2", "save 3", "alias set 1 best", #"alias set 2 best {"from":1}"#,
                "alias rm 2 best", "rm 3",
            ])
    }
}
