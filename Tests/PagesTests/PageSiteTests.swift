import Foundation
import Foundations
import ModelReg
import Pages
import Testing

@Suite struct PageSiteTests {
    /// Names of elements and attributes on a page that no page of ours has.
    private func checkMarkup(_ html: String, _ address: String) {
        #expect(!html.contains("<script>"), "\(address)")
        #expect(!html.contains("<img"), "\(address)")
        #expect(!html.contains("HTML(markup"), "\(address): markup became text")
        #expect(html.firstMatch(of: /<[a-z]+[^<>]*=&quot;/) == nil, "\(address): markup was escaped")
        #expect(!html.contains("onerror=alert(1)>"), "\(address)")
        #expect(!html.contains("<svg/onload"), "\(address)")
        #expect(!html.contains("style=\""), "\(address): the policy forbids styles in elements")
        #expect(!html.contains("href=\"javascript"), "\(address)")
        #expect(
            !html.contains("http://") && !html.contains("https://"),
            "\(address): nothing is fetched from elsewhere")
        for forbidden: Unicode.Scalar in ["\u{202E}", "\u{1B}", "\u{7}", "\u{0}"] {
            #expect(!html.unicodeScalars.contains(forbidden), "\(address): U+\(forbidden.value)")
        }
        checkTags(html, address)
        #expect(html.utf8.count <= 300_000, "\(address): \(html.utf8.count) bytes")
    }

    private func checkTags(_ html: String, _ address: String) {
        var open: [Substring] = []
        for match in html.matches(of: /<(\/?)([a-z0-9]+)([^<>]*)>/) {
            let (slash, name, rest) = (match.output.1, match.output.2, match.output.3)
            if ["meta", "link", "input", "br"].contains(name) || rest.hasSuffix("/") { continue }
            if slash.isEmpty {
                open.append(name)
            } else {
                #expect(open.popLast() == name, "\(address): </\(name)>")
            }
        }
        #expect(open.isEmpty, "\(address)")
    }

    @Test func noTextOfARegistryIsMarkup() throws {
        let registry = try Samples.hostileRegistry()
        let site = PageSite(registry)
        for address in try Samples.addresses(of: registry) {
            var answer = site.answer(to: address)
            // Figures that are computed behind the page.
            while Samples.text(answer).contains("data-live=\"1\"") { answer = site.answer(to: address) }
            #expect(answer.status == 200, "\(address): \(Samples.text(answer).prefix(2000))")
            if answer.contentType == PageAnswer.html { checkMarkup(Samples.text(answer), address) }
        }
    }

    @Test func whatIsNotThereIsSaid() throws {
        let registry = try Samples.hostileRegistry()
        let site = PageSite(registry)
        for (address, status) in [
            ("/nothing", 404), ("/..", 404), ("/%2e%2e", 404), ("/model", 400), ("/model?name=other", 404),
            ("/version?ref=m:v99", 404), ("/version?ref=m:v1&module=none", 400), ("/version?ref=%ff", 400),
            ("/parameter?model=m&path=none", 400), ("/diff?a=m:v1", 400), ("/run?ref=none", 404),
            ("/run?ref=m/r&smooth=1", 400), ("/model?name=m&below=x", 400),
            ("/attachment?ref=m:v1&name=none", 404),
            ("/api/v1/none", 404), ("/api/v2/models", 404), ("/api/v1/version", 400),
            ("/api/v1/version?ref=m&colour=1", 400),
            ("/api/v1/versions?model=m&limit=0", 400), ("/api/v1/versions?model=m&where=%28", 400),
        ] {
            let answer = site.answer(to: address)
            #expect(answer.status == status, "\(address): \(answer.status)")
            #expect((answer.contentType == PageAnswer.json) == address.hasPrefix("/api/"), "\(address)")
            if answer.contentType == PageAnswer.html { checkMarkup(Samples.text(answer), address) }
        }
    }

    /// A file of a stranger is saved, whatever it calls itself.
    @Test func attachmentsAreNeverShown() throws {
        let registry = try Registry.inMemory()
        var options = SaveOptions()
        options.attachments = ["page.html": Array("<script>alert(1)</script>".utf8)]
        try registry.save(Checkpoint.integer(1), as: "m", options: options)
        let answer = PageSite(registry).answer(to: "/attachment?ref=m&name=page.html")
        #expect(answer.contentType == "application/octet-stream")
        #expect(answer.fileName == "page.html")
    }

    @Test func anErrorInAFilterIsSaidBesideTheRuns() throws {
        let registry = try Samples.hostileRegistry()
        let page = Samples.text(PageSite(registry).answer(to: "/runs?where=%3Cscript%3E"))
        #expect(page.contains("class=\"bad\""))
        checkMarkup(page, "/runs")
    }

    // MARK: What a person asks

    @Test func aModelSaysWhichVersionIsBest() throws {
        let registry = try Registry.inMemory()
        for (loss, accuracy) in [(0.9, 0.5), (0.4, 0.8), (0.2, 0.95), (0.3, 0.9)] {
            var options = SaveOptions()
            options.metrics = ["loss": loss, "accuracy": accuracy]
            try registry.save(Checkpoint.number(loss), as: "mlp", options: options)
        }
        let site = PageSite(registry)
        let page = Samples.text(site.answer(to: "/model?name=mlp"))
        #expect(page.contains("v3</a> has the highest accuracy of 4 versions: <strong>0.95</strong>"))
        #expect(page.contains("what changed since v1"))
        let other = Samples.text(site.answer(to: "/model?name=mlp&metric=loss"))
        #expect(other.contains("aria-label=\"loss by version: loss\""))
    }

    @Test func aParameterSaysWhereItsNormJumped() throws {
        let registry = try Registry.inMemory()
        for scale: Float in [1, 1.1, 100, 101] {
            try registry.save(
                StateDict(["layer.weight": Tensor([scale, 0], shape: [2])]), as: "mlp", options: SaveOptions())
        }
        let site = PageSite(registry)
        let page = Samples.text(site.answer(to: "/parameter?model=mlp&path=layer.weight"))
        #expect(page.contains("Its norm changed most in <a href=\"/version?ref=mlp:v3\">v3</a>"))
        let version = Samples.text(site.answer(to: "/version?ref=mlp:v3"))
        #expect(version.contains("No NaN, no infinity"))
        #expect(version.contains("the norm that changed most is that of"))
    }

    /// The sums of all models and those of one had the same key, where numbers fell so: the second page waited for ever.
    @Test func storageOfOneModelIsNotThatOfTheFile() throws {
        let registry = try Registry.inMemory()
        for value in 0..<2 {
            try registry.save(Checkpoint.integer(Int64(value)), as: "m", options: SaveOptions())
        }
        let site = PageSite(registry)
        for address in ["/storage", "/storage?model=m"] {
            var page = Samples.text(site.answer(to: address))
            while page.contains("data-live=\"1\"") { page = Samples.text(site.answer(to: address)) }
            #expect(page.contains(address == "/storage" ? "in the file" : "2 versions"))
        }
    }

    @Test func aDiffSaysWhatMovedMost() throws {
        let registry = try Registry.inMemory()
        for value: Float in [1, 2] {
            try registry.save(
                StateDict([
                    "a.weight": Tensor([value, 1], shape: [2]), "b.weight": Tensor([1, 1], shape: [2]),
                ]), as: "mlp", options: SaveOptions())
        }
        let site = PageSite(registry)
        let address = "/diff?a=mlp:v1&b=mlp:v2"
        var page = Samples.text(site.answer(to: address))
        while page.contains("data-live=\"1\"") { page = Samples.text(site.answer(to: address)) }
        #expect(page.contains("1 changed, 1 unchanged"))
        #expect(page.contains("a.weight</span> moved most: <strong>0.707</strong> of its norm"))
        #expect(Samples.text(site.answer(to: "/diff?a=mlp:v1&b=mlp:v1")).contains("bit for bit"))
    }
}
