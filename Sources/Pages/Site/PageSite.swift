import Foundations
package import ModelReg

/// The pages of one registry: takes what a request asks for, and says what to answer. Knows no network, and holds no
/// transaction: each page is made of a few short ones, and is whole before any of it is sent.
package struct PageSite: Sendable {
    package let registry: Registry
    let computations: Computations
    let links: PageLinks
    /// Whether what takes long is waited for, and not shown when it is there.
    let waits: Bool

    /// Pages that link to each other by queries, as a server answers them.
    package init(_ registry: Registry) {
        self.init(registry, links: .served, waits: false)
    }

    init(_ registry: Registry, links: PageLinks, waits: Bool) {
        self.registry = registry
        self.links = links
        self.waits = waits
        computations = Computations()
    }

    /// Gives up what is being computed.
    package func cancel() { computations.cancel() }

    /// The answer to a request for `target`, which is as it came. Never throws: errors are pages, too.
    package func answer(to target: String) -> PageAnswer {
        var path: String?
        do {
            guard let address = try PageAddress(target: target) else { throw PageError.noPage }
            path = address.path
            return try answer(to: address)
        } catch {
            let isProgram = path?.hasPrefix("/api/") ?? target.hasPrefix("/api/")
            return PageSite.failure(error, asJSON: isProgram)
        }
    }

    /// - Throws: ``PageError``, `RegistryError`, and what expressions and patterns throw.
    func answer(to address: PageAddress) throws -> PageAnswer {
        if address.path.hasPrefix("/api/") { return try api(address) }
        if let asset = PageSite.asset(address.path) { return asset }
        if address.path == "/attachment" { return try attachment(address) }
        let html = PageLayout(self, address).html(try page(address))
        return PageAnswer(body: .bytes(Array(html.markup.utf8)))
    }

    func page(_ address: PageAddress) throws -> Page {
        switch address.path {
        case "/": try modelsPage(address)
        case "/model": try modelPage(address)
        case "/version": try versionPage(address)
        case "/parameter": try parameterPage(address)
        case "/diff": try diffPage(address)
        case "/runs": try runsPage(address)
        case "/run": try runPage(address)
        case "/lineage": try lineagePage(address)
        case "/storage": try storagePage(address)
        default: throw PageError.noPage
        }
    }

    private static func asset(_ path: String) -> PageAnswer? {
        switch path {
        case "/style.css":
            PageAnswer(contentType: "text/css; charset=utf-8", body: .bytes(Array(PageStyle.css.utf8)))
        case "/script.js":
            PageAnswer(
                contentType: "text/javascript; charset=utf-8", body: .bytes(Array(PageScript.javaScript.utf8)))
        case "/icon.svg":
            PageAnswer(contentType: "image/svg+xml", body: .bytes(Array(PageStyle.icon.utf8)))
        default: nil
        }
    }

    /// A small file of a version: never shown, always saved.
    private func attachment(_ address: PageAddress) throws -> PageAnswer {
        let version = try registry.version(try address.required("ref"))
        let name = try address.required("name")
        guard let bytes = try registry.attachment(name, of: version) else { throw PageError.noPage }
        return PageAnswer(contentType: "application/octet-stream", fileName: name, body: .bytes(bytes))
    }

    /// What an error means to whoever asked.
    package static func failure(_ error: any Error, asJSON: Bool) -> PageAnswer {
        let status =
            switch ErrorCategory(error) {
            case .noInput: 404
            case .usage, .found: 400
            case .busy, .unavailable: 503
            case .notPermitted: 403
            default: 500
            }
        if asJSON {
            let text = "{\"error\":\(JSONText.quoted("\(error)")),\"status\":\(status)}\n"
            return PageAnswer(status: status, contentType: PageAnswer.json, body: .bytes(Array(text.utf8)))
        }
        let heading: HTML = status == 404 ? "Not found" : status == 400 ? "Not understood" : "No answer"
        let html: HTML = """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" \
            content="width=device-width"><title>\(heading)</title><link rel="stylesheet" href="/style.css"><link rel="icon" href="/icon.svg"></head>\
            <body><main><h1>\(heading)</h1><p class="answer">\("\(error)")</p><p><a href="/">All models</a></p>\
            </main></body></html>
            """
        return PageAnswer(status: status, body: .bytes(Array(html.markup.utf8)))
    }
}

extension PageAddress {
    /// A value that has to be there.
    ///
    /// - Throws: ``PageError/invalid(_:)``.
    func required(_ name: String) throws -> String {
        guard let value = self[name], !value.isEmpty else {
            throw PageError.invalid("\(path) needs \(name)=…")
        }
        return value
    }
}
