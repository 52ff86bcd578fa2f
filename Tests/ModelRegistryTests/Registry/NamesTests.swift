import Checkpoints
import ModelRegistry
import Testing

struct NamesTests {
    @Test(arguments: ["mlp", "team/mlp", "a.b-c_D9", "0", "a/b/c", String(repeating: "x", count: 200)])
    func modelNamesAreAccepted(name: String) throws {
        let registry = try Registry.inMemory()
        #expect(try registry.save(Checkpoint.none, as: name, message: "").version.model == name)
        #expect(try registry.version(name).model == name)
    }

    @Test(arguments: [
        "", "/", "a/", "/a", "a//b", "-a", ".a", "_a", "a/.b", "a b", "a:b", "a@b", "a~b", "é", "a\n", "a\0",
        "..", "a/../b", String(repeating: "x", count: 201),
    ])
    func otherModelNamesAreRefused(name: String) throws {
        let registry = try Registry.inMemory()
        #expect(throws: RegistryError.badModelName(name)) {
            try registry.save(Checkpoint.none, as: name, message: "")
        }
        #expect(try registry.models().isEmpty)
    }

    @Test(arguments: ["best", "_x", "a.b-c", "V3", "v", "v3a", "latest2", String(repeating: "x", count: 128)])
    func aliasesAreAccepted(name: String) throws {
        let registry = try Registry.inMemory()
        try registry.save(Checkpoint.none, as: "m", message: "")
        try registry.setAlias(name, to: "m")
        #expect(try registry.version("m:\(name)").number == 1)
    }

    @Test(arguments: [
        "", "-a", ".a", "a/b", "a b", "a:b", "a~1", "ä", "a\n", String(repeating: "x", count: 129),
    ])
    func otherAliasesAreRefused(name: String) throws {
        let registry = try Registry.inMemory()
        try registry.save(Checkpoint.none, as: "m", message: "")
        #expect(throws: RegistryError.badAlias(name)) { try registry.setAlias(name, to: "m") }
        #expect(throws: RegistryError.badAlias(name)) {
            try registry.save(Checkpoint.none, as: "m", options: SaveOptions(aliases: [name]))
        }
        #expect(try registry.versions(of: "m").count == 1)
    }

    @Test(arguments: ["latest", "v3", "3", "v0", "007", "99999999999999999999"])
    func whatSelectsOtherwiseIsReserved(name: String) throws {
        let registry = try Registry.inMemory()
        try registry.save(Checkpoint.none, as: "m", message: "")
        #expect(throws: RegistryError.reservedAlias(name)) { try registry.setAlias(name, to: "m") }
    }

    @Test func messagesSayWhatANameMayBe() {
        #expect(
            "\(RegistryError.badModelName("a b"))"
                == #""a b" is not a model name: letters, digits, ".", "_", "-", parts joined by "/", at most 200 bytes"#
        )
        #expect(
            "\(RegistryError.badAlias("a b"))"
                == #""a b" is not an alias: letters, digits, ".", "_", "-", at most 128 bytes"#)
        #expect(
            "\(RegistryError.reservedAlias("v3"))" == #""v3" cannot be an alias: it already names a version"#)
    }
}
