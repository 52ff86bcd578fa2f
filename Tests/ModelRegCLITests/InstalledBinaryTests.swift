import Foundation
import Testing

/// The binary that `make install` links from what was built here.
@Suite struct InstalledBinaryTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        let linked = try workspace.shell(
            "'\(Workspace.repository.path)/scripts/link' '\(Workspace.binaries.path)' bin/modelreg")
        try #require(linked.status == 0, "\(linked.errors)")
    }

    @Test func needsNothingButTheCLibrary() throws {
        let libraries = try workspace.shell("ldd bin/modelreg | awk '{ print $1 }' | sort").output
        #expect(libraries == "/lib64/ld-linux-x86-64.so.2\nlibc.so.6\nlibm.so.6\nlinux-vdso.so.1\n")
        #expect(workspace.byteCount("bin/modelreg") < 60_000_000)
    }

    /// It has no data on languages and calendars, and must not miss them.
    @Test func doesWhatTheOtherDoes() throws {
        let commands = """
            modelreg save Examples/data/checkpoint.pt r --metric loss=0.5 --set 'name="é ß"' -m 'Größe'
            modelreg save Examples/data/mlp-step-100.pt r --metric loss=nan
            modelreg show r:v1 --json | grep -v created_at
            modelreg diff r:v1 r --html page.html --stat
            modelreg run start r --name a && modelreg run log r/a --step 1 loss=1e-3
            echo '{"step": 2, "loss": NaN}' | modelreg run log r/a --stdin
            modelreg plot loss r/a --width 40 && modelreg log r --where 'loss > 0' --csv | cut -d, -f1,2
            modelreg load r:v1 -o back.pt && cmp back.pt Examples/data/checkpoint.pt && modelreg verify
            modelreg load r:v9; modelreg --nonsense; modelreg ls --help | head -3
            """
        let ours = try workspace.shell("MODELREG_REGISTRY=a.db; export MODELREG_REGISTRY; \(commands)")
        let theirs = try workspace.shell(
            "rm back.pt page.html; PATH=$PWD/bin:$PATH; MODELREG_REGISTRY=b.db; export MODELREG_REGISTRY; \(commands)"
        )
        #expect(timeless(ours.output) == timeless(theirs.output))
        #expect(ours.errors == theirs.errors)
        #expect(ours.output.contains("Größe") && ours.output.contains("match their hashes"))
    }
}
