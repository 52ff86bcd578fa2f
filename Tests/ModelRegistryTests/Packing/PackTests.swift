import Checkpoints
import Foundation
import GRDB
import ModelRegistry
import OrderedCollections
import Synchronization
import TensorCodec
import Tensors
import TestSupport
import Testing

struct PackTests {
    @Test func earlierVersionsBecomeDeltasOfLaterOnes() throws {
        let run = try TrainingRun()
        try run.save(1)
        let size = try run.fileByteCount
        try run.save(3)
        #expect(try run.depths(of: "weight") == [2, 1, 1, 0])
        #expect(try run.depths(of: "bias") == [2, 1, 1, 0])
        // Without deltas the weights alone would be 2.5 MB a version.
        #expect(try run.fileByteCount < size * 3)
        try run.check()
    }

    /// 1 leads to 2, 4, 8 and 16, and from there to what is saved so far.
    @Test func chainsAreShort() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(18)
        #expect(try run.depths(of: "weight") == [5, 4, 4, 3, 4, 3, 3, 2, 4, 3, 3, 2, 3, 2, 2, 1, 1, 0])
        try run.check()
    }

    @Test func versionsAtTheIntervalStayKeyframes() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.registry.setPackingRules(PackingRules(keyframeInterval: 8))
        try run.save(18)
        #expect(try run.depths(of: "weight") == [3, 2, 2, 1, 2, 1, 1, 0, 3, 2, 2, 1, 2, 1, 1, 0, 1, 0])
        try run.check()
    }

    @Test(arguments: [1, 2, 3, 7, 8, 32, 100]) func basesLeadToTheNextKeyframe(interval: Int) {
        let rules = PackingRules(keyframeInterval: interval)
        for number in 1...300 {
            let bases = rules.baseNumbers(of: number)
            #expect(bases.isEmpty == number.isMultiple(of: interval))
            #expect(bases.isEmpty || bases[0] == number + 1 && bases == bases.sorted())
            var links = 0
            var place = number
            while let base = rules.baseNumbers(of: place).last {
                #expect((place + 1...(number + interval - 1) / interval * interval).contains(base))
                place = base
                links += 1
            }
            #expect(links <= 2 * Int(log2(Double(interval))) + 1)
            #expect(interval != 32 || links <= 5)
        }
    }

    @Test func rulesOfARegistryBoundDepths() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.registry.setPackingRules(PackingRules(maximumDepth: 2, keyframeInterval: 100))
        #expect(try run.registry.packingRules() == PackingRules(maximumDepth: 2, keyframeInterval: 100))
        try run.save(7)
        #expect(try run.depths(of: "weight") == [2, 1, 1, 0, 2, 1, 0])
        try run.registry.setPackingRules(PackingRules(maximumDepth: 0))
        try run.save(2)
        #expect(try run.depths(of: "weight") == [2, 1, 1, 0, 2, 1, 0, 0, 0])
        try run.check()
    }

    @Test func packingLaterDoesTheSame() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(5, packs: false)
        #expect(try run.depths(of: "weight") == [0, 0, 0, 0, 0])
        let report = try run.registry.pack()
        #expect(report.deltaCount >= 8)
        #expect(report.byteCountAfter < report.byteCountBefore)
        #expect(try run.depths(of: "weight") == [3, 2, 2, 1, 0])
        let again = try run.registry.pack()
        #expect(again.deltaCount == 0 && again.keyframeCount == 0)
        try run.check()
    }

    @Test func tensorsThatAreLongerAsDeltasStayKeyframes() throws {
        let run = try TrainingRun()
        try run.save(3)
        #expect(try run.depths(of: "fresh") == [0, 0, 0])
        let choices = try run.sql { db in
            try Row.fetchAll(
                db,
                sql:
                    "SELECT text, is_delta, use_count FROM packing_choice JOIN path ON path.id = path ORDER BY 1"
            ).map { "\($0["text"] as String) \($0["is_delta"] as Int) \($0["use_count"] as Int)" }
        }
        #expect(choices == ["fresh 0 2", "weight 1 2"])
    }

    @Test func theChoiceIsTestedAgain() throws {
        let run = try TrainingRun(weightCount: 40000)
        try run.save(2)
        // As if weights had been found to be longer as deltas.
        try run.sql { db in try db.execute(sql: "UPDATE packing_choice SET is_delta = 0") }
        try run.save(9)
        #expect(try run.depths(of: "weight") == [1, 0, 0, 0, 0, 0, 0, 2, 2, 1, 0])
        try run.check()
    }

    @Test func pinnedVersionsStayKeyframes() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(2, packs: false)
        try run.registry.setAlias("best", to: "m:v2", isPinned: true)
        try run.save(3)
        #expect(try run.depths(of: "weight") == [1, 0, 2, 1, 0])
        // A pin on what is packed already makes keyframes of it.
        try run.registry.setAlias("best", to: "m:v3", isPinned: true)
        try run.registry.pack()
        #expect(try run.depths(of: "weight") == [3, 2, 0, 1, 0])
        try run.check()
    }

    @Test func aReturnToEarlierWeightsLoadsAtFullSpeed() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(3)
        try run.registry.save(run.checkpoints[0], as: "m", message: "back")
        try run.registry.packNewVersions(of: "m")
        #expect(try run.depths(of: "weight") == [0, 1, 1, 0])
        try run.check()
    }

    @Test func whatTheNewestOfAnotherModelNeedsStays() throws {
        let run = try TrainingRun(weightCount: 5000)
        try run.save(1)
        try run.registry.save(run.checkpoints[0], as: "copy", message: "")
        try run.save(2)
        #expect(try run.depths(of: "weight") == [0, 1, 0])
        try run.check()
    }

    @Test func tensorsOfAnotherShapeOrTypeAreNoBases() throws {
        let run = try TrainingRun()
        let registry = run.registry
        let values = [Float](repeating: 0.5, count: 1000).enumerated().map { $1 + Float($0) * 1e-3 }
        let changed = values.map { $0 + 1e-6 }
        let first: StateDict = ["a": Tensor(values), "b": Tensor(values.map { -$0 })]
        let second: StateDict = [
            "a": Tensor(changed, shape: [10, 100]), "b": Tensor(changed.map { Double(-$0) }),
        ]
        try registry.save(first, as: "s", message: "")
        try registry.save(second, as: "s", message: "")
        #expect(try registry.pack().deltaCount == 0)
        let loaded: StateDict = try registry.load("s:v1")
        #expect(try differences(between: first.checkpoint, and: loaded.checkpoint) == [])
    }

    @Test func bestEffortIsNoLonger() throws {
        let run = try TrainingRun()
        try run.save(3)
        let before = try run.fileByteCount
        let report = try run.registry.pack(["m"], effort: .best)
        #expect(report.byteCountAfter <= report.byteCountBefore)
        #expect(try run.fileByteCount <= before)
        try run.check()
    }

    @Test func aCancelledPackingGoesOnLater() throws {
        let run = try TrainingRun()
        try run.save(4, packs: false)
        let calls = Mutex(0)
        try run.registry.pack(isCancelled: {
            calls.withLock {
                $0 += 1
                return $0 > 4
            }
        })
        try run.check()
        try run.registry.packNewVersions(of: "m")
        #expect(try run.depths(of: "weight") == [2, 1, 1, 0])
        try run.check()
    }

    @Test func savesArePackedInTheBackground() throws {
        let run = try TrainingRun(weightCount: 5000, packsInBackground: true)
        try run.save(3, packs: false)
        try run.registry.waitForPacking()
        #expect(try run.depths(of: "weight") == [2, 1, 0])
        try run.check()
    }

    @Test func backgroundErrorsWaitForTheNextCall() throws {
        let run = try TrainingRun(weightCount: 5000, packsInBackground: true)
        try run.save(1, packs: false)
        try run.registry.waitForPacking()
        try run.sql { db in
            try db.execute(
                sql: "CREATE TRIGGER no BEFORE UPDATE ON chunk BEGIN SELECT raise(ABORT, 'no deltas here'); END"
            )
        }
        try run.save(1, packs: false)
        #expect(throws: RegistryError.self) { try run.registry.waitForPacking() }
        try run.registry.waitForPacking()
        try run.sql { db in try db.execute(sql: "DROP TRIGGER no") }
        try run.check()
    }

    @Test func progressCountsBytesOfAVersion() throws {
        let run = try TrainingRun()
        try run.save(2, packs: false)
        let seen = Mutex<[Int]>([])
        try run.registry.pack(progress: { done, total in
            seen.withLock { $0 += [done, total] }
        })
        let all = seen.withLock { $0 }
        #expect(all.last == 4 * TrainingRun.weightCount + 400)
    }
}
