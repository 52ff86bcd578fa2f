import Foundation
import ModelReg
import Pages
import Testing

@Suite struct FrozenSiteTests {
    private func write(_ registry: Registry, pageLimit: Int = FrozenSite.pageLimit) throws
        -> (files: [String: String], result: FrozenSite.Result)
    {
        var files: [String: String] = [:]
        let result = try FrozenSite(registry, pageLimit: pageLimit).write { name, bytes in
            #expect(files[name] == nil, "\(name) is written twice")
            files[name] = String(decoding: bytes, as: UTF8.self)
        }
        return (files, result)
    }

    @Test func everyLinkLeadsToAFile() throws {
        let (files, result) = try write(Samples.hostileRegistry())
        #expect(!result.isCut)
        #expect(result.pageCount == files.count - 3)
        #expect(files["index.html"] != nil)
        for (name, html) in files where name.hasSuffix(".html") {
            for match in html.matches(of: /(?:href|src)="([^"]*)"/) {
                let target = String(match.output.1)
                #expect(target.hasPrefix("#") || files[target] != nil, "\(name): \(target)")
            }
        }
    }

    /// Names of models and parameters are anybody's, and become no paths.
    @Test func namesOfFilesArePlain() throws {
        let (files, _) = try write(Samples.hostileRegistry())
        for name in files.keys {
            #expect(name.wholeMatch(of: /[A-Za-z0-9-]+\.(html|css|js|svg)/) != nil, "\(name)")
            #expect(name.utf8.count < 140)
        }
    }

    @Test func nothingWaitsOnAFrozenPage() throws {
        let (files, _) = try write(Samples.hostileRegistry())
        for (name, html) in files where name.hasSuffix(".html") {
            #expect(
                !html.contains("data-live") && !html.contains("<form") && !html.contains("http-equiv"),
                "\(name)")
        }
        #expect(files.contains { $0.key.hasPrefix("diff-") && $0.value.contains("of its norm") })
    }

    @Test func pagesHaveALimit() throws {
        let (files, result) = try write(Samples.hostileRegistry(), pageLimit: 5)
        #expect(result.isCut && result.pageCount == 5)
        for (name, html) in files where name.hasSuffix(".html") {
            for match in html.matches(of: /href="([^"#][^"]*)"/) {
                #expect(files[String(match.output.1)] != nil, "\(name)")
            }
        }
    }

    @Test func aFrozenSiteIsTheSameEachTime() throws {
        let registry = try Samples.hostileRegistry()
        #expect(try write(registry).files == write(registry).files)
    }

    @Test func anEmptyRegistryHasAPage() throws {
        let (files, _) = try write(Registry.inMemory())
        #expect(try #require(files["index.html"]).contains("There is no model yet"))
    }
}
