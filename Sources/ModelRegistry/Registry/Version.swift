public import Checkpoints
public import Foundation

/// An immutable saved checkpoint of a model.
public struct Version: Hashable, Sendable {
    /// The model's name.
    public let model: String
    /// `1`, `2`, … within the model; never reused.
    public let number: Int
    /// SHA-256 of the manifest: same weights and structure, same id.
    public let contentID: ContentID
    /// The version that this one was made from, such as `mlp:v3`.
    public let parent: String?
    /// What the checkpoint is at its top.
    public let kind: CheckpointKind
    /// What its author said about it.
    public let message: String
    /// Number of tensors; a tied one counts under each of its names.
    public let tensorCount: Int
    /// Bytes of these tensors, uncompressed.
    public let byteCount: Int
    /// When it was saved, to the millisecond.
    public let createdAt: Date
    /// The aliases that name it, in order.
    public let aliases: [String]
    /// The run that saved it, such as `mlp/baseline`.
    public let run: String?
    /// The training step that it was saved at.
    public let step: Int?
    /// Its metrics, by name, as they were at ``step``.
    public let metrics: [String: Double]

    /// Number of its tensors that were dropped to save space; see ``Registry/prune(_:_:dropping:)``. 0: it is whole.
    public let droppedTensorCount: Int

    let rowID: Int64

    /// The canonical reference: `mlp:v3`.
    public var reference: String { "\(model):v\(number)" }
}

/// A model and what it has.
public struct ModelSummary: Hashable, Sendable {
    /// The model's name.
    public let name: String
    /// Number of versions that are not deleted.
    public let versionCount: Int
    /// The latest version; `nil` if all are deleted.
    public let latest: Version?
    /// The model's aliases, in order.
    public let aliases: [String]
}
