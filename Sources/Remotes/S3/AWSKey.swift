package import Foundation
import Foundations

/// What requests to AWS are signed with.
package struct AWSKey: Hashable, Sendable {
    /// The access key id, which is no secret.
    package let id: String
    package let secret: Secret
    /// Of temporary keys.
    package let sessionToken: Secret?
    /// When it is no longer taken; `nil` for never, or where nobody says.
    package let expires: Date?

    /// - Returns: `nil` where a part could not be in a header.
    package init?(id: String, secret: String, sessionToken: String? = nil, expires: Date? = nil) {
        let token = sessionToken.flatMap { $0.isEmpty ? nil : $0 }
        guard !secret.isEmpty, !id.isEmpty,
            [id, secret, token ?? ""].allSatisfy({ $0.utf8.allSatisfy { 0x21...0x7E ~= $0 } })
        else { return nil }
        self.id = id
        self.secret = Secret(secret)
        self.sessionToken = token.map { Secret($0) }
        self.expires = expires
    }

    /// Reads what programs and metadata services print: `AccessKeyId`, `SecretAccessKey`, `Token` or `SessionToken`, and
    /// `Expiration`.
    ///
    /// - Returns: `nil` for anything else; nothing of it is told, as it may hold secrets.
    init?(json bytes: [UInt8]) {
        var fields: [String: String] = [:]
        let names = ["AccessKeyId", "SecretAccessKey", "Token", "SessionToken", "Expiration"]
        do {
            try bytes.withUnsafeBytes { bytes in
                var json = JSONReader(bytes)
                try json.object { json, key in
                    guard names.contains(key) else { return try json.skipValue() }
                    if !json.null() { fields[key] = try json.string() }
                }
            }
        } catch { return nil }
        guard let id = fields["AccessKeyId"], let secret = fields["SecretAccessKey"] else { return nil }
        self.init(
            id: id, secret: secret, sessionToken: fields["Token"] ?? fields["SessionToken"],
            expires: fields["Expiration"].flatMap { try? Date($0, strategy: .iso8601) })
    }
}

/// A key, and where it was found.
package struct FoundAWSKey: Hashable, Sendable {
    /// `nil` for none: requests are not signed then, which is enough for buckets that are open to all.
    package let key: AWSKey?
    /// For messages: such as `the key of AWS_ACCESS_KEY_ID`, or why there is none.
    package let origin: String

    package init(_ key: AWSKey?, origin: String) {
        self.key = key
        self.origin = origin
    }
}

/// Where keys come from. May be asked from several threads at once.
package protocol AWSKeySource: Sendable {
    /// The key to sign with now.
    ///
    /// - Parameter rejected: One that AWS no longer takes: it is looked for anew, where it may have been replaced.
    func key(otherThan rejected: AWSKey?) -> FoundAWSKey
}
