/// A way to say which version: `name[:selector][~n][@sha256:prefix]`.
///
/// The selector is `v3`, `3`, `latest` or an alias; a bare name is the latest version; `~2` is two versions
/// earlier. MLflow's `models:/name/3` and `models:/name@alias` are understood too.
public struct VersionReference: Hashable, Sendable {
    /// The model's name.
    public let model: String
    /// Which of its versions.
    public let selector: Selector
    /// How many versions earlier.
    public let stepsBack: Int
    /// Hexadecimal digits that the version's content id must begin with; lower case.
    public let contentPrefix: String?

    /// Which version of a model.
    public enum Selector: Hashable, Sendable {
        /// The one with the highest number.
        case latest
        /// The one with this number.
        case number(Int)
        /// The one that an alias names.
        case alias(String)
    }

    /// Reads a reference.
    ///
    /// - Throws: ``RegistryError`` when `text` does not follow the grammar.
    public init(_ text: String) throws(RegistryError) {
        if text.hasPrefix("models:/") {
            self = try VersionReference.mlflow(text)
            return
        }
        var rest = text[...]
        var contentPrefix: String?
        if let at = rest.firstIndex(of: "@") {
            let digest = rest[rest.index(after: at)...]
            guard digest.hasPrefix("sha256:") else { throw .badReference(text) }
            let digits = digest.dropFirst("sha256:".count)
            guard (4...64).contains(digits.count), digits.allSatisfy({ $0.isASCII && $0.isHexDigit })
            else { throw .badReference(text) }
            contentPrefix = digits.lowercased()
            rest = rest[..<at]
        }
        var stepsBack = 0
        if let tilde = rest.firstIndex(of: "~") {
            let digits = rest[rest.index(after: tilde)...]
            guard let steps = digits.isEmpty ? 1 : Int(digits), steps >= 0, digits.first != "+"
            else { throw .badReference(text) }
            stepsBack = steps
            rest = rest[..<tilde]
        }
        var selector = Selector.latest
        if let colon = rest.firstIndex(of: ":") {
            selector = try Selector(String(rest[rest.index(after: colon)...]), in: text)
            rest = rest[..<colon]
        }
        try self.init(String(rest), selector, stepsBack: stepsBack, contentPrefix: contentPrefix)
    }

    private init(
        _ model: String, _ selector: Selector, stepsBack: Int = 0, contentPrefix: String? = nil
    ) throws(RegistryError) {
        try Names.checkModel(model)
        self.model = model
        self.selector = selector
        self.stepsBack = stepsBack
        self.contentPrefix = contentPrefix
    }

    private static func mlflow(_ text: String) throws(RegistryError) -> VersionReference {
        let name = text.dropFirst("models:/".count)
        if let at = name.lastIndex(of: "@") {
            let alias = String(name[name.index(after: at)...])
            return try VersionReference(String(name[..<at]), Selector(alias, in: text))
        }
        guard let slash = name.lastIndex(of: "/") else { throw .badReference(text) }
        let selector = try Selector(String(name[name.index(after: slash)...]), in: text)
        return try VersionReference(String(name[..<slash]), selector)
    }
}

extension VersionReference.Selector {
    fileprivate init(_ text: String, in reference: String) throws(RegistryError) {
        if text == "latest" {
            self = .latest
        } else if let number = Names.versionNumber(text) {
            self = .number(number)
        } else {
            do { try Names.checkAlias(text) } catch { throw .badReference(reference) }
            self = .alias(text)
        }
    }
}
