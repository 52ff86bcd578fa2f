package import ModelReg

/// A version, as JSON shows it.
package struct VersionJSON: Encodable {
    let model: String
    let version: Int
    let reference: String
    let contentId: String
    let parent: String?
    let kind: String
    let message: String
    let tensorCount: Int
    let byteCount: Int
    let createdAt: String
    let aliases: [String]
    let metrics: [String: Double?]
    let run: String?
    let step: Int?
    /// Facts and settings of its run, where they were asked for.
    let attributes: [String: JSONFragment]?

    package init(_ version: Version, attributes: Attributes? = nil) {
        run = version.run
        step = version.step
        self.attributes = attributes.map { attributes in
            Dictionary(attributes.map { ($0.key, JSONFragment($0.value.json)) }) { $1 }
        }
        model = version.model
        self.version = version.number
        reference = version.reference
        contentId = version.contentID.description
        parent = version.parent
        kind = version.kind.rawValue
        message = version.message
        tensorCount = version.tensorCount
        byteCount = version.byteCount
        createdAt = Moment.exact(version.createdAt)
        aliases = version.aliases
        metrics = version.metrics.mapValues { $0.isFinite ? $0 : nil }
    }
}
