import Foundation
import Foundations
import Testing

/// Checkpoints that Python's pickle wrote, on the command line. They are made by the Python that tests need anyway.
@Suite struct ObjectCommandTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        let script = """
            import pickle, argparse, datetime, sys, types
            lib = types.ModuleType("lib"); sys.modules["lib"] = lib
            class Net: pass
            Net.__module__ = "lib"; lib.Net = Net
            net = Net(); net.parent = net; net.lr = 0.5
            value = {"args": argparse.Namespace(lr=0.1, name="a\\u001b[31mb"), "at": datetime.timedelta(3), "seen": {2, 1},
                     "raw": b"\\0\\xff", "big": 2**100, "net": net, (1, 2): None}
            for protocol in range(6):
                with open(f"objects-{protocol}.pkl", "wb") as file: pickle.dump(value, file, protocol)
            class Evil:
                def __reduce__(self): return (eval, ("1",))
            with open("evil.pkl", "wb") as file: pickle.dump([Evil()], file)
            """
        try workspace.write(Data(script.utf8), to: "make.py")
        #expect(try workspace.shell("python3 make.py").status == 0)
    }

    @Test func objectsOfEachProtocolAreOneVersion() throws {
        for number in 0...5 {
            let saved = try workspace.modelreg("save objects-\(number).pkl objects")
            #expect(saved.status == 0, "\(saved.errors)")
            #expect(
                number == 0 || saved.output.contains("same content as objects:v\(number)"), "protocol \(number)"
            )
            let loaded = try workspace.modelreg("load objects -o back-\(number).pkl")
            #expect(loaded.output.contains("byte for byte"))
            #expect(
                try workspace.bytes("back-\(number).pkl") == workspace.bytes("objects-\(number).pkl"))
        }
        let shown = try workspace.modelreg("show objects").output
        for line in [
            "args/lr number 0.1", #"args/name string "a\u001b[31mb""#, "at/0 integer 3", "seen/1 integer 2",
            "raw bytes bytes 00ff", "big integer 1267650600228229401496703205376", "net/lr number 0.5",
            "(1, 2) none none",
        ] {
            let lines = shown.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(lines.contains(line), "\(line) in \(shown)")
        }
        #expect(try workspace.modelreg("verify").status == 0)
    }

    @Test func showReadsAFileWithoutARegistry() throws {
        let shown = try workspace.modelreg("show ./objects-2.pkl")
        #expect(shown.status == 0 && shown.output.contains("args/lr"))
        #expect(shown.output.contains("objects   argparse.Namespace, datetime.timedelta, set, lib.Net"))
        let json = try workspace.modelreg("show objects-2.pkl --json").output
        #expect(json.contains("\"path\" : \"net\",\n      \"type\" : \"lib.Net\""))
        #expect(shown.output.contains("code of a library: weights_only refuses it"))
        #expect(try !workspace.names.contains("modelreg.db"))
    }

    @Test func failIfUnsafeIsAGate() throws {
        #expect(try workspace.modelreg("show objects-2.pkl --fail-if-unsafe").status == 0)
        let evil = try workspace.modelreg("show evil.pkl --fail-if-unsafe")
        #expect(evil.status == 1 && evil.output.contains("eval"))
        #expect(try workspace.modelreg("show evil.pkl --json").output.contains("\"is_unsafe\" : true"))
        #expect(try workspace.modelreg("save evil.pkl evil").status == 65)
        #expect(try workspace.modelreg("save evil.pkl evil --allow-unsafe").status == 0)
        #expect(try workspace.modelreg("show evil --fail-if-unsafe").status == 1)
    }

    /// Files that are no checkpoints were not looked into, in a folder or with `--opaque`.
    @Test(arguments: ["evil.pkl folder/evil.pkl", "evil.pkl folder/deep/.hidden"])
    func dangerousFilesOfAFolderAreRefused(copy: String) throws {
        _ = try workspace.shell("mkdir -p folder/deep; cp Examples/data/mlp-step-000.pt folder; cp \(copy)")
        let refused = try workspace.modelreg("save folder net")
        #expect(refused.status == 65 && refused.errors.contains("eval"), "\(refused.errors)")
        // Of a pickle that is cut short, what stands before its end is run all the same.
        _ = try workspace.shell("cd folder; f=$(ls -A | grep evil || echo deep/.hidden); truncate -s -1 $f")
        #expect(try workspace.modelreg("save folder net").status == 65)
        #expect(try workspace.modelreg("save folder net --allow-unsafe").status == 0)
        #expect(try workspace.modelreg("show net").output.contains("unsafe"))
    }

    @Test func dangerousFilesThatAreKeptAsTheyAreAreRefused() throws {
        let refused = try workspace.modelreg("save --opaque evil.pkl net")
        #expect(refused.status == 65 && refused.errors.contains("eval"), "\(refused.errors)")
        #expect(try workspace.modelreg("save --opaque evil.pkl net --allow-unsafe").status == 0)
        #expect(try workspace.modelreg("show net").output.contains("unsafe"))
        #expect(try workspace.modelreg("save --opaque objects-2.pkl net").status == 0)
    }

    @Test func theStateDictOfACheckpointIsWrittenAlone() throws {
        #expect(try workspace.modelreg("save Examples/data/checkpoint.pt run").status == 0)
        let loaded = try workspace.modelreg("load run --state-dict -o weights.safetensors")
        #expect(loaded.status == 0, "\(loaded.errors)")
        let shown = try workspace.modelreg("show ./weights.safetensors")
        #expect(shown.output.contains("state dict"))
        #expect(try workspace.modelreg("load run --at nothing -o x.safetensors").status == 66)
        #expect(try workspace.modelreg("load run --state-dict --flatten -o x.safetensors").status == 64)
    }

    @Test func aPickleIsNotWrittenAnew() throws {
        #expect(try workspace.modelreg("save objects-2.pkl objects").status == 0)
        let refused = try workspace.modelreg("load objects --only 'args/*' -o part.pkl")
        #expect(refused.status == 64 && refused.errors.contains("save it as a PyTorch file"))
        #expect(try workspace.modelreg("load objects --only 'args/*' -o part.pt").status == 0)
    }
}
