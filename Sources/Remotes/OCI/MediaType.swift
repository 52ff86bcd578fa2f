/// Media types of the artifacts, by the OCI image specification.
package enum MediaType {
    package static let manifest = "application/vnd.oci.image.manifest.v1+json"
    package static let index = "application/vnd.oci.image.index.v1+json"
    /// The artifact type of a version.
    package static let version = "application/vnd.modelreg.version.v1"
    /// What is known of a version beside its weights: JSON.
    package static let versionFacts = "application/vnd.modelreg.version.config.v1+json"
    /// Structure, tensors and chunks of a version.
    package static let tree = "application/vnd.modelreg.tree.v1"
    /// Encoded chunks.
    package static let pack = "application/vnd.modelreg.pack.v1"
    /// The artifact type of a run.
    package static let run = "application/vnd.modelreg.run.v1"
    /// What is known of a run beside the values of its metrics: JSON.
    package static let runFacts = "application/vnd.modelreg.run.config.v1+json"
    /// Values of metrics.
    package static let runMetrics = "application/vnd.modelreg.run.metrics.v1"
    /// Facts of many versions, to list them.
    package static let versionIndex = "application/vnd.modelreg.index.v1"
    /// The config of a manifest that has none: `{}`.
    package static let empty = "application/vnd.oci.empty.v1+json"
    /// The artifact type of a version as plain files, by the CNCF ModelPack specification.
    package static let modelPack = "application/vnd.cncf.model.manifest.v1+json"
    /// The config of a version as plain files.
    package static let modelPackConfig = "application/vnd.cncf.model.config.v1+json"
    /// A file with weights, as it is. Chunks of a version may lie in it.
    package static let weights = PublishedFile.Kind.weights.rawValue
    /// A small file, as it is.
    package static let attachment = "application/vnd.modelreg.attachment.v1"
}

/// Keys of annotations.
package enum Annotation {
    /// The tag of a manifest in a layout.
    package static let tag = "org.opencontainers.image.ref.name"
    package static let created = "org.opencontainers.image.created"
    package static let title = "org.opencontainers.image.title"
    package static let version = "org.opencontainers.image.version"
    /// The exact name of the model.
    package static let model = "org.modelreg.model"
    package static let number = "org.modelreg.number"
    package static let content = "org.modelreg.content"
    package static let identity = "org.modelreg.identity"
    package static let tensors = "org.modelreg.tensors"
    package static let bytes = "org.modelreg.bytes"
    /// The path of a file, by the CNCF ModelPack specification.
    package static let filePath = "org.cncf.model.filepath"
    /// The digest of the version's own manifest, at that with its plain files.
    package static let versionDigest = "org.modelreg.version.digest"
    /// How many versions an index has.
    package static let count = "org.modelreg.count"
    /// The name of a run.
    package static let run = "org.modelreg.run"
    /// When a run was last heard of.
    package static let heard = "org.modelreg.run.heard"
    /// The alias that a manifest was written for, so that it has a digest of its own.
    package static let alias = "org.modelreg.alias"
    package static let aliasUpdated = "org.modelreg.alias.updated"
}
