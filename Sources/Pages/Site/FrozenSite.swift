import Foundations
package import ModelReg

/// The pages as files beside each other, for a paper or a pull request: they need no server, and nothing else.
package struct FrozenSite {
    private let site: PageSite
    private let links: FrozenLinks

    /// What was written.
    package struct Result: Sendable {
        package let pageCount: Int
        package let byteCount: Int
        /// Whether pages were left out because there were too many.
        package let isCut: Bool
    }

    /// Pages that are written unless somebody says otherwise.
    package static let pageLimit = 5000

    package init(_ registry: Registry, pageLimit: Int = pageLimit) {
        links = FrozenLinks(limit: max(3, pageLimit))
        site = PageSite(registry, links: .frozen(links), waits: true)
    }

    /// Makes each page that can be reached from the first, and hands it over with its file name.
    ///
    /// - Throws: `RegistryError`, and what `write` throws.
    package func write(_ write: (_ name: String, _ bytes: [UInt8]) throws -> Void) throws -> Result {
        var (pageCount, byteCount) = (0, 0)
        for address in [PageAddress.style, .script, .icon] {
            guard case .bytes(let bytes) = try site.answer(to: address).body, let name = links.href(address)
            else { continue }
            try write(name, bytes)
            byteCount += bytes.count
        }
        _ = links.href(.models)
        while let (address, name) = links.next() {
            let bytes = try page(address)
            try write(name, bytes)
            pageCount += 1
            byteCount += bytes.count
        }
        return Result(pageCount: pageCount, byteCount: byteCount, isCut: links.isFull)
    }

    /// A version that was deleted meanwhile leaves a page that says so.
    private func page(_ address: PageAddress) throws -> [UInt8] {
        do {
            guard case .bytes(let bytes) = try site.answer(to: address).body else { return [] }
            return bytes
        } catch let error where ErrorCategory(error) == .noInput || error is PageError {
            let page = Page(
                title: "Not here", heading: "Not here", answer: "\("\(error)")", body: "", live: nil)
            return Array(PageLayout(site, address).html(page).markup.utf8)
        }
    }
}
