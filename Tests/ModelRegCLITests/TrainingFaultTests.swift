import Foundation
import Testing

/// What may go wrong while a program trains, done to `Digits` from outside: nothing saved before is lost.
@Suite struct TrainingFaultTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// Whether a process may mount file systems of its own here.
    private static let mayMount: Bool = {
        let workspace = try? Workspace()
        return (try? workspace?.shell("unshare -rm mount -t tmpfs none /mnt").status) == 0
    }()

    private func state(ofRun run: String) throws -> String {
        let output = try workspace.shell("modelreg run show \(run) --json | grep '\"state\"'").output
        return output.trimmingCharacters(in: .whitespacesAndNewlines.union(.punctuationCharacters))
    }

    /// A file system of 2 MB that fills up, and gets room again.
    @Test(.enabled(if: mayMount, "may not mount file systems"))
    func aFullDiskStopsSavingAndNotTraining() throws {
        let outcome = try workspace.shell(
            """
            unshare -rm bash -c '
              mkdir disk && mount -t tmpfs -o size=2m none disk
              Digits --registry disk/r.db --epochs 3 --every 1; echo "status $?"
              modelreg verify --registry disk/r.db || exit 9
              cp disk/r.db kept.db'
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("epoch 3: ") && outcome.output.contains("status 1\n"))
        #expect(outcome.output.contains("ok: "), "\(outcome.output)")
        #expect(outcome.errors.contains("disk is full"), "\(outcome.errors)")
        // With room again, training goes on from the last that was saved, and ends with the same bits.
        let rest = try workspace.shell("Digits --registry kept.db --epochs 3 --every 1")
        #expect(rest.status == 0 && rest.output.hasPrefix("resumed from digits:v"), "\(rest.errors)")
        #expect(
            try workspace.shell("Digits --registry kept.db --model unbroken --epochs 3 --every 1").status == 0)
        let compared = try workspace.modelreg("diff digits unbroken --exit-code --registry kept.db")
        #expect(compared.status == 0, "\(compared.output)\(compared.errors)")
    }

    @Test(.enabled(if: mayMount, "may not mount file systems"))
    func aReadOnlyFileSystemIsSaidAtOnce() throws {
        #expect(try workspace.shell("mkdir disk; Digits --registry disk/r.db --epochs 1").status == 0)
        let before = try workspace.bytes("disk/r.db")
        let outcome = try workspace.shell(
            """
            unshare -rm bash -c '
              mount --bind disk disk && mount -o remount,bind,ro disk
              Digits --registry disk/r.db --epochs 2'
            """)
        #expect(outcome.status == 1 && outcome.output == "", "\(outcome.output)")
        #expect(
            outcome.errors.hasPrefix("Digits: ") && outcome.errors.contains("cannot be written"),
            "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(try workspace.bytes("disk/r.db") == before)
    }

    /// Another process holds the lock, for a while and then for longer than anybody waits.
    @Test func aLockedRegistryHoldsUpSavingAndNotTraining() throws {
        let run = "Digits --epochs 4 --every 5"
        #expect(try workspace.shell("\(run) --registry free.db").status == 0)
        let process = try workspace.start("exec \(run) --pause 15000")
        #expect(try process.wait { try versionCount >= 2 })
        let lock = try workspace.shell(
            "sqlite3 modelreg.db '.timeout 10000' 'BEGIN EXCLUSIVE' '.shell sleep 0.7' COMMIT")
        #expect(lock.status == 0, "\(lock.errors)")
        let outcome = try process.wait()
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        let counts = try ["free", "modelreg"].map {
            try workspace.shell("modelreg log digits --json --registry \($0).db | grep -c content_id").output
        }
        #expect(counts[0] == counts[1] && counts[0] == "18\n")
    }

    @Test func aSecondProcessOfOneRunIsRefused() throws {
        let run = "Digits --epochs 4 --every 10"
        let first = try workspace.start("exec \(run) --pause 10000")
        #expect(try first.wait { try versionCount > 0 })
        #expect(try state(ofRun: "digits/baseline") == "state\" : \"running")
        let second = try workspace.shell(run)
        #expect(second.status == 1 && second.output == "")
        #expect(
            second.errors.hasPrefix(#"Digits: run "digits/baseline" is "#)
                && second.errors.contains("\(first.process.processIdentifier)"), "\(second.errors)")
        // One of another name goes on beside it.
        let other = try workspace.shell("\(run) --run other")
        #expect(other.status == 0 && !other.output.contains("resumed"), "\(other.errors)")
        #expect(try first.wait().status == 0)
        #expect(try state(ofRun: "digits/baseline") == "state\" : \"finished")
        let runs = try workspace.modelreg("run ls digits --json").output
        #expect(runs.contains("digits/other") || runs.contains("\"other\""))
        #expect(try workspace.modelreg("verify").status == 0)
    }

    /// How many versions of `digits` there are.
    private var versionCount: Int {
        get throws {
            let output = try workspace.shell("modelreg log digits --json | grep -c content_id").output
            return Int(output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        }
    }

    @Test func whatBecameOfARunIsSaid() throws {
        let run = "Digits --epochs 4 --every 10 --pause 20000"
        for (signal, status) in [(SIGKILL, SIGKILL), (SIGTERM, 143)] {
            let before = try versionCount
            let process = try workspace.start("exec \(run)")
            // Once it has saved, it trains, and listens for signals.
            #expect(try process.wait { try versionCount > before })
            kill(process.process.processIdentifier, signal)
            #expect(try process.wait().status == status)
            #expect(try state(ofRun: "digits/baseline") == "state\" : \"killed")
        }
        #expect(try workspace.shell("\(run) --pause 0").status == 0)
        #expect(try state(ofRun: "digits/baseline") == "state\" : \"finished")
        #expect(try workspace.shell("modelreg run ls | grep -c baseline").output == "1\n")
    }
}
