import Foundation
import Testing

/// `export` and `merge`: registries that are files of their own, put together again.
@Suite struct ArchiveCommandTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// A job's registry: a run `base` of the model `net`, its versions, and an alias.
    private func job(_ registry: String, steps: [String], rate: Double) throws {
        let outcome = try workspace.shell(
            """
            export MODELREG_REGISTRY=\(registry)
            modelreg run start net --name base --set lr=\(rate) && modelreg run log net/base --step 1 loss=\(rate) || exit 1
            for s in \(steps.joined(separator: " ")); do
              modelreg save Examples/data/mlp-step-$s.pt net --run base --step $((10#$s)) -m "step $s" || exit 1
            done
            modelreg alias set net best && modelreg run finish net/base
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    private func references(_ registry: String) throws -> [String] {
        try workspace.objects("log --registry \(registry) --sort version").compactMap {
            $0["reference"] as? String
        }
    }

    @Test func whatIsExportedIsARegistryOfItsOwn() throws {
        try job("job.db", steps: ["000", "010", "020"], rate: 0.1)
        try workspace.succeed("save Examples/data/x-file other --registry job.db")
        let line = try workspace.succeed("export net -o net.db --registry job.db")
        #expect(line.hasPrefix("3 versions, 1 run -> net.db  "))
        #expect(try references("net.db") == ["net:v1", "net:v2", "net:v3"])
        #expect(try workspace.objects("alias ls --registry net.db").map { $0["alias"] as? String } == ["best"])
        #expect(try workspace.objects("run ls --registry net.db")[0]["state"] as? String == "finished")
        #expect(try workspace.objects("alias log net --registry net.db").count == 1)
        let gc = try workspace.object("gc --dry-run --registry net.db")
        #expect(gc["chunk_count"] as? Int == 0 && gc["version_count"] as? Int == 0)

        try workspace.fail(
            "export net -o net.db --registry job.db", 73,
            #"cannot write "net.db": File exists; --force overwrites it"#)
        let one = try workspace.object("export net:v2 -o net.db --force --registry job.db")
        #expect(one["version_count"] as? Int == 1 && one["run_count"] as? Int == 1)
        #expect(one["byte_count"] as? Int == (try workspace.bytes("net.db").count))
        #expect(try references("net.db") == ["net:v2"])
        // Numbers go on where they were.
        #expect(try workspace.succeed("save Examples/data/x-file net --registry net.db").hasPrefix("net:v4 "))
        #expect(try workspace.object("export --all -o all.db --registry job.db")["version_count"] as? Int == 4)

        try workspace.fail("export nothing -o n.db --registry job.db", 66, #"no model "nothing""#)
        for arguments in ["export -o n.db", "export net --all -o n.db", "export net"] {
            #expect(try workspace.modelreg("\(arguments) --registry job.db").status == 64, "\(arguments)")
        }
        #expect(try workspace.names == ["all.db", "job.db", "net.db"])
    }

    @Test func anArchiveIsReadWhereNothingCanBeWritten() throws {
        try job("job.db", steps: ["000", "010"], rate: 0.1)
        let outcome = try workspace.shell(
            """
            mkdir archive && modelreg export --all -o archive/a.db --registry job.db && chmod 444 archive/a.db && chmod 555 archive
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
        defer { _ = try? workspace.shell("chmod 755 archive") }
        #expect(try references("archive/a.db") == ["net:v1", "net:v2"])
        #expect(try workspace.succeed("load net:v1 -o x.pt --registry archive/a.db").contains("byte for byte"))
        #expect(try workspace.bytes("x.pt") == workspace.bytes("Examples/data/mlp-step-000.pt"))
        #expect(try workspace.modelreg("verify --registry archive/a.db").status == 0)
        #expect(try workspace.modelreg("run ls --registry archive/a.db").status == 0)
        #expect(
            try workspace.succeed("merge archive/a.db --registry home.db").hasPrefix(
                "merged archive/a.db: 2 versions new"))
        // Root may write anywhere.
        if getuid() != 0 {
            #expect(try workspace.modelreg("note net x --registry archive/a.db").status == 73)
        }
    }

    @Test func jobsAreCombinedAndConflictsSaid() throws {
        try job("one.db", steps: ["000", "010"], rate: 0.1)
        try job("two.db", steps: ["010", "020", "050"], rate: 0.2)
        let rehearsed = try workspace.modelreg("merge one.db --dry-run --registry home.db")
        #expect(
            rehearsed.output.hasPrefix(
                "would merge one.db: 2 versions new, 0 the same, 1 run new, 8 chunks of "))
        #expect(try workspace.names == ["one.db", "two.db"])

        let merged = try workspace.modelreg("merge one.db two.db --registry home.db")
        #expect(merged.status == 0)
        let lines = merged.output.split(separator: "\n")
        #expect(lines[0].hasPrefix("merged one.db: 2 versions new, 0 the same, 1 run new, 8 chunks of "))
        // What both have is stored once: of the second job, only two versions' chunks are new.
        #expect(lines[1].hasPrefix("merged two.db: 3 versions new, 0 the same, 1 run new, 8 chunks of "))
        #expect(lines[1].hasSuffix(", 1 alias conflict"))
        #expect(
            merged.errors == """
                net:v1 -> net:v3
                net:v2 -> net:v4
                net:v3 -> net:v5
                run net/base -> net/base-2
                conflict: net:best stays net:v2; theirs is net:v5

                """)
        #expect(try references("home.db") == (1...5).map { "net:v\($0)" })
        let versions = try workspace.objects("log net --registry home.db --where original_version=2")
        #expect(
            versions.map { $0["reference"] as? String } == ["net:v4"]
                && versions[0]["run"] as? String == "net/base-2")
        for (number, step) in zip(1...5, ["000", "010", "010", "020", "050"]) {
            try workspace.succeed("load net:v\(number) -o back.pt --force --registry home.db")
            #expect(try workspace.bytes("back.pt") == workspace.bytes("Examples/data/mlp-step-\(step).pt"))
        }
        #expect(try workspace.modelreg("verify --registry home.db").status == 0)

        // Again there is nothing to do; the alias moves where that is asked for.
        let again = try workspace.modelreg("merge two.db --registry home.db")
        #expect(again.output == "merged two.db: 0 versions new, 3 the same, 1 alias conflict\n")
        #expect(again.errors == "conflict: net:best stays net:v2; theirs is net:v5\n")
        let theirs = try workspace.modelreg("merge two.db --theirs --registry home.db")
        #expect(theirs.errors == "conflict: net:best moved from net:v2 to net:v5\n")
        let report = try workspace.objects("merge two.db --registry home.db")
        #expect(report[0]["same_count"] as? Int == 3 && (report[0]["conflicts"] as? [Any])?.isEmpty == true)
        #expect(
            report[0]["is_merged"] as? Bool == true && (report[0]["renamed_runs"] as? [Any])?.isEmpty == true)
    }

    @Test func badInputIsSaidAndLeavesAllAsItWas() throws {
        try job("job.db", steps: ["000"], rate: 0.1)
        try workspace.write(Data("text".utf8), to: "text.db")
        try workspace.fail("merge job.db --registry job.db", 64, #""job.db" is the registry itself"#)
        try workspace.fail("merge text.db --registry job.db", 78, #""text.db" is not a modelreg registry"#)
        try workspace.fail(
            "merge nothing.db --registry job.db", 66,
            #"no registry at "nothing.db"; `modelreg save` makes one, --registry or MODELREG_REGISTRY names another"#
        )
        // No registry is made for what cannot be merged.
        #expect(try workspace.modelreg("merge text.db --registry new.db").status == 78)
        #expect(try workspace.names == ["job.db", "text.db"])
        // A damaged one is to blame by its name.
        _ = try workspace.shell("sqlite3 job.db \"UPDATE chunk SET checksum = checksum + 1\"")
        let damaged = try workspace.modelreg("merge job.db --registry home.db")
        #expect(damaged.status == 65 && damaged.errors.contains("\"job.db\""), "\(damaged.errors)")
        #expect(try workspace.modelreg("verify --registry home.db").status == 0)
    }

    /// A number of versions of noise, in a registry that is large enough to be killed half-way.
    private func saveNoise(_ registry: String, versions: Int, megabytes: Int) throws {
        var state: UInt64 = 7
        for _ in 0..<versions {
            let values = (0..<megabytes << 18).map { _ -> Float in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(bitPattern: UInt32(truncatingIfNeeded: state >> 33) & 0xBFFF_FFFF)
            }
            try workspace.writeNumPy(values, to: "noise.npy")
            try workspace.succeed("save noise.npy big --registry \(registry) --no-pack")
        }
    }

    @Test func aMergeThatWasKilledGoesOn() throws {
        try job("job.db", steps: ["000", "010"], rate: 0.1)
        try saveNoise("job.db", versions: 4, megabytes: 24)
        try workspace.succeed("save Examples/data/x-file mine --registry home.db")
        var killCount = 0
        for commits in [0, 0, 1, 1, 2, 2] {
            let merge = "merge job.db --registry home.db"
            if try workspace.killed(merge, in: "home.db", afterCommits: commits) { killCount += 1 }
            let verified = try workspace.modelreg("verify --registry home.db")
            #expect(verified.status == 0, "after \(commits) transactions: \(verified.output)\(verified.errors)")
        }
        // Some of the last attempts may have had nothing left to do.
        #expect(killCount >= 2)
        // Neither is the other registry harmed.
        #expect(try workspace.modelreg("verify --registry job.db").status == 0)
        try workspace.succeed("merge job.db --registry home.db")
        #expect(try references("home.db").sorted() == (try references("job.db") + ["mine:v1"]).sorted())
        #expect(try workspace.modelreg("verify --registry home.db").output.hasPrefix("ok: 7 versions"))
        #expect(try workspace.objects("run ls --registry home.db").count == 1)
        for number in 1...4 {
            let loaded = try workspace.shell(
                "for r in job home; do modelreg load big:v\(number) -o $r.npy --force --registry $r.db; done; cmp job.npy home.npy"
            )
            #expect(loaded.status == 0, "\(loaded.errors)")
        }
        // Nothing is left of the attempts.
        let gc = try workspace.object("gc --dry-run --registry home.db")
        #expect(gc["chunk_count"] as? Int == 0)
    }

    @Test func anExportThatWasKilledLeavesNoFile() throws {
        try saveNoise("job.db", versions: 3, megabytes: 24)
        var killCount = 0
        for megabytes in [0, 1, 20, 40] {
            let export = try workspace.start("exec modelreg export --all -o a.db --registry job.db")
            try export.wait {
                try workspace.temporaryNames.contains { workspace.byteCount($0) > megabytes << 20 }
            }
            if try export.kill() { killCount += 1 }
            // Complete, or not there.
            if try workspace.names.contains("a.db") {
                #expect(try workspace.modelreg("verify --registry a.db").output.hasPrefix("ok: 3 versions"))
                _ = try workspace.shell("rm a.db")
            }
            _ = try workspace.shell("rm -f .modelreg-*")
        }
        #expect(killCount >= 2)
        try workspace.succeed("export --all -o a.db --force --registry job.db")
        #expect(try workspace.modelreg("verify --registry a.db").output.hasPrefix("ok: 3 versions"))
    }

    @Test func aRegistryIsMergedWhileItIsWritten() throws {
        try job("job.db", steps: ["000"], rate: 0.1)
        let writer = try workspace.start(
            """
            for i in $(seq 1 12); do for s in 010 020; do
              modelreg save Examples/data/mlp-step-$s.pt net --registry job.db --wait 60 || exit 1
              modelreg run log net/base --step $i loss=$i --registry job.db --wait 60 || exit 1
            done; done
            """)
        for _ in 0..<6 {
            let merged = try workspace.modelreg("merge job.db --registry home.db --wait 60")
            #expect(merged.status == 0, "\(merged.errors)")
            #expect(try workspace.modelreg("verify --registry home.db").status == 0)
        }
        let written = try writer.wait()
        #expect(written.status == 0, "\(written.errors)")
        try workspace.succeed("merge job.db --registry home.db")
        #expect(try references("home.db") == (1...25).map { "net:v\($0)" })
        #expect(try workspace.objects("run ls --registry home.db")[0]["step"] as? Int == 12)
    }

    @Test func hundredsOfVersionsOfAPackedRegistryComeAlong() throws {
        let saved = try workspace.shell(
            """
            for i in $(seq 1 40); do for s in 000 010 020 050 100; do echo "Examples/data/mlp-step-$s.pt"; done; done \
              | while read f; do modelreg save $f net --registry job.db --no-pack > /dev/null || exit 1; done
            modelreg pack --registry job.db && modelreg prune net --keep-last 190 --thin --registry job.db > /dev/null
            """)
        #expect(saved.status == 0, "\(saved.errors)")
        #expect(
            try workspace.succeed("merge job.db --registry home.db").hasPrefix(
                "merged job.db: 200 versions new, 0 the same"))
        #expect(try references("home.db") == (1...200).map { "net:v\($0)" })
        #expect(try workspace.modelreg("verify --registry home.db").output.hasPrefix("ok: 200 versions"))
        #expect(
            try workspace.succeed("merge job.db --registry home.db")
                == "merged job.db: 0 versions new, 200 the same\n")
    }
}
