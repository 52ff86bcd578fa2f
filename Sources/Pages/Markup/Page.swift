import Foundations
import ModelReg
import RegistryJSON

/// What is on a page, without what all pages have.
struct Page {
    /// In the window's title.
    var title: String
    /// Where the page is among others.
    var crumbs: [HTML] = []
    var heading: HTML
    /// The page's question, answered in a sentence.
    var answer: HTML
    var body: HTML = ""
    /// Seconds until it is worth asking again; `nil` for what never changes.
    var live: Int? = Page.liveSeconds
    /// The same for programs.
    var data: PageAddress?

    /// Between two looks at a page that changes.
    static let liveSeconds = 5
}

/// What all pages have.
struct PageLayout {
    private let site: PageSite
    private let address: PageAddress

    init(_ site: PageSite, _ address: PageAddress) {
        self.site = site
        self.address = address
    }

    func html(_ page: Page) -> HTML {
        let style = site.links.href(.style) ?? ""
        let script = site.links.href(.script) ?? ""
        let live: HTML = site.links.isFrozen ? "" : page.live.map { " data-live=\"\($0)\"" } ?? ""
        let crumbs: HTML =
            page.crumbs.isEmpty
            ? ""
            : "<p class=\"crumbs\">\(HTML.joined(page.crumbs, by: " <span aria-hidden=\"true\">/</span> "))</p>"
        let file = site.registry.path.split(separator: "/").last.map(String.init) ?? site.registry.path
        let data: HTML =
            site.links.isFrozen
            ? ""
            : page.data.flatMap(site.links.href).map {
                " · <a href=\"\($0, limit: .max)\">this page as JSON</a>"
            } ?? ""
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">\
            <meta name="viewport" content="width=device-width, initial-scale=1">\
            <title>\(page.title, limit: 120) · modelreg</title><link rel="stylesheet" href="\(style)">\
            <link rel="icon" href="\(site.links.href(.icon) ?? "")"><script src="\(script)" defer></script>\(waiting(page))</head>
            <body><a class="skip" href="#main">Skip to the content</a>
            <header><nav aria-label="Registry"><a class="file" href="\(site.links.href(.models) ?? "")">\(file)</a>\
            \(tab(.models, "Models"))\(tab(.runs(), "Runs"))\(tab(.storage(), "Storage"))</nav></header>
            <main id="main"\(live)>\(crumbs)<h1>\(page.heading)</h1><p class="answer">\(page.answer)</p>
            \(page.body)</main>
            <footer>modelreg \(modelRegVersion)\(data)</footer></body></html>

            """
    }

    /// Without a script, a page that waits for figures is loaded again.
    private func waiting(_ page: Page) -> HTML {
        guard page.live == 1, !site.links.isFrozen else { return "" }
        return "<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>"
    }

    private func tab(_ target: PageAddress, _ text: HTML) -> HTML {
        let isHere = target.path == address.path
        guard let href = site.links.href(target) else { return "" }
        return "<a href=\"\(href, limit: .max)\"\(isHere ? " aria-current=\"page\"" : "")>\(text)</a>"
    }
}

extension PageSite {
    /// A link; the text alone where nothing will be there.
    func link(_ address: PageAddress, _ text: HTML, isCurrent: Bool = false) -> HTML {
        guard let href = links.href(address) else { return text }
        return "<a href=\"\(href, limit: .max)\"\(isCurrent ? " aria-current=\"true\"" : "")>\(text)</a>"
    }

    func link(version: Version) -> HTML { link(.version(version.reference), "v\(version.number)") }

    func link(reference: String) -> HTML { link(.version(reference), "\(reference)") }

    func crumbs(_ model: String) -> [HTML] {
        [link(.models, "Models"), link(.model(model), "\(model)")]
    }
}
