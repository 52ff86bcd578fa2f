package import Checkpoints
import Foundation

/// A blob as a manifest names it.
package struct OCIDescriptor: Codable, Hashable, Sendable {
    package var mediaType: String
    package var digest: String
    package var size: Int
    package var annotations: [String: String]?

    package init(mediaType: String, digest: ContentID, size: Int, annotations: [String: String]? = nil) {
        self.mediaType = mediaType
        self.digest = "sha256:\(digest.hex)"
        self.size = size
        self.annotations = annotations
    }

    /// The SHA-256 that the digest spells; `nil` for another kind of digest.
    package var id: ContentID? {
        digest.hasPrefix("sha256:") ? ContentID(hex: digest.dropFirst("sha256:".count)) : nil
    }
}

/// An OCI image manifest.
package struct OCIManifest: Codable, Sendable {
    package var schemaVersion = 2
    package var mediaType: String? = MediaType.manifest
    package var artifactType: String?
    package var config: OCIDescriptor
    package var layers: [OCIDescriptor]
    package var annotations: [String: String]?

    package init(
        artifactType: String, config: OCIDescriptor, layers: [OCIDescriptor], annotations: [String: String]
    ) {
        self.artifactType = artifactType
        self.config = config
        self.layers = layers
        self.annotations = annotations
    }

    /// The bytes to store: JSON with sorted keys, so that the same manifest has one digest.
    package var encoded: [UInt8] { RemoteJSON.encoded(self) }
}

/// JSON as remotes have it.
package enum RemoteJSON {
    /// JSON with sorted keys and without spaces. NaN and the infinities are `"nan"`, `"inf"` and `"-inf"`.
    package static func encoded(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            return [UInt8](try encoder.encode(value))
        } catch {
            preconditionFailure("a value that has no JSON: \(error)")
        }
    }

    /// Reads JSON that came from anywhere.
    ///
    /// - Parameter remote: For messages.
    /// - Throws: ``RemoteError/damaged(_:problem:)``.
    package static func decoded<Value: Decodable>(
        _ bytes: [UInt8], as type: Value.Type = Value.self, from remote: String
    ) throws(RemoteError) -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            return try decoder.decode(type, from: Data(bytes))
        } catch {
            throw .damaged(remote, problem: "JSON that is not that of \(type)")
        }
    }
}
