import Foundation
import Foundations
import Testing

/// `run` and its subcommands, as a training script uses them.
@Suite struct RunCommandTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func aRunIsStartedLoggedAndFinished() throws {
        try workspace.write(Data("torch==2.9.0\n# no package\nnumpy==2.3.1\n".utf8), to: "freeze.txt")
        #expect(
            try workspace.succeed(
                "run start mlp --name lr-3 --set lr=1e-3 --set optimiser=adamw --packages freeze.txt")
                == "mlp/lr-3\n")
        try workspace.succeed("run log mlp/lr-3 --step 0 loss=2.5 val/accuracy=0.1")
        try workspace.succeed("run log lr-3 --step 100 loss=0.5 val/accuracy=0.9")
        try workspace.write(Data("lr: 1e-3\n".utf8), to: "config.yaml")
        try workspace.succeed("run attach mlp/lr-3 config.yaml")
        try workspace.succeed("run note mlp/lr-3 'as in the paper'")
        try workspace.succeed(
            "save Examples/data/mlp-step-100.pt mlp --run lr-3 --step 200 --metric loss=0.25 --no-environment")
        #expect(timeless(try workspace.succeed("run finish mlp/lr-3")) == "mlp/lr-3  finished after TIME\n")
        let shown = try workspace.succeed("run show lr-3")
        let lines = timeless(shown).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(
            lines.starts(with: ["run       mlp/lr-3", "state     finished", "started   TIME", "ended     TIME"])
        )
        for line in [
            "set       lr = 1e-3", "set       optimiser = \"adamw\"", "attached  config.yaml, 9 B",
            "versions  mlp:v1 at step 200",
            "METRIC        STEPS  LAST  STEP   MIN   AT  MAX   AT",
            "loss              3  0.25   200  0.25  200  2.5    0",
            "val/accuracy      2   0.9   100   0.1    0  0.9  100",
        ] { #expect(lines.contains(line), "\(line) in\n\(shown)") }
        #expect(lines.contains { $0.hasPrefix("note      as in the paper  ") })
        #expect(
            shown.contains("torch 2.9.0, numpy 2.3.1") && shown.contains("command   modelreg run start mlp"))

        let run = try workspace.object("run show mlp/lr-3")
        let facts = try #require(run["run"] as? [String: Any])
        #expect(facts["state"] as? String == "finished" && facts["version_count"] as? Int == 1)
        #expect((facts["attributes"] as? [String: Any])?["lr"] as? Double == 1e-3)
        let metrics = try #require(run["metrics"] as? [[String: Any]])
        #expect(metrics.map { $0["name"] as? String } == ["loss", "val/accuracy"])
        #expect((metrics[0]["minimum"] as? [String: Any])?["step"] as? Int == 200)
        #expect((run["environment"] as? [String: Any])?["command"] as? [String] != nil)
        #expect(try workspace.object("show mlp")["environment"] == nil)
        #expect(
            (try workspace.object("show mlp")["version"] as? [String: Any])?["run"] as? String == "mlp/lr-3")
    }

    /// What a script prints beside its metrics comes through, and none of it ends the script.
    @Test func linesOfAScriptAreNoted() throws {
        try workspace.succeed("run start m --name r")
        let outcome = try workspace.shell(
            #"""
            printf '%s\n' 'epoch 1' '{"step": 0, "loss": 1.5, "note": "text", "list": [1]}' '' \
              '{"_step": 1, "loss": NaN, "lr": 1e-3, "ok": true}' '{"loss": 7}' '{"step": -1, "loss": 7}' '{broken' \
              '{"step": 2, "loss": Infinity}' | modelreg run log m/r --stdin
            """#)
        #expect(outcome.status == 0)
        #expect(outcome.output == "epoch 1\n\n{\"loss\": 7}\n{\"step\": -1, \"loss\": 7}\n{broken\n")
        #expect(
            outcome.errors == """
                note: line 5 is passed over: "step" is missing, or no integer of 0 or more
                note: line 6 is passed over: "step" is missing, or no integer of 0 or more
                note: line 7 is passed over: no JSON object: {broken

                """)
        let series = try workspace.objects("plot loss m/r")
        let points = try #require(series.first?["points"] as? [[String: Any]])
        #expect(points.map { $0["x"] as? Int } == [0, 1, 2])
        // Neither NaN nor infinity is a number of JSON.
        #expect(points.map { $0["y"] as? Double } == [1.5, nil, nil])
        #expect(
            try workspace.shell("modelreg run show m/r | tail -4").output == """
                METRIC  STEPS   LAST  STEP    MIN  AT    MAX  AT
                loss        3    inf     2    1.5   0    inf   2
                lr          1  0.001     1  0.001   1  0.001   1
                ok          1      1     1      1   1      1   1

                """)
        // The last value of a run that diverged is no number, and is smaller or greater than none.
        try workspace.succeed("run log m/r --step 3 loss=nan")
        #expect(try workspace.objects("run ls --where 'loss > 0 or loss <= 0'").isEmpty)
    }

    @Test func ofOneNameAModelHasOneRun() throws {
        try workspace.succeed("run start m --name r --set lr=1")
        try workspace.fail(
            "run start m --name r", 64,
            #"there is a run "m/r" already; resume it (--resume), or choose another name"#)
        try workspace.succeed("run log m/r --step 5 loss=1")
        try workspace.succeed("run finish m/r --failed")
        #expect(try workspace.succeed("run start m --name r --resume --set lr=2") == "m/r\n")
        let run = try #require(try workspace.objects("run ls m").first)
        #expect(run["state"] as? String == "running" && run["ended_at"] == nil && run["step"] as? Int == 5)
        #expect((run["attributes"] as? [String: Any])?["lr"] as? Int == 2)
        // Of another model, and of none, there may be some.
        try workspace.succeed("run start other --name r")
        #expect(try workspace.succeed("run start --name r") == "r\n")
        try workspace.succeed("run rm r")
        try workspace.fail("run show r", 64, #"several models have a run "r": m/r, other/r"#)
        try workspace.fail("run show m/q", 66, #"no run "m/q" (did you mean "m/r"?)"#)
        try workspace.fail("run start m --resume", 64, "--resume takes --name")
        try workspace.fail(
            "run start m --name 'a b'", 64,
            #""a b" is not a run's name: letters, digits, ".", "_", "-", at most 128 bytes"#)
        #expect(try workspace.objects("run ls").count == 2)
        // Names that are made up are all different.
        let names = try workspace.shell("for i in 1 2 3 4 5; do modelreg run start m; done").output
        #expect(Set(names.split(separator: "\n")).count == 5)
    }

    @Test func aRunWhoseProcessWasKilledIsSeenAsSuch() throws {
        let outcome = try workspace.shell(
            "bash -c 'modelreg run start m --name r --pid $$; kill -KILL $$'; true")
        #expect(outcome.output == "m/r\n")
        #expect(try workspace.objects("run ls")[0]["state"] as? String == "killed")
        #expect(try workspace.objects("run ls --where 'state == \"killed\"'").count == 1)
        // It may go on; while somebody is at it, nobody else may.
        let resumed = try workspace.shell(
            """
            sleep 60 & modelreg run start m --name r --resume --pid $! && modelreg run ls m --csv | cut -d, -f2,3
            modelreg run start m --name r --resume --pid $$; status=$?
            kill $!; exit $status
            """)
        #expect(resumed.status == 64 && resumed.output == "m/r\nrun,state\nr,running\n")
        #expect(resumed.errors.hasPrefix(#"modelreg: run "m/r" is still going on, in process "#))
        try workspace.fail("run start m --pid 99999999", 64, "--pid: there is no process 99999999")
        try workspace.fail("run start m --pid 0", 64, "--pid: there is no process 0")
    }

    /// A clock that was set back neither makes a run's time negative nor mixes up the order of its steps.
    @Test func aClockThatJumpsDoesNoHarm() throws {
        try workspace.succeed("run start m --name r")
        try workspace.succeed("run log m/r --step 1 loss=1")
        // As if the run had begun an hour from now.
        _ = try workspace.shell(
            "sqlite3 modelreg.db \"UPDATE run SET started_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour')\""
        )
        try workspace.succeed("run log m/r --step 2 loss=2")
        try workspace.succeed("run finish m/r")
        let run = try #require(try workspace.objects("run ls")[0]["wall_seconds"] as? Double)
        #expect(run >= 0 && run < 600)
        let points = try #require(try workspace.objects("plot loss --x time")[0]["points"] as? [[String: Any]])
        #expect(points.map { $0["y"] as? Int } == [1, 2])
    }

    @Test func runsAreListedFilteredAndSorted() throws {
        for (name, rate, accuracy) in [("a", "1e-3", "0.9"), ("b", "1e-2", "0.95"), ("c", "1e-1", "nan")] {
            try workspace.succeed("run start m --name \(name) --set lr=\(rate)")
            try workspace.succeed("run log m/\(name) --step 7 val/accuracy=\(accuracy)")
        }
        try workspace.succeed("run finish m/a")
        #expect(
            rows(try workspace.succeed("run ls m --sort=-val/accuracy")) == [
                "RUN STATE STARTED RAN STEP VERSIONS METRICS SET",
                "m/b running TIME TIME 7 0 val/accuracy=0.95 lr=1e-2",
                "m/a finished TIME TIME 7 0 val/accuracy=0.9 lr=1e-3",
                "m/c running TIME TIME 7 0 val/accuracy=nan lr=1e-1",
            ])
        func names(_ query: String) throws -> [String] {
            try workspace.objects("run ls \(query)").compactMap { $0["name"] as? String }
        }
        #expect(try names("") == ["c", "b", "a"])
        #expect(try names("-n 2") == ["c", "b"])
        #expect(try names("--where 'lr <= 1e-2 and val/accuracy > 0.5' --sort lr") == ["a", "b"])
        #expect(try names("--where 'state == \"finished\" and step = 7'") == ["a"])
        let csv = try workspace.succeed("run ls --csv --sort lr -n 1").split(separator: "\r\n")
        #expect(
            csv[0]
                == "model,run,state,started_at,ended_at,wall_seconds,step,versions,metrics.val/accuracy,params.lr"
        )
        #expect(csv[1].hasPrefix("m,a,finished,") && csv[1].hasSuffix(",7,0,0.9,1e-3"))
        let typo = try workspace.modelreg("run ls --where 'vall/accuracy > 0'")
        #expect(typo.status == 0 && typo.output.isEmpty)
        #expect(
            typo.errors == """
                note: nothing here has "vall/accuracy" (did you mean "val/accuracy"?)
                no runs that fulfil the condition

                """)
        try workspace.fail("run ls elsewhere", 66, #"no model "elsewhere""#)
    }

    @Test func deletingARunLeavesItsVersions() throws {
        try workspace.succeed("run start m --name r")
        try workspace.succeed("save Examples/data/x-file m --run r --metric a=1 --step 3")
        #expect(
            try workspace.succeed("run rm m/r --dry-run")
                == "would delete m/r: 1 metrics; its 1 versions stay\n")
        #expect(try workspace.objects("run ls").count == 1)
        #expect(try workspace.succeed("run rm m/r") == "deleted m/r: 1 metrics; its 1 versions stay\n")
        let version = try #require(try workspace.objects("log m").first)
        #expect(version["run"] == nil && version["step"] as? Int == 3)
        #expect(try workspace.modelreg("verify").status == 0)
        #expect(try workspace.modelreg("run ls").errors == "no runs\n")
    }

    @Test func badInputIsSaid() throws {
        try workspace.fail(
            "run ls", 66,
            #"no registry at "modelreg.db"; `modelreg save` makes one, --registry or MODELREG_REGISTRY names another"#
        )
        try workspace.succeed("run start m --name r")
        try workspace.fail("run log m/r --step 1 loss=abc", 64, #"metrics loss=abc: "abc" is not a number"#)
        try workspace.fail("run log m/r --step 1 loss", 64, #"metrics takes name=value, not "loss""#)
        try workspace.fail("run log m/q --step 1 loss=1", 66, #"no run "m/q" (did you mean "m/r"?)"#)
        try workspace.fail("run attach m/r nothing", 66, #"cannot open "nothing": No such file or directory"#)
        try workspace.fail("save Examples/data/x-file m --run q", 66, #"no run "m/q" (did you mean "r"?)"#)
        #expect(
            try workspace.modelreg("run log m/r --step -1 loss=1").errors.contains(
                "--step takes 0 or more, not -1"))
        for arguments in ["log m/r --step 1", "log m/r", "log m/r --stdin --step 1", "note m/r ' '"] {
            #expect(try workspace.modelreg("run \(arguments)").status == 64, "\(arguments)")
        }
        #expect(try workspace.objects("run ls")[0]["step"] == nil)
    }
}
