import Foundations

/// Where the buckets of a store are: AWS by region, or a server of another's.
package struct S3Endpoint: Hashable, Sendable {
    /// The server that the environment or the profile names; `nil` for AWS itself.
    let server: WebAddress?
    /// The region to begin with.
    package let region: String

    package init(server: WebAddress?, region: String) {
        self.server = server
        self.region = region
    }

    /// The endpoint by the environment and the profile: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `endpoint_url`; and
    /// `AWS_REGION`, `AWS_DEFAULT_REGION`, `region`, else `us-east-1`.
    ///
    /// - Throws: ``RemoteError/badAddress(_:problem:)``.
    package init(environment: [String: String], profile: AWSProfile, bucket: String) throws(RemoteError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func bad(_ problem: String) -> RemoteError { .badAddress("s3://\(bucket)", problem: problem) }
        let region =
            value("AWS_REGION") ?? value("AWS_DEFAULT_REGION") ?? profile["region"] ?? S3Endpoint.defaultRegion
        guard S3Endpoint.isRegion(region) else { throw bad("\(quoted(region)) is not a region") }
        self.region = region
        guard let text = value("AWS_ENDPOINT_URL_S3") ?? value("AWS_ENDPOINT_URL") ?? profile["endpoint_url"]
        else {
            server = nil
            return
        }
        // It may have a password in it: it is not told.
        guard let address = WebAddress(text), !address.target.contains("?") else {
            throw bad(
                "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url is not a valid address of http or https")
        }
        server = address
    }

    private static let defaultRegion = "us-east-1"

    /// Whether `text` may be a region: it becomes a part of a host's name.
    static func isRegion(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count) && text.first != "-" && text.last != "-"
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// The address of an object in a bucket, or of the bucket itself for an empty key.
    ///
    /// AWS has a host for each bucket; others have the bucket in the path, and so has AWS where the name has dots, for which no
    /// certificate stands.
    package func address(bucket: String, key: String, query: String = "", region: String) -> WebAddress? {
        let path = key.split(separator: "/", omittingEmptySubsequences: false)
            .map { WebAddress.escaped(String($0)) }.joined(separator: "/")
        let end = query.isEmpty ? "" : "?\(query)"
        if let server {
            let base = server.target.hasSuffix("/") ? String(server.target.dropLast()) : server.target
            return WebAddress(origin: server.origin, target: "\(base)/\(bucket)/\(path)\(end)")
        }
        let domain = "s3.\(region).\(S3Endpoint.domain(ofRegion: region))"
        let isInPath = bucket.contains(".")
        return WebAddress(
            isInPath ? "https://\(domain)/\(bucket)/\(path)\(end)" : "https://\(bucket).\(domain)/\(path)\(end)"
        )
    }

    /// Regions of other partitions have other domains.
    private static func domain(ofRegion region: String) -> String {
        if region.hasPrefix("cn-") { return "amazonaws.com.cn" }
        if region.hasPrefix("eusc-") { return "amazonaws.eu" }
        return "amazonaws.com"
    }

    /// Whether `text` is the name of a bucket: 3 to 63 of `a-z0-9.-`, none of `.-` at an end, and no two dots together.
    package static func isBucket(_ text: String) -> Bool {
        guard (3...63).contains(text.utf8.count), !text.contains(".."),
            let first = text.utf8.first, let last = text.utf8.last
        else { return false }
        return [first, last].allSatisfy { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") }
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Whether `text` may be a prefix of keys: parts of letters, digits and `!_.*'()-` between slashes, none of them `.` or `..`.
    ///
    /// Source: AWS, "Naming Amazon S3 objects", "Safe characters".
    package static func isPrefix(_ text: String) -> Bool {
        text.utf8.count <= maximumPrefixByteCount
            && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
                !part.isEmpty && part != "." && part != ".."
                    && part.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"):
                            true
                        default: "!_.*'()-".utf8.contains(byte)
                        }
                    }
            }
    }

    /// Keys have 1024 bytes at most, and those of blobs and tags follow.
    private static let maximumPrefixByteCount = 600
}
