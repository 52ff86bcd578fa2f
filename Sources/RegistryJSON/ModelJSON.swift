package import ModelReg

/// A model and what it has, as JSON shows it.
package struct ModelJSON: Encodable {
    let name: String
    let versionCount: Int
    let aliases: [String]
    let latest: VersionJSON?

    package init(_ model: ModelSummary) {
        name = model.name
        versionCount = model.versionCount
        aliases = model.aliases
        latest = model.latest.map { VersionJSON($0) }
    }
}
