import Foundation
import Foundations
import Testing

/// Folders of models, and models in several files.
@Suite struct FolderTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private static let configuration = "{\"hidden_size\": 256}\n"

    /// Makes the folder of a model: weights, configuration, and what is not kept.
    private func makeFolder() throws {
        _ = try workspace.shell(
            """
            mkdir -p hub/model/onnx blobs
            cp Examples/data/mlp-step-100.safetensors blobs/1
            ln -s ../../blobs/1 hub/model/model.safetensors
            printf '{"hidden_size": 256}\\n' > hub/model/config.json
            printf 'not for us' > hub/model/tf_model.h5
            printf 'hidden' > hub/model/.gitattributes
            """)
    }

    @Test func aFolderIsOneVersionAndComesBack() throws {
        try makeFolder()
        let saved = try workspace.modelreg("save hub/model mlp")
        #expect(saved.status == 0)
        #expect(saved.errors == "attached: .gitattributes, config.json, tf_model.h5\n")
        let loaded = try workspace.modelreg("load mlp -o out/")
        #expect(loaded.errors.isEmpty)
        #expect(loaded.output == "mlp:v1 -> out/  (the folder that was saved, byte for byte, 4 files)\n")
        #expect(try workspace.shell("diff -r out hub/model -x onnx").output.isEmpty)
        #expect(try workspace.shell("cmp out/model.safetensors blobs/1").status == 0)
        #expect(try workspace.modelreg("diff mlp ./hub/model --exit-code").status == 0)
        // By the name that it had; the weights alone.
        #expect(
            try workspace.shell("mkdir here; cd here; modelreg load mlp --registry ../modelreg.db").status == 0)
        #expect(try workspace.shell("ls here").output == "model\n")
        #expect(
            try workspace.modelreg("load mlp -o x.safetensors").output
                == "mlp:v1 -> x.safetensors  (the file that was saved, byte for byte)\n")
        #expect(try workspace.modelreg("load mlp -o out/").status == 73)
    }

    @Test func aFolderOfManyPartsGoesThroughEveryCommand() throws {
        _ = try workspace.shell(
            """
            mkdir -p sd/unet sd/vae; printf '{}' > sd/model_index.json; head -c 5000000 /dev/urandom > sd/vae/x.onnx
            cp Examples/data/mlp-step-000.pt sd/unet/w.pt; cp Examples/data/mlp-step-010.pt sd/vae/w.pt; cp -r sd v2
            cp Examples/data/mlp-step-020.pt v2/unet/w.pt; printf '!' >> v2/vae/x.onnx; printf 'new' > v2/new.txt
            """)
        let saved = try workspace.modelreg("save sd sd --json")
        #expect(
            saved.output.contains("\"keeps_source_file\" : true") && saved.output.contains("\"vae/x.onnx\""))
        #expect(
            try workspace.modelreg("save v2 sd --exclude 'n*.txt'").errors.contains("note: left out: new.txt\n")
        )
        #expect(try workspace.modelreg("diff sd:v1 sd:v2 --name-status").output.contains("vae/x.onnx"))
        // Through a patch, an export and a merge.
        for line in [
            "modelreg diff sd:v1 sd:v2 -o d.mrpatch", "modelreg export sd:v1 -o a.db",
            "modelreg apply d.mrpatch --registry a.db", "modelreg merge a.db --registry b.db",
            "modelreg verify --registry b.db", "modelreg load sd:v1 -o one/ --registry b.db",
            "modelreg load sd -o two/ --registry b.db", "diff -r one sd", "diff -r two v2 -x new.txt",
            "modelreg rm sd:v1 --registry b.db", "modelreg gc --registry b.db",
            "modelreg verify --registry b.db",
            "modelreg load sd -o three/ --registry b.db", "diff -r three v2 -x new.txt",
            "modelreg show sd", "modelreg load sd --flatten -o flat.safetensors",
            "mkdir here; cd here; modelreg load sd --only vae/x.onnx --registry ../modelreg.db; cmp x.onnx ../v2/vae/x.onnx",
            "modelreg load sd --only 'unet/*' -o unet.npz", "modelreg load sd -o all.pt",
        ] {
            let done = try workspace.shell(line)
            #expect(done.status == 0, "\(line): \(done.output)\(done.errors)")
        }
    }

    @Test func optionsThatDoNotGoWithAFolderAreRefused() throws {
        _ = try workspace.shell(
            "mkdir f; cp Examples/data/x-file f/x.pt; head -c 9 /dev/zero > f/y.bin; cp f/* .")
        #expect(
            try workspace.modelreg("save f m --attach y.bin").errors
                == "modelreg: --attach: \"y.bin\" is in the folder too\n")
        #expect(
            try workspace.modelreg("save x.pt m --exclude y.bin").errors
                == "modelreg: --exclude is for folders, and \"x.pt\" is a file\n")
        // Nobody looks for zeros in a file that is no weights.
        #expect(try workspace.modelreg("save f m --gate='zero > 8'").status == 0)
    }

    /// All files are open at once: more than many systems allow a program that does not ask.
    @Test func aFolderMayHaveManyFiles() throws {
        let saved = try workspace.shell(
            "mkdir f; for i in $(seq 300); do printf '\\0%d' $i > f/$i; done; ulimit -S -n 100; modelreg save f m"
        )
        #expect(saved.status == 0 && saved.output.hasPrefix("m:v1  300 tensors"), "\(saved.errors)")
    }

    @Test func whatAFolderHasThatIsDangerousIsNamed() throws {
        _ = try workspace.shell(
            """
            mkdir f; cp Examples/data/mlp-step-000.pt f/; printf 'cposix\\nsystem\\n(Vls\\ntR.' > f/rng.pkl
            """)
        let refused = try workspace.modelreg("save f x")
        #expect(refused.status == 65)
        #expect(refused.errors.hasPrefix("modelreg: loading \"rng.pkl\" with Python would run posix.system"))
        #expect(try workspace.modelreg("save f x --allow-unsafe").status == 0)
        #expect(
            try workspace.shell("modelreg load x -o back/ && diff -r f back").output.contains("byte for byte"))
    }

    @Test func shardsAreWrittenAndReadAgain() throws {
        try makeFolder()
        _ = try workspace.modelreg("save hub/model mlp")
        let loaded = try workspace.modelreg("load mlp -o out --shard 12kB --json")
        #expect(loaded.status == 0, "\(loaded.errors)")
        #expect(
            try workspace.shell("ls out").output == """
                config.json
                model-00001-of-00003.safetensors
                model-00002-of-00003.safetensors
                model-00003-of-00003.safetensors
                model.safetensors.index.json
                tf_model.h5

                """)
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(loaded.output.utf8)) as? [String: Any])
        #expect((report["files"] as? [String])?.count == 3)
        #expect(
            report["attachments"] as? [String] == [
                ".gitattributes", "config.json", "tf_model.h5", "model.safetensors.index.json",
            ])
        // The same tensors, however they are spread.
        #expect(try workspace.modelreg("diff mlp ./out --exit-code --stat").status <= 1)
        #expect(try workspace.modelreg("diff mlp ./out --stat").output.hasSuffix("4 unchanged\n"))

        // By the index, and by the folder: the files come back as they were, byte for byte.
        let again = try workspace.modelreg("save out/model.safetensors.index.json sharded --json")
        #expect(again.output.contains("\"keeps_source_file\" : true"))
        _ = try workspace.modelreg("save out sharded")
        #expect(try workspace.modelreg("load sharded:v2 -o back/").status == 0)
        #expect(try workspace.shell("diff -r out back").output.isEmpty)
        #expect(
            try workspace.shell("modelreg load sharded:v1 -o index-only/ && ls index-only | wc -l").output
                .hasSuffix("4\n"))
        #expect(
            try workspace.shell("diff -r out index-only").output
                == "Only in out: .gitattributes\nOnly in out: config.json\nOnly in out: tf_model.h5\n")
        // One file of what was several; the index is gone.
        _ = try workspace.modelreg("load sharded:v2 -o one/ --shard 1GB")
        #expect(try workspace.shell("ls one").output == "config.json\nmodel.safetensors\ntf_model.h5\n")
        #expect(try workspace.shell("cmp one/model.safetensors blobs/1").status <= 1)
    }

    @Test func attachmentsAreWrittenWhenAskedFor() throws {
        try workspace.write(Data(FolderTests.configuration.utf8), to: "config.json")
        _ = try workspace.modelreg("save Examples/data/x-file x --attach config.json")
        _ = try workspace.shell("mkdir there")
        let loaded = try workspace.modelreg("load x -o there/x.pt --attachments")
        #expect(
            loaded.output == "x:v1 -> there/x.pt  (the file that was saved, byte for byte, with config.json)\n")
        #expect(try workspace.shell("cat there/config.json").output == FolderTests.configuration)
        // Nothing is overwritten, and nothing is written where one file cannot be.
        let refused = try workspace.modelreg("load x -o there/y.pt --attachments")
        #expect(refused.status == 73)
        #expect(
            refused.errors
                == "modelreg: cannot write \"there/config.json\": File exists; --force overwrites it\n")
        #expect(try workspace.shell("ls there").output == "config.json\nx.pt\n")
        #expect(try workspace.modelreg("load x -o there/y.pt --attachments --force").status == 0)
    }

    @Test func ggufComesBackAndIsNotMadeAnew() throws {
        #expect(try workspace.modelreg("save Examples/data/quantised.gguf q").status == 0)
        #expect(try workspace.modelreg("load q -o q.gguf").status == 0)
        #expect(try workspace.shell("cmp q.gguf Examples/data/quantised.gguf").status == 0)
        #expect(try workspace.modelreg("show q").output.contains("gguf.block_types"))
        let sentence =
            "GGUF is written for a whole version that came from a GGUF file only; save it as safetensors"
        let part = try workspace.modelreg("load q -o part.gguf --only 'blk.*'")
        #expect(part.status == 64 && part.errors == "modelreg: \(sentence)\n")
        _ = try workspace.modelreg("save Examples/data/mydict d")
        let other = try workspace.modelreg("load d --as gguf")
        #expect(other.status == 64 && other.errors == "modelreg: \(sentence)\n")
        // It was not said that metadata and the types of blocks are lost.
        let anew = try workspace.modelreg("load q -o q.safetensors")
        #expect(anew.status == 0)
        let notes = anew.errors.split(separator: "\n")
        #expect(notes.count == 2, "\(notes)")
        #expect(
            notes.first?.hasPrefix("note: metadata left out, for which safetensors has no place: ") == true
                && notes.last?.hasPrefix("note: written as bytes, as safetensors does not have their types: ")
                    == true,
            "\(notes)")
        #expect(try workspace.modelreg("diff q q.safetensors --stat").output.hasSuffix("12 unchanged\n"))
    }

    // One part was saved without the others, and nothing said so.
    @Test func partsOfASplitGGUFAreOneVersion() throws {
        let script = """
            import struct
            def text(t): return struct.pack("<Q", len(t)) + t
            for i in range(3):
                out = b"GGUF" + struct.pack("<IQQ", 3, 1 if i else 0, 3)
                out += text(b"split.no") + struct.pack("<IH", 2, i) + text(b"split.count") + struct.pack("<IH", 2, 3)
                out += text(b"split.tensors.count") + struct.pack("<Ii", 5, 2)
                if i:
                    out += text(b"w%d" % i) + struct.pack("<IQIQ", 1, 4, 0, 0)
                    out += bytes(-len(out) % 32) + struct.pack("<4f", i, 2, 3, 4)
                open(f"m-0000{i + 1}-of-00003.gguf", "wb").write(out)
            """
        _ = try workspace.shell("mkdir in other here && cd in && python3 -c '\(script)'")
        #expect(try workspace.modelreg("save in/m-00002-of-00003.gguf m").output.hasPrefix("m:v1  2 tensors"))
        #expect(
            try workspace.modelreg("load m -o out/").output
                == "m:v1 -> out/  (the 3 files that were saved, byte for byte)\n")
        #expect(try workspace.shell("diff -r in out").status == 0)
        #expect(
            try workspace.modelreg("load m -o other/x.gguf").output
                == "m:v1 -> other/x-00001-of-00003.gguf  (the 3 files that were saved, byte for byte)\n")
        #expect(
            try workspace.shell("for i in 1 2 3; do cmp in/m-0000$i-of* other/x-0000$i-of* || exit 1; done")
                .status == 0)
        #expect(
            try workspace.shell("cd here && modelreg load m --registry ../modelreg.db && diff -r . ../in")
                .status == 0)
        #expect(try workspace.modelreg("diff m in/m-00003-of-00003.gguf --exit-code").status == 0)
        let taken = try workspace.modelreg("load m -o other/x.gguf")
        #expect(taken.status == 73 && taken.errors.contains("other/x-00001-of-00003.gguf"), "\(taken.errors)")
        _ = try workspace.shell("rm in/m-00002-of-00003.gguf")
        let missing = try workspace.modelreg("save in/m-00001-of-00003.gguf m")
        #expect(
            missing.status == 66
                && missing.errors
                    == "modelreg: cannot open \"in/m-00002-of-00003.gguf\": No such file or directory\n"
        )
    }

    @Test func whatAFormatCannotHoldIsSaid() throws {
        _ = try workspace.modelreg("save Examples/data/views.pt v")
        let refused = try workspace.modelreg("load v -o v.npz")
        #expect(refused.status == 64)
        #expect(refused.errors.hasSuffix("save it as a PyTorch file, or use --only and --flatten\n"))
        #expect(try workspace.modelreg("load v -o v.npz --flatten").status == 0)
    }

    @Test func foldersWithoutFilesAreRefused() throws {
        _ = try workspace.shell("mkdir empty two; cp Examples/data/dtypes.safetensors two/a.safetensors")
        let empty = try workspace.modelreg("save empty x")
        #expect(empty.status == 66)
        #expect(empty.errors == "modelreg: \"empty\": the folder has no files\n")
        #expect(try workspace.modelreg("save two x").status == 0)
        _ = try workspace.shell(
            "cp two/a.safetensors two/b.safetensors; printf x > only.txt; mkdir texts; mv only.txt texts")
        #expect(try workspace.modelreg("save two x").output.contains(", 0 B new,"))
        #expect(try workspace.modelreg("save texts t").status == 0)
        #expect(try workspace.shell("modelreg load t -o back/ && diff -r texts back").status == 0)
        #expect(try workspace.modelreg("load x --shard five").status == 64)
    }
}
