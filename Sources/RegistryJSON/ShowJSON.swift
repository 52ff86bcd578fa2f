package import ModelReg

/// Where a version comes from, and what was said about it.
package struct VersionContext {
    package let lineage: [Ancestor]
    package let notes: [Note]
    package let environment: RunEnvironment?
    package let structure: Structure
    /// Whether only what is known of the tensors was fetched.
    package let isRemote: Bool

    package init(
        lineage: [Ancestor], notes: [Note], environment: RunEnvironment?, structure: Structure,
        isRemote: Bool = false
    ) {
        self.lineage = lineage
        self.notes = notes
        self.environment = environment
        self.structure = structure
        self.isRemote = isRemote
    }
}

/// A leaf, and what is known of it where it is a tensor.
package struct ShownLeaf: ExpressionScope {
    package let leaf: Manifest.Leaf
    package let facts: TensorFacts?

    package init(leaf: Manifest.Leaf, facts: TensorFacts?) {
        self.leaf = leaf
        self.facts = facts
    }

    package func value(of name: String) -> ExpressionValue? { facts?.value(of: name) }
}

/// A version with everything about it, as JSON shows it.
package struct ShowJSON: Encodable {
    package struct Attachment: Encodable {
        let name: String
        let byteCount: Int
    }

    package struct Source: Encodable {
        let name: String
        let format: String
        let byteCount: Int
    }

    let version: VersionJSON
    let attributes: [String: JSONFragment]
    let fileMetadata: [String: JSONFragment]
    let attachments: [Attachment]
    let sourceFile: Source?
    let thinnedAt: String?
    let droppedPaths: [String]
    let parameters: [ParameterJSON]
    let lineage: [AncestorJSON]
    let notes: [NoteJSON]
    let environment: EnvironmentJSON?
    let objects: [ObjectJSON]

    package struct AncestorJSON: Encodable {
        let reference: String
        let contentId: String
        let isPresent: Bool
        let kind: String
        let isGiven: Bool
        let share: Double?
    }

    /// A leaf with the health of its tensor.
    package struct ParameterJSON: Encodable {
        struct Health: Encodable {
            let nanCount: Int?
            let infinityCount: Int?
            let zeroCount: Int?
            let minimum: Double?
            let maximum: Double?
            let l2Norm: Double?
        }

        let leaf: LeafJSON
        let health: Health?

        private enum CodingKeys: CodingKey { case health }

        package func encode(to encoder: any Encoder) throws {
            try leaf.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(health, forKey: .health)
        }
    }

    package init(
        _ version: Version, _ details: VersionDetails, _ context: VersionContext, _ leaves: [ShownLeaf]
    ) {
        objects = ObjectJSON.all(of: context.structure)
        lineage = context.lineage.map {
            AncestorJSON(
                reference: $0.reference, contentId: $0.contentID.description, isPresent: $0.isPresent,
                kind: $0.kind.rawValue, isGiven: $0.isGiven, share: $0.share)
        }
        notes = context.notes.map(NoteJSON.init)
        environment = context.environment.map(EnvironmentJSON.init)
        self.version = VersionJSON(version)
        func fragments(_ attributes: Attributes) -> [String: JSONFragment] {
            Dictionary(uniqueKeysWithValues: attributes.map { ($0.key, JSONFragment($0.value.json)) })
        }
        attributes = fragments(details.attributes)
        fileMetadata = fragments(details.fileFacts)
        attachments = details.attachments.map { Attachment(name: $0.name, byteCount: $0.byteCount) }
        sourceFile = details.sourceFile.map {
            Source(name: $0.name, format: $0.format, byteCount: $0.byteCount)
        }
        thinnedAt = context.isRemote ? nil : details.thinnedAt.map(Moment.exact)
        droppedPaths = context.isRemote ? [] : details.droppedPaths
        parameters = leaves.map { leaf in
            ParameterJSON(
                leaf: LeafJSON(leaf.leaf.path, leaf.leaf.content),
                health: leaf.facts.map {
                    ParameterJSON.Health(
                        nanCount: $0.nanCount, infinityCount: $0.infinityCount, zeroCount: $0.zeroCount,
                        minimum: $0.minimum, maximum: $0.maximum, l2Norm: $0.l2Norm)
                })
        }
    }
}

extension ShowJSON {
    /// A version of a registry, with those of its leaves that patterns select.
    ///
    /// - Throws: `RegistryError`, `PathSelectionError`.
    package init(of version: Version, only patterns: [String] = [], in registry: Registry) throws {
        let manifest = try registry.manifest(of: version.reference)
        let isSelected = try PathSelection(patterns).selects(manifest.leaves.map(\.path))
        let facts = Dictionary(try registry.tensorFacts(of: version.reference).map { ($0.path, $0) }) {
            first, _ in first
        }
        self.init(
            version, try registry.details(of: version),
            VersionContext(
                lineage: try registry.lineage(of: version), notes: try registry.notes(of: version),
                environment: try registry.environment(of: version), structure: manifest.structure),
            zip(manifest.leaves, isSelected).filter(\.1).map { leaf, _ in
                ShownLeaf(leaf: leaf, facts: facts[leaf.path.text])
            })
    }
}
