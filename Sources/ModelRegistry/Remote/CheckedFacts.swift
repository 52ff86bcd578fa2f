import Checkpoints
import Foundation
import Foundations
import Remotes

/// What a remote says of a version beside its weights, as it can be inserted here: names are not there twice, times exist.
struct CheckedFacts {
    let version: Version
    let environment: RunEnvironment?
    let metrics: [MetricTable.Metric]
    let attributes: [AttributeTable.Attribute]
    let notes: [Note]
    let lineage: [(row: Int64?, facts: Ancestor)]

    /// - Parameters:
    ///   - model: What the model is to be called here.
    ///   - remote: For messages.
    /// - Throws: ``RemoteError/damaged(_:problem:)``.
    init(_ facts: VersionFacts, model: String, from remote: String) throws {
        func damaged(_ problem: String) -> RemoteError { .damaged(remote, problem: problem) }
        let contentID = try facts.checkedContentID(from: remote)
        guard let kind = CheckpointKind(rawValue: facts.kind), let createdAt = Timestamp.date(facts.createdAt),
            facts.tensorCount >= 0, facts.byteCount >= 0
        else { throw damaged("a version with impossible facts") }
        // A key of its own within this import; rows of the registry have others.
        version = Version(
            model: model, number: facts.number, contentID: contentID, parent: nil, kind: kind,
            message: facts.message, tensorCount: facts.tensorCount, byteCount: facts.byteCount,
            createdAt: createdAt, aliases: [], run: nil, step: facts.step, metrics: [:], droppedTensorCount: 0,
            rowID: -1)
        environment = facts.environment.map { RunEnvironment($0) }
        metrics = facts.metrics.map { MetricTable.Metric(name: $0.name, value: $0.value) }
        attributes = try facts.attributes.map { attribute in
            guard let source = AttributeTable.Source(rawValue: attribute.source),
                (try? AttributeValue(json: attribute.json)) != nil
            else { throw damaged("a fact that is not JSON") }
            return AttributeTable.Attribute(source: source, key: attribute.key, json: attribute.json)
        }
        guard Set(attributes.map { "\($0.source) \($0.key)" }).count == attributes.count,
            Set(metrics.map(\.name)).count == metrics.count,
            Set(facts.attachments.map(\.name)).count == facts.attachments.count
        else { throw damaged("two metrics, attributes or attachments of one name") }
        notes = try facts.notes.map { try Note($0, from: remote) }
        lineage = try facts.lineage.map { ancestor in
            guard let id = ContentID(hex: ancestor.origin.contentID),
                let kind = Ancestor.Kind(rawValue: ancestor.kind)
            else { throw damaged("an impossible ancestor") }
            return (
                nil,
                Ancestor(
                    reference: ancestor.origin.reference, contentID: id, isPresent: false, kind: kind,
                    isGiven: ancestor.isGiven, share: ancestor.share)
            )
        }
    }
}

extension Note {
    /// A note as a remote has it.
    ///
    /// - Throws: ``RemoteError/damaged(_:problem:)``.
    init(_ note: VersionFacts.Note, from remote: String) throws {
        guard let at = Timestamp.date(note.at) else {
            throw RemoteError.damaged(remote, problem: "a note of an impossible time")
        }
        self.init(at: at, actor: note.actor, text: note.text)
    }
}

extension VersionFacts.Note {
    init(_ note: Note) { self.init(at: Timestamp.text(note.at), actor: note.actor, text: note.text) }
}
