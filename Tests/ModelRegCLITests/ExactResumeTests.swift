import Foundation
import Foundations
import Testing

/// A training program that is killed and goes on ends as if nothing had happened. `Digits` is the program.
@Suite struct ExactResumeTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private static let seed = UInt64.random(in: 0..<1 << 32)

    /// Kills at random points until a run ends by itself: while it starts, reads, trains and, as it saves after every
    /// step, while it saves. The last version is compared with that of a run that was never killed: weights,
    /// optimiser, schedule, random state and position, by content id.
    @Test(arguments: [("adamw", 1), ("adamw", 2), ("sgd", 1), ("rmsprop", 2)])
    func killedAtAnyPointItEndsWithTheSameBits(_ optimizer: String, _ threads: Int) throws {
        let run = "Digits --epochs 6 --every 1 --optimizer \(optimizer) --threads \(threads) --pause 4000"
        #expect(try workspace.shell("\(run) --model unbroken --registry a.db").status == 0)
        var generator = SystemRandomNumberGenerator()
        var killCount = 0
        var resumedCount = 0
        while true {
            let process = try workspace.start("exec \(run) --model killed --registry b.db")
            // The first few kills are sure to come before the end.
            let isLast = killCount >= 8
            // And the first not before there is something to go on from, however busy the machine is.
            if killCount == 0 {
                try process.wait {
                    try workspace.shell("modelreg log killed --registry b.db").output.contains("step ")
                }
            }
            if !isLast { usleep(UInt32.random(in: 20_000...350_000, using: &generator)) }
            if !isLast { kill(process.process.processIdentifier, SIGKILL) }
            let outcome = try process.wait()
            if outcome.output.contains("resumed from killed:v") { resumedCount += 1 }
            if outcome.status == 0 { break }
            #expect(outcome.status == SIGKILL, "\(outcome.errors)")
            killCount += 1
        }
        #expect(killCount >= 1 && resumedCount >= 1)
        let ids = try ["a", "b"].map { file in
            let name = file == "a" ? "unbroken" : "killed"
            return try workspace.shell(
                "modelreg show \(name) --registry \(file).db --json | grep '\"content_id\"' | sort; "
                    + "modelreg show \(name) --registry \(file).db | sed -n '/^PATH/,$p'"
            )
            .output
        }
        #expect(ids[0].contains("model/hidden.weight") && ids[0].contains("optimizer/state/0/"))
        #expect(ids[0] == ids[1], "after \(killCount) kills")
        #expect(try workspace.modelreg("verify --registry b.db").status == 0)
    }

    @Test func aSignalSavesAndStops() throws {
        let run = "Digits --epochs 4"
        #expect(try workspace.shell("\(run) --model unbroken --every 1 --registry end.db").status == 0)
        let process = try workspace.start(
            "exec \(run) --every 5 --pause 20000 --model stopped --registry stop.db")
        // It has saved once, and has most of its 92 steps before it.
        #expect(
            try process.wait {
                try workspace.shell("modelreg log stopped --registry stop.db").output.contains("step ")
            })
        kill(process.process.processIdentifier, SIGTERM)
        let outcome = try process.wait()
        #expect(outcome.status == 143)
        #expect(outcome.errors == "modelreg: signal 15: saving a last checkpoint\n")
        let versions = try workspace.modelreg("log stopped --registry stop.db --json")
        #expect(versions.output.contains("\"message\" : \"epoch "))
        let rest = try workspace.shell("\(run) --model stopped --registry stop.db --every 92")
        #expect(rest.status == 0 && rest.output.hasPrefix("resumed from stopped:v"), "\(rest.errors)")
        let ids = try ["unbroken --registry end.db", "stopped --registry stop.db"].map {
            try workspace.shell("modelreg show \($0) --json | grep -A1 '\"byte_count\"'").output
        }
        #expect(ids[0].contains("content_id") && ids[0] == ids[1])
    }

    @Test func aFullDiskIsSaidAndTrainingGoesOn() throws {
        // A limit on file size stands in for a full disk.
        let run = "Digits --epochs 2 --every 1"
        let outcome = try workspace.shell("trap '' XFSZ; ulimit -f 3000; \(run)")
        #expect(outcome.status == 1)
        let lines = outcome.errors.split(separator: "\n")
        #expect(lines.first?.hasPrefix("modelreg: checkpoint of step ") == true)
        #expect(lines.first?.hasSuffix("; earlier versions are as they were") == true, "\(outcome.errors)")
        #expect(outcome.output.contains("epoch 2: "))
        #expect(try workspace.modelreg("verify").status == 0)
        // With room again, it goes on from what there is.
        let rest = try workspace.shell(run)
        #expect(rest.status == 0 && rest.output.hasPrefix("resumed from digits:v"), "\(rest.errors)")
        #expect(try workspace.shell("\(run) --model unbroken").status == 0)
        #expect(try workspace.modelreg("diff digits unbroken --exit-code").status == 0)
    }

    @Test func somethingElseIsNoRegistry() throws {
        try workspace.write(Data("no database, but long enough to be looked at".utf8), to: "modelreg.db")
        let outcome = try workspace.shell("Digits --epochs 1")
        #expect(outcome.status == 1 && outcome.errors.contains("is not a modelreg registry"))
    }
}
