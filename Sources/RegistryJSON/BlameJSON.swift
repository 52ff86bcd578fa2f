package import ModelReg

/// A blame as JSON shows it.
package struct BlameJSON: Encodable {
    package struct Line: Encodable {
        let leaf: LeafJSON
        let changedIn: String

        private enum CodingKeys: String, CodingKey {
            case changedIn
        }

        package func encode(to encoder: any Encoder) throws {
            try leaf.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(changedIn, forKey: .changedIn)
        }
    }

    let schemaVersion = 1
    let version: VersionJSON
    let versions: [VersionJSON]
    let parameters: [Line]

    package init(_ blame: Blame) {
        version = VersionJSON(blame.version)
        versions = blame.groups.map { VersionJSON($0.version) }
        parameters = blame.lines.map {
            Line(leaf: LeafJSON($0.path, $0.content), changedIn: $0.changedIn.reference)
        }
    }
}
