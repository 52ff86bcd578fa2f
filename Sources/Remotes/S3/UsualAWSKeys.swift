package import Foundation
import Foundations
import Synchronization

/// Keys as everybody keeps them: in the environment, in the files that AWS's tools share, from a program that these name,
/// or from the machine that this runs on.
///
/// Roles and single sign-on are for other programs: `credential_process`, or `aws configure export-credentials`.
package final class UsualAWSKeys: AWSKeySource {
    private let environment: [String: String]
    private let metadata: @Sendable () -> FoundAWSKey?
    private let now: @Sendable () -> Date
    private let known = Mutex<FoundAWSKey?>(nil)

    /// How long a program may think. Some ask the user.
    private static let programSeconds = 60.0
    /// How long before its end a key is given up.
    private static let marginSeconds = 300.0

    /// - Parameters:
    ///   - environment: Variables by their names.
    ///   - metadata: Asks the machine that this runs on, where nobody else knows a key.
    package init(
        environment: [String: String], now: @escaping @Sendable () -> Date = { Date() },
        metadata: @escaping @Sendable () -> FoundAWSKey? = { nil }
    ) {
        self.environment = environment
        self.metadata = metadata
        self.now = now
    }

    package func key(otherThan rejected: AWSKey?) -> FoundAWSKey {
        known.withLock { known in
            if let known, !isOver(known), rejected == nil || known.key != rejected { return known }
            let found = find()
            known = found
            return found
        }
    }

    private func isOver(_ found: FoundAWSKey) -> Bool {
        found.key?.expires.map { $0.timeIntervalSince(now()) < UsualAWSKeys.marginSeconds } ?? false
    }

    private func find() -> FoundAWSKey {
        if let found = fromEnvironment() { return found }
        let profile = AWSProfile(environment: environment)
        if let found = from(profile) { return found }
        if let found = metadata() { return found }
        let files = profile.files.map { printable($0) }.joined(separator: " and ")
        return FoundAWSKey(
            nil,
            origin:
                "no key: neither AWS_ACCESS_KEY_ID nor a profile \(quoted(profile.name)) with one in \(files)")
    }

    private func fromEnvironment() -> FoundAWSKey? {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        guard let id = value("AWS_ACCESS_KEY_ID"), let secret = value("AWS_SECRET_ACCESS_KEY") else {
            return nil
        }
        guard let key = AWSKey(id: id, secret: secret, sessionToken: value("AWS_SESSION_TOKEN")) else {
            return FoundAWSKey(nil, origin: "no key: that of AWS_ACCESS_KEY_ID has spaces or line ends in it")
        }
        return FoundAWSKey(key, origin: "the key of AWS_ACCESS_KEY_ID")
    }

    private func from(_ profile: AWSProfile) -> FoundAWSKey? {
        let what = "the profile \(quoted(profile.name))"
        if profile.isNamed, !profile.isThere {
            let files = profile.files.map { printable($0) }.joined(separator: " and ")
            return FoundAWSKey(nil, origin: "no key: there is no profile \(quoted(profile.name)) in \(files)")
        }
        if let id = profile["aws_access_key_id"], let secret = profile["aws_secret_access_key"] {
            guard let key = AWSKey(id: id, secret: secret, sessionToken: profile["aws_session_token"]) else {
                return FoundAWSKey(nil, origin: "no key: that of \(what) is empty or has spaces in it")
            }
            return FoundAWSKey(key, origin: "the key of \(what)")
        }
        if let command = profile["credential_process"] { return run(command, of: what) }
        let others = ["role_arn", "sso_session", "sso_start_url", "login_session"]
        if let other = others.first(where: { profile[$0] != nil }) {
            return FoundAWSKey(
                nil,
                origin: "no key: \(what) has \(other); "
                    + "use: eval \"$(aws configure export-credentials --profile NAME --format env)\"")
        }
        return nil
    }

    private func run(_ command: String, of what: String) -> FoundAWSKey {
        guard let words = UsualAWSKeys.words(command), let program = words.first, let path = path(of: program)
        else {
            return FoundAWSKey(
                nil, origin: "no key: there is no program that credential_process of \(what) names")
        }
        guard
            let output = ChildProcess.output(
                of: [path] + words.dropFirst(), timeoutSeconds: UsualAWSKeys.programSeconds)
        else { return FoundAWSKey(nil, origin: "no key: credential_process of \(what) failed") }
        guard let key = AWSKey(json: Array(output.utf8)) else {
            return FoundAWSKey(nil, origin: "no key: credential_process of \(what) printed none")
        }
        return FoundAWSKey(key, origin: "the key of credential_process of \(what)")
    }

    private func path(of program: String) -> String? {
        if program.contains("/") { return program }
        return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// The words of a command line: quotes hold spaces, and nothing else is special; `nil` for a quote without an end.
    static func words(_ command: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in command {
            if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if character.isWhitespace {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil else { return nil }
        if let word { words.append(word) }
        return words
    }
}
