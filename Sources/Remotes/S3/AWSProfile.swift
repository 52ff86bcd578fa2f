import Foundation
import Foundations

/// One profile of the files that AWS's tools share: `~/.aws/credentials` and `~/.aws/config`.
///
/// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
package struct AWSProfile: Sendable {
    /// Its name.
    package let name: String
    /// Whether `AWS_PROFILE` names it.
    package let isNamed: Bool
    /// The files that were looked at, for messages.
    package let files: [String]
    /// Whether any of them has it.
    package private(set) var isThere = false
    private var settings: [String: String] = [:]

    /// Bytes of a file, at most.
    private static let maximumByteCount = 1 << 20

    /// Reads the profile that the environment names, or `default`. Files that are not there hold nothing.
    package init(environment: [String: String]) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let named = value("AWS_PROFILE") ?? value("AWS_DEFAULT_PROFILE")
        let name = named ?? "default"
        let home = value("HOME") ?? ""
        let credentials = value("AWS_SHARED_CREDENTIALS_FILE") ?? "\(home)/.aws/credentials"
        let config = value("AWS_CONFIG_FILE") ?? "\(home)/.aws/config"
        self.name = name
        isNamed = named != nil
        files = [credentials, config]
        // `profile x` in the one file is `x` in the other. What the file of credentials says comes first.
        let sections = [
            (config, name == "default" ? ["default", "profile default"] : ["profile \(name)"]),
            (credentials, [name]),
        ]
        for (path, names) in sections {
            let all = AWSProfile.sections(path)
            for name in names {
                guard let found = all[name] else { continue }
                isThere = true
                settings.merge(found) { _, new in new }
            }
        }
    }

    /// A setting, if it is there.
    package subscript(setting: String) -> String? { settings[setting] }

    /// `[section]`, `key = value`, and comments behind `#` or `;`. Indented lines belong to a setting of settings, none of
    /// which matters here.
    private static func sections(_ path: String) -> [String: [String: String]] {
        guard let data = FileManager.default.contents(atPath: path), data.count <= maximumByteCount else {
            return [:]
        }
        var result: [String: [String: String]] = [:]
        var section: String?
        let text = String(decoding: data, as: UTF8.self)
        for line in text.split(whereSeparator: \.isNewline) {
            guard let first = line.first, first != "#", first != ";", first != " ", first != "\t" else {
                continue
            }
            if first == "[" {
                let inside = line.dropFirst().prefix { $0 != "]" }
                let name = inside.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                section = name
                result[name, default: [:]] = result[name] ?? [:]
            } else if let equals = line.firstIndex(of: "="), let section {
                let key = trimmed(line[..<equals]).lowercased()
                result[section]?[key] = trimmed(withoutComment(line[line.index(after: equals)...]))
            }
        }
        return result
    }

    private static func withoutComment(_ text: Substring) -> Substring {
        var last: Character = "x"
        for index in text.indices {
            if text[index] == "#" || text[index] == ";", last.isWhitespace { return text[..<index] }
            last = text[index]
        }
        return text
    }

    private static func trimmed(_ text: Substring) -> String {
        text.trimmingCharacters(in: .whitespaces)
    }
}
