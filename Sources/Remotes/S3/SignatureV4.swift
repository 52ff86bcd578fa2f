package import Checkpoints
package import Foundation
import Foundations

/// HMAC with SHA-256 (RFC 2104).
package enum HMAC {
    private static let blockByteCount = 64

    /// The 32 bytes of a message's code.
    package static func code(key: [UInt8], _ message: some Sequence<UInt8>) -> [UInt8] {
        var block = key.count > blockByteCount ? ContentID(hashing: key).bytes : key
        block += repeatElement(0, count: blockByteCount - block.count)
        let inner = ContentID(hashing: block.map { $0 ^ 0x36 } + Array(message))
        return ContentID(hashing: block.map { $0 ^ 0x5C } + inner.bytes).bytes
    }
}

/// Signatures of requests to AWS, version 4, in the header `Authorization`.
///
/// Source: AWS, "Create a signed AWS API request" (IAM User Guide), and "Authenticating Requests: Using the Authorization
/// Header" (Amazon S3 API Reference), whose paths are encoded once and not normalised.
package struct SignatureV4 {
    let key: AWSKey
    let region: String
    let service: String

    /// - Parameters:
    ///   - region: Such as `eu-central-1`.
    ///   - service: Such as `s3`.
    package init(key: AWSKey, region: String, service: String = "s3") {
        self.key = key
        self.region = region
        self.service = service
    }

    /// The value of `Authorization`.
    ///
    /// - Parameters:
    ///   - target: Path and query, as they are sent: encoded.
    ///   - headers: Those to sign, with `host` and `x-amz-date`; all of these are to be sent.
    ///   - payload: The SHA-256 of the body.
    ///   - timestamp: What `x-amz-date` holds; see ``timestamp(_:)``.
    package func authorization(
        method: String, target: String, headers: [(name: String, value: String)], payload: ContentID,
        timestamp: String
    ) -> Secret {
        let signed = headers.map { (name: $0.name.lowercased(), value: SignatureV4.trimmed($0.value)) }
            .sorted { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let request =
            [method, String(parts[0]), parts.count > 1 ? SignatureV4.canonical(query: parts[1]) : ""]
            + signed.map { "\($0.name):\($0.value)" } + ["", names, payload.hex]
        let date = String(timestamp.prefix(8))
        let scope = "\(date)/\(region)/\(service)/aws4_request"
        let hash = ContentID(hashing: Array(request.joined(separator: "\n").utf8)).hex
        let text = "AWS4-HMAC-SHA256\n\(timestamp)\n\(scope)\n\(hash)"
        let signature = HexText.of(HMAC.code(key: signingKey(date), text.utf8))
        return Secret(
            "AWS4-HMAC-SHA256 Credential=\(key.id)/\(scope), SignedHeaders=\(names), Signature=\(signature)")
    }

    /// The key of one day, region and service.
    func signingKey(_ date: String) -> [UInt8] {
        [date, region, service, "aws4_request"].reduce(Array("AWS4\(key.secret.exposed)".utf8)) { key, part in
            HMAC.code(key: key, part.utf8)
        }
    }

    /// Without spaces around it, and with one where there are several.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    /// The query in the order of its names, each with a `=`.
    private static func canonical(query: Substring) -> String {
        query.split(separator: "&").map { field -> (name: Substring, value: Substring) in
            let name = field.prefix { $0 != "=" }
            return (name, field.dropFirst(name.count + 1))
        }
        .sorted { ($0.name, $0.value) < ($1.name, $1.value) }
        .map { "\($0.name)=\($0.value)" }
        .joined(separator: "&")
    }

    /// A time as `x-amz-date` has it: `20130524T000000Z`.
    package static func timestamp(_ date: Date) -> String {
        date.formatted(
            Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted, timeZone: .gmt))
    }
}
