import Foundation
import Testing

/// Files that are kept as they are.
@Suite struct OpaqueFileTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func anyFileIsSavedAsItIsAndComesBack() throws {
        _ = try workspace.shell(
            "head -c 3000000 /dev/zero > model.h5; printf 'end' >> model.h5; cp model.h5 was")
        let saved = try workspace.modelreg("save --opaque model.h5 net")
        #expect(saved.status == 0 && saved.errors.isEmpty, "\(saved.errors)")
        #expect(saved.output.hasPrefix("net:v1  1 tensor, 3.0 MB, "))
        #expect(try workspace.shell("rm model.h5; modelreg load net && cmp model.h5 was").status == 0)
        // Under another name, whatever it says; in a folder; with other bytes at its end.
        let loaded = try workspace.modelreg("load net -o weights.pt --json")
        #expect(loaded.output.contains("\"is_source_file\" : true") && !loaded.output.contains("\"format\""))
        #expect(
            try workspace.shell("cmp weights.pt was; modelreg load net -o out/; cmp out/model.h5 was").errors
                == "")
        #expect(try workspace.modelreg("verify").status == 0)
        #expect(try workspace.modelreg("diff net ./was --exit-code").status == 0)
        _ = try workspace.shell("printf '!' >> model.h5; modelreg save --opaque model.h5 net")
        #expect(try workspace.modelreg("diff net:v1 net:v2 --exit-code").status == 1)
        #expect(try workspace.modelreg("diff net:v1 ./model.h5 --exit-code").status == 1)
        #expect(try workspace.shell("modelreg load net:v1 --force; cmp model.h5 was").status == 0)
    }

    @Test(arguments: ["empty", "Examples/data/mlp-step-000.pt"])
    func checkpointsAndEmptyFilesAreFilesToo(file: String) throws {
        _ = try workspace.shell("touch empty; modelreg save --opaque \(file) net")
        #expect(try workspace.shell("modelreg load net -o back && cmp back \(file)").errors == "")
        #expect(try workspace.modelreg("diff net ./\(file) --exit-code").status == 0)
        #expect(try workspace.modelreg("load net --as safetensors -o x").status == 64)
        #expect(try workspace.modelreg("verify").status == 0)
    }

    @Test func theWayOutIsSaidWhereThereIsOne() throws {
        _ = try workspace.shell(
            "printf '\\x89HDF\\r\\n\\x1a\\nrest' > a.h5; printf 'hello' > b; mkdir c; touch d")
        #expect(
            try workspace.modelreg("save a.h5 x").errors
                == "modelreg: \"a.h5\": the file is an HDF5 file, such as Keras writes, which is not supported; save its"
                + " arrays as safetensors or .npz, or save it as it is with --opaque\n")
        #expect(try workspace.modelreg("save b x").errors.hasSuffix(", or save it as it is with --opaque\n"))
        #expect(try !workspace.modelreg("diff b b").errors.contains("--opaque"))
        #expect(
            try workspace.modelreg("save --opaque c x").errors
                == "modelreg: --opaque is for one file, and \"c\" is a folder\n")
        #expect(try workspace.modelreg("save d x").errors == "modelreg: \"d\": the file is empty\n")
    }
}
