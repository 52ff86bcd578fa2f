import Foundation
import Foundations
import Testing

/// `--where`, `--sort` and `--csv` of `log`, `show` and `ls`.
@Suite struct QueryTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// Four versions of `mlp`; the last has no accuracy, the third one that is no number.
    private func saveVersions() throws {
        for (step, arguments) in [
            ("000", "--metric val/accuracy=0.5 --metric loss=2 --set lr=1e-2"),
            (
                "010",
                "--metric val/accuracy=0.987654321 --metric loss=1 --set lr=1e-3 --set 'name=a, \"b\"' -m 'two\nlines'"
            ),
            ("020", "--metric val/accuracy=nan --metric loss=0.5 --set lr=1e-3 --alias best"),
            ("050", "--metric loss=4 --set lr=1e-4"),
        ] {
            let saved = try workspace.shell(
                "modelreg save Examples/data/mlp-step-\(step).pt mlp --no-pack --no-environment \(arguments)")
            #expect(saved.status == 0, "\(saved.errors)")
        }
    }

    private func numbers(_ query: String, _ location: SourceLocation = #_sourceLocation) throws -> [Int] {
        try workspace.objects("log mlp \(query)", location).compactMap { $0["version"] as? Int }
    }

    @Test func conditionsAskForMetricsFactsAndMore() throws {
        try saveVersions()
        #expect(try numbers("--where 'val/accuracy > 0.4'") == [2, 1])
        #expect(try numbers("--where '`val/accuracy` > 0.4 and lr <= 1e-3'") == [2])
        // With spaces it is a quotient. What is not known fulfils nothing, and nor does its negation; no number is
        // greater than what is none.
        #expect(try numbers("--where 'loss / lr < 600'") == [3, 1])
        #expect(try numbers("--where 'not val/accuracy > 0.4'") == [3])
        #expect(try numbers("--where 'defined(`val/accuracy`)'") == [3, 2, 1])
        #expect(try numbers("--where 'alias(\"best\") or version = 1'") == [3, 1])
        #expect(try numbers("--where 'message != \"\" && name == \"a, \\\"b\\\"\"'") == [2])
        #expect(try numbers("--where 'created_at > \"2020\" and tensor_count = 4' -n 3") == [4, 3, 2])
        #expect(try workspace.objects("ls --where 'versions > 3 and loss = 4'").count == 1)
        #expect(try workspace.objects("ls --where 'versions > 4'").isEmpty)
    }

    @Test func whatIsUnknownOrNoNumberIsSortedLast() throws {
        try saveVersions()
        #expect(try numbers("--sort loss") == [3, 2, 1, 4])
        #expect(try numbers("--sort -loss") == [4, 1, 2, 3])
        #expect(try numbers("--sort -val/accuracy") == [2, 1, 4, 3])
        #expect(try numbers("--sort val/accuracy") == [1, 2, 4, 3])
        #expect(try numbers("--sort lr --sort -loss -n 3") == [4, 2, 3])
        #expect(try numbers("--sort='-(loss / lr)'") == [4, 2, 3, 1])
    }

    @Test func theTableShowsWhatWasAskedFor() throws {
        try saveVersions()
        #expect(
            rows(try workspace.succeed("log mlp --where 'lr <= 1e-3' --sort loss")) == [
                "VERSION SAVED SIZE CONTENT ALIASES METRICS SET MESSAGE",
                "v3 TIME 31.8 kB 472df856b819 best loss=0.5 val/accuracy=nan lr=1e-3",
                "v2 TIME 31.8 kB a5710654ef83 loss=1 val/accuracy=0.987654 lr=1e-3 two",
                "v4 TIME 31.8 kB ba9e88efdf06 loss=4 lr=1e-4",
            ])
    }

    @Test func csvIsThatOfSpreadsheets() throws {
        try saveVersions()
        let csv = try workspace.succeed("log mlp --csv --where 'version = 2'")
        #expect(
            csv.hasPrefix(
                "model,version,created_at,content_id,aliases,run,step,message,byte_count,tensor_count,"
                    + "metrics.loss,metrics.val/accuracy,params.lr,params.name\r\nmlp,2,"))
        #expect(csv.contains(",,,,\"two\nlines\",31784,4,1.0,0.987654321,1e-3,\"a, \"\"b\"\"\"\r\n"))
        // Python's reader agrees.
        let read = try workspace.shell(
            "modelreg log mlp --csv | python3 -c 'import csv, sys; rows = list(csv.DictReader(sys.stdin)); "
                + "print(len(rows), rows[2][\"message\"].split(), rows[2][\"params.name\"], rows[1][\"metrics.val/accuracy\"])'"
        )
        #expect(read.output == "4 ['two', 'lines'] a, \"b\" nan\n", "\(read.errors)")
        let models = try workspace.succeed("ls --csv").split(separator: "\r\n")
        #expect(models[0] == "model,versions,latest,tensor_count,byte_count,created_at,aliases")
        #expect(models[1].hasPrefix("mlp,4,4,4,") && models[1].hasSuffix(",best"))
    }

    @Test func mistakesAreSaid() throws {
        try saveVersions()
        try workspace.fail("log mlp --where 'loss >'", 64, #""loss >": expected a value at the end"#)
        try workspace.fail(
            "log mlp --where 'loss(1) > 2'", 64,
            #""loss(1) > 2": the function "loss" is not known here; there is absolute_maximum, alias, attribute, "#
                + "changed, count, inf, infinity, l2_norm, maximum, metric, minimum, nan, value, zero")
        let typo = try workspace.modelreg("log mlp --where 'val/acuracy > 0.9'")
        #expect(typo.status == 0 && typo.output.isEmpty)
        #expect(
            typo.errors == """
                note: nothing here has "val/acuracy" (did you mean "val/accuracy"?)
                no versions of "mlp" that fulfil the condition

                """)
        #expect(try workspace.modelreg("log mlp --where 'val/acuracy > 0.9' --quiet").errors.isEmpty)
        #expect(try workspace.modelreg("log mlp hidden.bias --csv").status == 64)
        #expect(try workspace.modelreg("log mlp -n -1").status == 64)
    }

    @Test func tensorsAreFilteredByTheirHealth() throws {
        try workspace.succeed("save Examples/data/mlp-step-100.pt mlp")
        #expect(
            try workspace.shell("modelreg show mlp --health --only '*.bias' | tail -3").output == """
                PATH         TYPE     SHAPE  NAN  INF  ZEROS         MIN        MAX      NORM
                hidden.bias  float32  [256]    0    0    0 %   -0.228615    0.27928   2.19902
                output.bias  float32  [10]     0    0    0 %  -0.0562901  0.0429122  0.093386

                """)
        #expect(
            try workspace.shell(
                "modelreg show mlp --where 'l2_norm > 2' --sort -l2_norm | tail -3 | cut -d' ' -f1"
            ).output
                == "hidden.weight\noutput.weight\nhidden.bias\n")
        // A quotient needs no spaces here: no tensor's quantity has a slash.
        let parameters = try #require(
            try workspace.object("show mlp --where 'l2_norm/count < 0.01' --sort=-l2_norm")["parameters"]
                as? [[String: Any]])
        #expect(parameters.first?["path"] as? String == "hidden.weight")
        #expect((parameters.first?["health"] as? [String: Any])?["nan_count"] as? Int == 0)
        let none = try workspace.modelreg("show mlp --where 'nan > 0'")
        #expect(
            none.errors == "no tensors of mlp:v1 fulfil the condition\n"
                && none.output.hasPrefix("version   mlp:v1\n"))
        #expect(
            try workspace.modelreg("show mlp --where 'nann > 0'").errors.hasPrefix(
                #"modelreg: "nann > 0": "nann" is not known here; there is byte_count, "#))
        let csv = try workspace.succeed("show mlp --csv --only hidden.bias").split(separator: "\r\n")
        #expect(csv[0] == "path,kind,dtype,shape,byte_count,nan,infinity,zero,minimum,maximum,l2_norm,value")
        #expect(csv[1].hasPrefix("hidden.bias,tensor,float32,[256],1024,0,0,0,-0.22861") && csv.count == 2)
    }
}
