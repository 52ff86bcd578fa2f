package import Checkpoints
import Foundations

/// A plain file of a version, for tools that know nothing of modelreg.
package struct PublishedFile: Sendable {
    /// What it is of, by the CNCF ModelPack specification.
    package enum Kind: String, Sendable {
        case weights = "application/vnd.cncf.model.weight.v1.raw"
        case weightConfig = "application/vnd.cncf.model.weight.config.v1.raw"
        case documentation = "application/vnd.cncf.model.doc.v1.raw"
        case code = "application/vnd.cncf.model.code.v1.raw"
    }

    /// Its path within the model, with `/`.
    package let path: String
    package let kind: Kind
    package let bytes: BlobBytes
    /// Where tensors lie in it, unencoded.
    package let tensorRanges: [Range<Int>]

    package init(path: String, kind: Kind, bytes: BlobBytes, tensorRanges: [Range<Int>]) {
        self.path = path
        self.kind = kind
        self.bytes = bytes
        self.tensorRanges = tensorRanges
    }

    /// What a file is of, by its name.
    package static func kind(ofPath path: String) -> Kind {
        let name = (path.split(separator: "/").last.map(String.init) ?? path).lowercased()
        let ending = name.split(separator: ".").last.map(String.init) ?? ""
        return switch ending {
        case "safetensors", "gguf", "bin", "pt", "pth", "ckpt", "onnx", "npz", "npy", "h5": .weights
        // Tokenizers have texts of these names.
        case "txt" where name.contains("merges") || name.contains("vocab"): .weightConfig
        case "md", "txt", "rst", "pdf", "license", "licence": .documentation
        case "py", "ipynb", "sh": .code
        default: .weightConfig
        }
    }
}

/// The config of a ModelPack: https://github.com/modelpack/model-spec, `docs/config.md`.
package struct ModelPackConfig: Codable, Sendable {
    package struct Descriptor: Codable, Sendable {
        package var createdAt: String
        package var name: String
        package var version: String
        package var title: String?
        package var description: String?
    }

    package struct FileSystem: Codable, Sendable {
        package var type = "layers"
        /// Digests of the layers before compression.
        package var diffIds: [String]
    }

    package struct Config: Codable, Sendable {
        package var format: String?
    }

    package var descriptor: Descriptor
    package var modelfs: FileSystem
    package var config: Config

    /// - Parameter facts: What is known of the version.
    package init(_ facts: VersionFacts, number: Int, files: [PublishedFile], digests: [ContentID]) {
        descriptor = Descriptor(
            // RFC 3339.
            createdAt: facts.createdAt.replacing(" ", with: "T") + "Z", name: facts.model,
            version: "v\(number)",
            title: facts.model, description: facts.message.isEmpty ? nil : facts.message)
        modelfs = FileSystem(diffIds: digests.map { "sha256:\($0.hex)" })
        let isSafetensors = files.contains { $0.path.hasSuffix(".safetensors") }
        config = Config(format: isSafetensors ? "safetensors" : nil)
    }
}
