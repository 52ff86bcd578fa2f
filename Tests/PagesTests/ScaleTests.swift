import ModelReg
import Pages
import Testing

@Suite struct ScaleTests {
    private let limit = 300_000

    private func check(_ site: PageSite, _ target: String) {
        var answer = site.answer(to: target)
        while Samples.text(answer).contains("data-live=\"1\"") { answer = site.answer(to: target) }
        #expect(answer.status == 200, "\(target)")
        #expect(Samples.text(answer).utf8.count <= limit, "\(target): \(Samples.text(answer).utf8.count) bytes")
    }

    @Test func manyParametersFitOnPages() throws {
        let registry = try Registry.inMemory()
        for round in 0..<2 {
            var tensors: OrderedDictionary<String, Tensor> = [:]
            for index in 0..<1000 {
                let name = "encoder.layers.\(index / 100).experts.\(index % 100).weight"
                tensors[name] = Tensor([Float(index + round)], shape: [1])
            }
            try registry.save(StateDict(tensors), as: "m", options: SaveOptions())
        }
        let site = PageSite(registry)
        for target in [
            "/version?ref=m", "/version?ref=m&module=encoder.layers", "/version?ref=m&module=encoder.layers.7",
            "/version?ref=m&module=encoder.layers.7.experts", "/diff?a=m:v1&b=m:v2",
            "/diff?a=m:v1&b=m:v2&from=900",
            "/parameter?model=m&path=encoder.layers.3.experts.4.weight",
        ] { check(site, target) }
        // What does not fit is a click away, and not left out.
        let page = Samples.text(site.answer(to: "/version?ref=m"))
        #expect(page.contains("module=encoder\""))
        #expect(Samples.text(site.answer(to: "/diff?a=m:v1&b=m:v2")).contains("1000 changed, 0 unchanged"))
    }

    @Test func manyVersionsFitOnPages() throws {
        let registry = try Registry.inMemory()
        for number in 0..<600 {
            var options = SaveOptions(message: "step \(number)")
            options.metrics = ["accuracy": Double(number % 97) / 100, "loss": 1]
            options.environment = nil
            try registry.save(StateDict(["w": Tensor([Float(number)], shape: [1])]), as: "m", options: options)
        }
        let site = PageSite(registry)
        for target in [
            "/", "/model?name=m", "/model?name=m&below=300", "/version?ref=m:v300", "/parameter?model=m&path=w",
            "/storage?model=m",
        ] {
            check(site, target)
        }
        // Every version is on one of the pages.
        var numbers: Set<Int> = []
        var target: String? = "/model?name=m"
        while let next = target {
            let page = Samples.text(site.answer(to: next))
            for match in page.matches(of: /<td class="nw" data-v="(\d+)\.0"/) {
                numbers.insert(Int(match.output.1) ?? 0)
            }
            target = page.firstMatch(of: /href="([^"]*below=\d+)">earlier/).map {
                String($0.output.1).replacing("&amp;", with: "&")
            }
        }
        #expect(numbers == Set(1...600))
    }

    /// A run is drawn in columns, and no extreme is lost.
    @Test func noPointOfARunIsLost() throws {
        let registry = try Registry.inMemory()
        let run = try registry.startRun(model: "m", name: "r")
        for step in 0..<20_000 { run.log(["loss": step == 12_345 ? 99 : step == 777 ? -99 : 1], step: step) }
        try run.finish()
        let columns = try registry.metricColumns("loss", ofRun: run.id, columns: 200)
        #expect(columns.count <= 200)
        #expect(columns.compactMap(\.high).max() == 99)
        #expect(columns.compactMap(\.low).min() == -99)
        #expect(columns.map(\.finiteCount).reduce(0, +) == 20_000)
        #expect(columns.map(\.x) == columns.map(\.x).sorted())
        let site = PageSite(registry)
        for target in ["/runs", "/run?ref=m/r", "/run?ref=m/r&smooth=0.9&log=1"] { check(site, target) }
    }
}
