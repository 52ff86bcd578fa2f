package import Checkpoints

/// What a tag of a model's repository means.
package enum RemoteTag: Hashable, Sendable {
    /// `v7-0123456789abcdef`: one version, for ever.
    case version(number: Int, identity: String)
    /// `v7`: what outsiders get by that name.
    case number(Int)
    /// `run.0123456789abcdef`: the record of a run, by its identity.
    case run(String)
    /// The index of the repository's versions.
    case index
    /// An alias, such as `best`.
    case alias(String)
    /// The tag of something else, such as `sha256-…`.
    case other(String)

    package init(_ text: String) {
        if text == RemoteTag.index.text {
            self = .index
            return
        }
        if text.hasPrefix("run.") {
            self = .run(String(text.dropFirst("run.".count)))
            return
        }
        if text.hasPrefix("sha256-") {
            self = .other(text)
            return
        }
        guard text.hasPrefix("v") else {
            self = .alias(text)
            return
        }
        let digits = text.dropFirst().prefix { ("0"..."9").contains($0) }
        let rest = text.dropFirst(1 + digits.count)
        // Digits with a zero before them are no number that a version has.
        guard let number = Int(digits), number >= 1, digits.first != "0" else {
            self = digits.isEmpty ? .alias(text) : .other(text)
            return
        }
        if rest.isEmpty {
            self = .number(number)
        } else if rest.first == "-", rest.count == 17,
            rest.dropFirst().allSatisfy({ ("0"..."9").contains($0) || ("a"..."f").contains($0) })
        {
            self = .version(number: number, identity: String(rest.dropFirst()))
        } else {
            self = .alias(text)
        }
    }

    package var text: String {
        switch self {
        case .version(let number, let identity): "v\(number)-\(identity)"
        case .number(let number): "v\(number)"
        case .run(let identity): "run.\(identity)"
        case .index: "modelreg.index"
        case .alias(let text), .other(let text): text
        }
    }

    /// What a version is known by everywhere: content and time of saving, as `merge` recognises it.
    ///
    /// - Parameter createdAt: As the registry's column has it.
    package static func identity(_ contentID: ContentID, createdAt: String) -> String {
        String(ContentID(hashing: Array("\(contentID.hex)\n\(createdAt)".utf8)).hex.prefix(16))
    }
}
