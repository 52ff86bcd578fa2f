import Foundation
import Testing

/// Boundaries that docs/security.md names and no other test holds.
@Suite struct SecurityTests {
    /// A page of prose is worth what its tests are worth: each that it names is there.
    @Test func everyTestThatThePageNamesIsThere() throws {
        let page = try String(
            contentsOf: Workspace.repository.appending(path: "docs/security.md"), encoding: .utf8)
        let tests = Workspace.repository.appending(path: "Tests")
        var sources = ""
        let files = try #require(FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "swift" {
            sources += try String(contentsOf: file, encoding: .utf8)
        }
        let named = page.matches(of: /`([A-Z]\w+)\.([a-z]\w+)`/).map { ($0.output.1, $0.output.2) }
        #expect(named.count > 25)
        for (suite, test) in named {
            // Not within the expectation, which would print all sources.
            let isThere = sources.contains("func \(test)(") && sources.contains("struct \(suite) ")
            #expect(isThere, "\(suite).\(test)")
        }
    }

    /// A repository may name a program that watches its files; `git status` would run it.
    @Test func gitRunsNoProgramOfTheRepository() throws {
        let workspace = try Workspace()
        let monitor = "#!/bin/sh\ntouch '\(workspace.folder.path)/has-run'\nprintf '\\0'\n"
        try workspace.write(Data(monitor.utf8), to: "monitor")
        let prepared = try workspace.shell(
            """
            chmod +x monitor && git init -q . && git config core.fsmonitor "$PWD/monitor" &&
            git config user.email a@b && git config user.name a && git add monitor &&
            git -c core.fsmonitor=false commit -q -m one && rm -f has-run
            """)
        #expect(prepared.status == 0, "\(prepared.errors)")
        // The trap works: git alone steps into it.
        _ = try workspace.shell("git status")
        #expect(try workspace.shell("rm has-run").status == 0)
        #expect(try workspace.modelreg("save Examples/data/mlp-step-000.pt mlp").status == 0)
        #expect(try workspace.modelreg("show mlp --json").output.contains("\"git_commit\" : \""))
        #expect(try workspace.shell("ls has-run").status != 0)
    }

    /// Names of tensors are anybody's: they are data on the page, and never markup.
    @Test func aNameOnThePageIsNoMarkup() throws {
        let workspace = try Workspace()
        // A slash in a name is written otherwise; these two make all that follows a part of the script without one.
        let name = "<!--<script><img src=x>{{data}}"
        for (file, byte) in [("a", UInt8(1)), ("b", 2)] {
            let header = "{\"\(name)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
            var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            bytes += Data(header.utf8) + [byte]
            try bytes.write(to: workspace.folder.appending(path: "\(file).safetensors"))
        }
        let outcome = try workspace.modelreg("diff a.safetensors b.safetensors --html page.html")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let page = String(decoding: try workspace.bytes("page.html"), as: UTF8.self)
        #expect(page.contains("\\u003c!--\\u003cscript>\\u003cimg src=x>"))
        #expect(!page.contains("<!--") && !page.contains("<img"))
    }
}
