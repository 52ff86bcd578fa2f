import Foundations
import ModelReg
import RegistryJSON

extension PageSite {
    /// What was a version made from, and what was made from it?
    func lineagePage(_ address: PageAddress) throws -> Page {
        let version = try registry.version(try address.required("ref"))
        let ancestors = try LineageNode.ancestors(of: version, in: registry)
        let descendants = try LineageNode.descendants(of: version, in: registry)
        let picture = LineagePicture(ancestors: ancestors, descendants: descendants)
        let (before, after) = (picture.beforeCount, picture.afterCount)
        let made: HTML = after == 0 ? "none was" : HTML.count(after, "version was", "versions were")
        var page = Page(
            title: "Lineage of \(version.reference)",
            crumbs: crumbs(version.model) + [link(.version(version.reference), "\(version.reference)")],
            heading: "Lineage of \(version.reference)",
            answer: before == 0
                ? "It was made from no other version that is known; \(made) made from it."
                : "It goes back to \(HTML.count(before, "version")); \(made) made from it.",
            body: "", data: .api("lineage", [("ref", version.reference)]))
        page.body += picture.html { link(.version($0), $1) }
        if picture.isCut {
            page.body += "<p class=\"dim\">Only the nearest \(LineagePicture.nodeLimit) are drawn.</p>"
        }
        page.body +=
            "<p>\(link(.version(version.reference), "The version")) · \(link(.model(version.model), "All versions of \(version.model)"))</p>"
        return page
    }
}
