import Foundation
import Testing

/// Each kind of bad input: its exit code, one clear line, and a registry that stays as it was.
@Suite struct BadInputTests {
    private let workspace: Workspace
    private let registry: Data

    init() throws {
        workspace = try Workspace()
        _ = try workspace.shell(
            "for s in 000 010; do modelreg save Examples/data/mlp-step-$s.pt mlp:step-$s; done")
        registry = try workspace.bytes("modelreg.db")
    }

    @Test(
        arguments: [
            ("load mlp:v7", 66, "no version 7 of \"mlp\"; the latest is 2"),
            ("load mpl", 66, "no model \"mpl\" (did you mean \"mlp\"?)"),
            ("load mlp:step-100", 66, "no alias \"step-100\" of \"mlp\" (did you mean \"step-000\"?)"),
            ("load mlp~2", 66, "no version that much earlier: \"mlp~2\""),
            (
                "load mlp:v1 --only hiden.weight", 66,
                "nothing in the checkpoint matches \"hiden.weight\" (did you mean \"hidden.weight\"?)"
            ),
            ("load mlp --as onnx", 64, "--as onnx: no such format; there are "),
            ("load mlp@sha256:0000", 66, "\"mlp@sha256:0000\" has another content id: sha256:"),
            (
                "load 'mlp:a b'", 64,
                "\"mlp:a b\" does not name a version: name[:v3|:latest|:alias][~n][@sha256:digits]"
            ),
            ("save none.pt mlp", 66, "cannot open \"none.pt\": No such file or directory"),
            ("save Examples/data/x-file ../mlp", 64, "\"../mlp\" is not a model name: "),
            (
                "save Examples/data/x-file mlp:latest", 64,
                "\"latest\" cannot be an alias: it already names a version"
            ),
            (
                "save Examples/data/x-file mlp --metric accuracy", 64,
                "--metric takes name=value, not \"accuracy\""
            ),
            ("save Examples/data/x-file mlp --metric a=b", 64, "--metric a=b: \"b\" is not a number"),
            ("save Examples/data/x-file mlp --parent none", 66, "no model \"none\""),
            (
                "save Examples/data/README.md mlp", 65,
                "\"Examples/data/README.md\": not a checkpoint that modelreg can read"
            ),
            ("rm mlp:step-000", 64, "mlp:v1 is named by \"step-000\"; remove the alias first, or use --force"),
            ("alias rm mlp best", 66, "no alias \"best\" of \"mlp\""),
            ("alias set mlp:v1 v9", 64, "\"v9\" cannot be an alias: it already names a version"),
            ("ls --registry none.db", 66, "no registry at \"none.db\"; `modelreg save` makes one"),
            ("ls --registry Examples/data/x-file", 78, "\"Examples/data/x-file\" is not a modelreg registry"),
            ("ls --registry Examples", 78, "\"Examples\" is not a modelreg registry"),
        ] as [(String, Int32, String)])
    func saysWhatIsWrongInOneLine(_ arguments: String, _ status: Int32, _ message: String) throws {
        let outcome = try workspace.modelreg(arguments)
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.hasPrefix("modelreg: \(message)"), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        #expect(try workspace.bytes("modelreg.db") == registry)
        #expect(try workspace.names == ["modelreg.db"])
    }

    @Test func unknownCommandsAndOptionsAreUsageErrors() throws {
        for arguments in ["frobnicate", "save", "load mlp --nonsense", "log mlp -n x", "ls --wait=-1"] {
            #expect(try workspace.modelreg(arguments).status == 64, "\(arguments)")
        }
    }

    @Test func pickleThatNamesOSSystemRunsNothing() throws {
        let script = """
            import pickle, os, zipfile
            class Evil:
                def __reduce__(self): return (os.system, ("touch owned",))
            with zipfile.ZipFile("evil.pt", "w") as z:
                z.writestr("evil/data.pkl", pickle.dumps({"w": Evil()}, protocol=2)); z.writestr("evil/version", "3\\n")
            """
        #expect(try workspace.shell("python3 -c '\(script)'").status == 0)
        let outcome = try workspace.modelreg("save evil.pt mlp")
        #expect(outcome.status == 65)
        #expect(
            outcome.errors
                == "modelreg: loading the file with Python would run posix.system, which no checkpoint needs; "
                + "to save it marked as unsafe, give --allow-unsafe: nothing is run\n")
        #expect(try workspace.names == ["evil.pt", "modelreg.db"])
        #expect(try workspace.bytes("modelreg.db") == registry)

        let allowed = try workspace.modelreg("save evil.pt mlp --allow-unsafe")
        #expect(allowed.status == 0)
        let shown = try workspace.modelreg("show mlp")
        #expect(shown.output.contains("unsafe = [\"posix.system\"]"))
        #expect(try workspace.modelreg("load mlp -o back.pt").status == 0)
        #expect(try workspace.bytes("back.pt") == workspace.bytes("evil.pt"))
        #expect(try !workspace.names.contains("owned"))
    }

    @Test func everyTruncationOfACheckpointIsRefused() throws {
        for name in ["x-file", "dtypes.safetensors"] {
            let whole = try workspace.bytes("Examples/data/\(name)")
            for count in stride(from: 0, to: whole.count, by: max(1, whole.count / 20)) {
                try workspace.write(whole.prefix(count), to: "cut")
                let outcome = try workspace.modelreg("save cut mlp")
                #expect(outcome.status == 65, "\(count) bytes of \(name): \(outcome.errors)")
                #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
            }
        }
        #expect(try workspace.bytes("modelreg.db") == registry)
    }

    @Test func failedFirstSaveLeavesNoRegistryBehind() throws {
        let empty = try Workspace()
        #expect(try empty.modelreg("save Examples/data/README.md mlp").status == 65)
        #expect(try empty.names.isEmpty)
    }

    @Test func registryOfANewerVersionIsLeftAlone() throws {
        #expect(
            try workspace.shell("sqlite3 modelreg.db \"INSERT INTO grdb_migrations VALUES ('0999_future')\"")
                .status == 0)
        let outcome = try workspace.modelreg("log mlp")
        #expect(outcome.status == 78)
        #expect(
            outcome.errors
                == "modelreg: \"modelreg.db\" was written by a newer version of modelreg; please upgrade\n")
    }

    @Test func otherDatabasesAreNoRegistries() throws {
        #expect(try workspace.shell("sqlite3 other.db 'CREATE TABLE version (id)'").status == 0)
        let before = try workspace.bytes("other.db")
        #expect(try workspace.modelreg("save Examples/data/x-file x --registry other.db").status == 78)
        #expect(try workspace.bytes("other.db") == before)
    }

    @Test func damagedChunkIsNamedAndOtherTensorsStillLoad() throws {
        // The packs are the largest rows; flip a byte in the first encoded chunk of version 2.
        let find =
            "SELECT pack, pack_offset + stored_byte_count / 2 FROM chunk JOIN tensor_chunk ON chunk.id = chunk "
            + "JOIN parameter USING (tensor) JOIN path ON path.id = path JOIN version ON version.id = version "
            + "WHERE text = 'hidden.weight' AND number = 2"
        let sql =
            "UPDATE pack SET bytes = CAST(substr(bytes, 1, o) || x'A5' || substr(bytes, o + 2) AS BLOB) "
            + "FROM (\(find.replacing("/ 2", with: "/ 2 AS o"))) AS place WHERE pack.id = place.pack"
        let damaged = try workspace.shell("sqlite3 modelreg.db \"\(sql)\"")
        #expect(damaged.status == 0, "\(damaged.errors)")
        let load = try workspace.modelreg("load mlp:v2 -o a.pt")
        #expect(load.status == 65)
        #expect(load.errors.hasPrefix("modelreg: mlp:v2, \"hidden.weight\", chunk "), "\(load.errors)")
        #expect(try workspace.names == ["modelreg.db"])
        #expect(try workspace.modelreg("load mlp:v2 --only hidden.bias -o b.safetensors").status == 0)
        // Version 1 is stored as what differs from version 2, so that it shares this one damage, and only this one.
        #expect(try workspace.modelreg("load mlp:v1 -o c.pt").status == 65)
        #expect(try workspace.modelreg("load mlp:v1 --only 'output.*' -o c.pt").status == 0)
        let verify = try workspace.modelreg("verify")
        #expect(verify.status == 1)
        #expect(verify.output.contains("mlp:v2, \"hidden.weight\", chunk "), "\(verify.output)")
    }
}
