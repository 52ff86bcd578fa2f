import Foundation
import Testing

/// Names of files that are legal and strange.
@Suite struct PathTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// `-dash.pt` was taken for the options -d, -a, -s and -h, and help was printed with exit status 0.
    @Test(arguments: [
        "save -dash.pt d", "load d -o -dash.pt", "diff -dash.pt d", "apply -help.mrpatch", "merge -other.db",
        "export d -o -dash.db", "plot loss -o -dash.svg", "run attach r -dash.log", "ls --registry -dash.db",
        "save x d --attach -dash.json", "save x d --packages -dash.txt", "diff a b --html -dash.html",
        "save -hmm d",
    ])
    func aNameThatBeginsWithADashIsNoOption(_ arguments: String) throws {
        let outcome = try workspace.modelreg(arguments)
        let name = try #require(
            arguments.split(separator: " ").first { $0.hasPrefix("-") && !$0.hasPrefix("--") && $0 != "-o" })
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(
            outcome.errors
                == "modelreg: no such option: \"\(name)\"; a file of this name is written \"./\(name)\", any other word after --\n"
        )
        #expect(try workspace.names.isEmpty)
    }

    @Test func aNameThatBeginsWithADashIsUnderstoodAfterTwo() throws {
        _ = try workspace.shell("cp Examples/data/x-file ./-dash.pt")
        #expect(try workspace.succeed("save -- -dash.pt d").hasPrefix("d:v1 "))
        #expect(try workspace.succeed("save ./-dash.pt d").hasPrefix("d:v2 "))
        #expect(try workspace.succeed("diff -- d ./-dash.pt") == "no differences in 1 value\n")
        #expect(try workspace.succeed("load d -o ./-back.pt").hasPrefix("d:v2 -> ./-back.pt  "))
        #expect(try workspace.bytes("-back.pt") == workspace.bytes("-dash.pt"))
    }

    @Test func lettersThatAreOptionsJoinAndValuesMayBeginWithADash() throws {
        #expect(try workspace.shell("modelreg save Examples/data/x-file d -qm said").status == 0)
        #expect(try workspace.succeed("show d").contains("message   said\n"))
        #expect(try workspace.succeed("log d --sort -version").hasPrefix("VERSION "))
        #expect(
            try workspace.modelreg("run log r --step -10 loss=1").errors.contains(
                "--step takes 0 or more, not -10"))
        #expect(try workspace.modelreg("-h").status == 0)
    }

    /// Swift repairs words that are not UTF-8: another file was read or written than was named.
    @Test(arguments: [
        "save $'b\\xff.pt' m", "load m -o $'b\\xff.pt'", "diff m $'./b\\xff.pt'", "ls --registry $'b\\xff.db'",
        "export m -o $'b\\xff.db'", "merge $'b\\xff.db'", "apply $'b\\xff.mrpatch'",
    ])
    func aNameThatIsNotUTF8IsRefused(_ arguments: String) throws {
        _ = try workspace.shell("cp Examples/data/x-file $'b\\xff.pt'; cp Examples/data/x-file $'b\\ufffd.pt'")
        let before = try workspace.names
        let outcome = try workspace.modelreg(arguments)
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(
            outcome.errors.hasPrefix("modelreg: not UTF-8, as all words and names of files must be: \"")
                && outcome.errors.contains(#"b\xff."#) && outcome.errors.split(separator: "\n").count == 1,
            "\(outcome.errors)")
        #expect(try workspace.names == before)
    }

    @Test func aRegistryOfTheEnvironmentThatIsNotUTF8IsRefused() throws {
        let outcome = try workspace.shell("MODELREG_REGISTRY=$'b\\xff.db' modelreg save Examples/data/x-file m")
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(outcome.errors == "modelreg: MODELREG_REGISTRY is not UTF-8, as names of files must be\n")
        #expect(try workspace.names.isEmpty)
    }

    @Test func filesOfAFolderWhoseNamesAreNotUTF8AreRefusedUnlessLeftOut() throws {
        _ = try workspace.shell(
            "mkdir f; cp Examples/data/dtypes.safetensors f/model.safetensors; echo a > $'f/b\\xff.json'; echo b > f/c.json"
        )
        let refused = try workspace.modelreg("save f m")
        #expect(refused.status == 65)
        #expect(
            refused.errors
                == "modelreg: \"f\": the name of \"b\\xff.json\" is not UTF-8; rename it, or leave it out with --exclude\n"
        )
        let saved = try workspace.modelreg("save f m --exclude 'b?.json'")
        #expect(saved.status == 0)
        #expect(saved.errors == "attached: c.json\nnote: left out: b\\xff.json\n")
        #expect(try workspace.modelreg("load m -o back/").status == 0)
        #expect(try workspace.shell("cat back/*.json").output == "b\n")
    }

    /// Temporary names were longer than final ones: what was saved with such an attachment never came back.
    @Test func namesAreAsLongAsTheSystemAllows() throws {
        func name(_ ending: String) -> String {
            String(repeating: "n", count: 255 - ending.utf8.count) + ending
        }
        try workspace.write(Data("{}\n".utf8), to: name(".json"))
        try workspace.succeed("save Examples/data/x-file x --attach \(name(".json"))")
        try workspace.succeed("save Examples/data/mydict x --metric loss=1")
        try workspace.succeed("load x:v1 -o back/")
        #expect(try workspace.shell("cat back/*.json").output == "{}\n")
        try workspace.succeed("load x:v1 -o \(name(".pt"))")
        #expect(try workspace.bytes(name(".pt")) == workspace.bytes("Examples/data/x-file"))
        try workspace.succeed("diff x:v1 x:v2 -o \(name(".mrpatch"))")
        try workspace.succeed("diff x:v1 x:v2 --html \(name(".html"))")
        try workspace.succeed("plot loss x -o \(name(".svg"))")
        try workspace.succeed("export x -o \(name(".db"))")
        for ending in [".mrpatch", ".html", ".svg", ".db"] {
            #expect(try !workspace.bytes(name(ending)).isEmpty, "\(ending)")
        }
        #expect(try workspace.shell("ls -A | grep -c '^.modelreg'").output == "0\n")
        let long = "n" + name(".pt")
        try workspace.fail(
            "load x:v1 -o \(long)", 73, "cannot write \"\(long.prefix(200))…\": File name too long")
    }
}
