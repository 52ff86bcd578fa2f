import Checkpoints
import Foundation
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct RestoreTests {
    private let registry: Registry

    init() throws {
        registry = try Registry.inMemory()
        for value in 1...3 { try registry.save(["w": Tensor([Float(value)])], as: "m", message: "") }
    }

    @Test func aDeletedVersionComesBackWithItsAliases() throws {
        try registry.setAlias("best", to: "m:v2", isPinned: true)
        try registry.protectAlias("best", of: "m", isProtected: true)
        try registry.setAlias("prod", to: "m:v2")
        try registry.delete("m:v2", force: true)
        try registry.setAlias("prod", to: "m:v3")
        #expect(try registry.deletedVersions(of: "m").map(\.version.reference) == ["m:v2"])

        let report = try registry.restore("m:v2")
        #expect(report.version.aliases == ["best"] && report.takenAliases == ["prod"])
        let aliases = try registry.aliases()
        #expect(
            aliases.map { "\($0.name) \($0.number) \($0.isProtected) \($0.isPinned)" } == [
                "best 2 true true", "prod 3 false false",
            ])
        let loaded: StateDict = try registry.load("m:v2", verifiesHashes: true)
        #expect(loaded["w"]?.item() == 2)
        #expect(try registry.deletedVersions(of: "m").isEmpty)
        #expect(try registry.verify().problems.isEmpty)
    }

    @Test func afterTheCollectionThereIsNothingToRestore() throws {
        try registry.delete("m:v2")
        try registry.collectGarbage()
        #expect(
            message { try registry.restore("m:v2") }
                == #"no deleted version 2 of "m": gc has removed it, or it never was"#)
        #expect(message { try registry.restore("m:v1") } == "m:v1 is not deleted")
        #expect(
            message { try registry.restore("m") }
                == #""m" does not name a deleted version: write its number, as in mlp:v3"#)
        #expect(message { try registry.restore("elsewhere:v1") } == #"no model "elsewhere""#)
    }

    @Test func theNewestOnesComeBackInAPackedHistory() throws {
        let run = try TrainingRun()
        try run.save(4)
        try run.registry.delete("m:v4")
        try run.registry.delete("m:v3")
        try run.registry.pack()
        try run.registry.restore("m:v4")
        try run.registry.restore("m:v3")
        try run.registry.pack()
        try run.check()
        #expect(try run.depths(of: "weight").last == 0)
        try run.registry.collectGarbage()
        try run.check()
    }

    @Test func protectedAliasesMoveByForceOnly() throws {
        try registry.setAlias("prod", to: "m:v1")
        try registry.protectAlias("prod", of: "m", isProtected: true)
        let refusal = #"alias "prod" of "m" is protected; --force moves or removes it all the same"#
        #expect(message { try registry.setAlias("prod", to: "m:v2") } == refusal)
        #expect(message { try registry.removeAlias("prod", of: "m") } == refusal)
        let before = try registry.contentRowCounts()
        #expect(
            message {
                try registry.save(["w": Tensor([Float(77)])], as: "m", options: SaveOptions(aliases: ["prod"]))
            }
                == refusal)
        #expect(try registry.contentRowCounts() == before)
        #expect(message { try registry.delete("m:v1") } != nil)
        var options = SaveOptions(aliases: ["prod"])
        options.movesProtectedAliases = true
        try registry.save(["w": Tensor([Float(9)])], as: "m", options: options)
        #expect(try registry.aliases()[0].number == 4)
        #expect(try registry.aliases()[0].isProtected)
        try registry.protectAlias("prod", of: "m", isProtected: false)
        try registry.setAlias("prod", to: "m:v1")
    }

    @Test func theHistoryOfAliasesIsKept() throws {
        try registry.setAlias("a", to: "m:v1")
        try registry.setAlias("a", to: "m:v2")
        try registry.setAlias("b", to: "m:v2")
        try registry.protectAlias("a", of: "m", isProtected: true)
        try registry.delete("m:v2", force: true)
        try registry.collectGarbage()
        let all = try registry.aliasHistory(of: "m")
        #expect(
            all.map { "\($0.action) \($0.alias) \($0.number ?? 0) \($0.before ?? 0)" } == [
                "alias rm b 2 0", "alias rm a 2 0", "alias protect a 2 0", "alias set b 2 0", "alias set a 2 1",
                "alias set a 1 0",
            ])
        #expect(all.allSatisfy { $0.actor.contains("@") && $0.at.timeIntervalSince1970 > 0 })
        #expect(try registry.aliasHistory(of: "m", alias: "b").count == 2)
    }
}
