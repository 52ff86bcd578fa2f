/// A change of what is known about a checkpoint beside its weights.
public struct FactChange: Hashable, Sendable {
    /// Who says it.
    public enum Source: String, Sendable, CaseIterable {
        /// A number that says how good a version is.
        case metric
        /// What the user set on a version.
        case attribute
        /// What a file carries beside its tensors.
        case metadata
        /// A file that is kept beside the weights, or a key of it where it is JSON.
        case attachment
    }

    /// Who says it.
    public let source: Source
    /// What it is called.
    public let key: String
    /// The JSON text before; `nil` if there was none.
    public let old: String?
    /// The JSON text now; `nil` if there is none.
    public let new: String?
}

/// What is known about a checkpoint beside its weights. What cannot be known of it, such as metrics of a file, is
/// `nil`, and compared with nothing.
package struct CheckpointFacts: Sendable {
    /// Numbers by name, as JSON texts.
    package var metrics: [String: String]?
    /// What a user set, as JSON texts.
    package var attributes: [String: String]?
    /// What its file carried, as JSON texts.
    package var metadata: [String: String]?
    /// Files beside the weights, by name.
    package var attachments: [String: AttachedFile]?

    /// Nothing known.
    package init() {}

    /// What changed, by source and key.
    package func changes(to new: CheckpointFacts) -> [FactChange] {
        let pairs: [(FactChange.Source, [String: String]?, [String: String]?)] = [
            (.metric, metrics, new.metrics), (.attribute, attributes, new.attributes),
            (.metadata, metadata, new.metadata),
        ]
        let facts = pairs.flatMap { source, old, new -> [FactChange] in
            guard let old, let new else { return [] }
            return Set(old.keys).union(new.keys).sorted().compactMap { key in
                old[key] == new[key]
                    ? nil : FactChange(source: source, key: key, old: old[key], new: new[key])
            }
        }
        guard let before = attachments, let after = new.attachments else { return facts }
        return facts
            + Set(before.keys).union(after.keys).sorted().flatMap { name in
                AttachedFile.changes(name, from: before[name], to: after[name])
            }
    }
}
