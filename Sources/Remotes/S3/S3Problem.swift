import Foundations

/// What S3 says of a failure: `<Error><Code>…</Code><Message>…</Message></Error>`.
struct S3Problem {
    /// Such as `NoSuchKey`; empty where the answer is not of that form.
    private(set) var code = ""
    private var message = ""
    /// The region of the bucket, where a request went to another.
    private(set) var region: String?

    /// Bytes of an answer that are looked at.
    static let maximumByteCount = 65536

    /// Reads an answer. Of its other members, none is told: they hold the request and its signature.
    init(_ body: [UInt8]) {
        guard let error = try? XMLElement(body), error.name == "Error" else { return }
        code = error["Code"] ?? ""
        message = error["Message"] ?? ""
        region = error["Region"]
    }

    /// One sentence: what was asked for, the status, and the store's own words, without `secrets`.
    func text(_ what: String, status: Int, without secrets: [String] = []) -> String {
        let words = message.isEmpty || message == code ? code : "\(message) (\(code))"
        // Before it is cut: a part of a secret is one, too.
        let said = printable(secrets.reduce(words) { $0.replacing($1, with: "…") }, limit: 300)
        return said.isEmpty ? "\(what): status \(status)" : "\(what): \(said), status \(status)"
    }
}
