/// The grammar of what users name.
enum Names {
    /// UTF-8 bytes of a model's name, at most.
    static let maximumModelByteCount = 200

    /// Checks a model's name: segments `[A-Za-z0-9][A-Za-z0-9._-]*` joined by `/`.
    ///
    /// - Throws: ``RegistryError/badModelName(_:)``.
    static func checkModel(_ name: String) throws(RegistryError) {
        let segments = name.split(separator: "/", omittingEmptySubsequences: false)
        let isValid = segments.allSatisfy { segment in
            guard let first = segment.utf8.first, isLetterOrDigit(first) else { return false }
            return segment.utf8.allSatisfy(isTagByte)
        }
        guard isValid, name.utf8.count <= maximumModelByteCount else { throw .badModelName(name) }
    }

    /// Checks an alias: the OCI tag grammar `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`, without what selects otherwise.
    ///
    /// - Throws: ``RegistryError/badAlias(_:)``, ``RegistryError/reservedAlias(_:)``.
    static func checkAlias(_ name: String) throws(RegistryError) {
        guard let first = name.utf8.first, isLetterOrDigit(first) || first == UInt8(ascii: "_"),
            name.utf8.count <= 128, name.utf8.allSatisfy(isTagByte)
        else { throw .badAlias(name) }
        guard name != "latest", versionNumber(name) == nil else { throw .reservedAlias(name) }
    }

    /// Checks a run's name, by the grammar of aliases.
    ///
    /// - Throws: ``RegistryError/badRunName(_:)``.
    static func checkRun(_ name: String) throws(RegistryError) {
        guard let first = name.utf8.first, isLetterOrDigit(first) || first == UInt8(ascii: "_"),
            name.utf8.count <= 128, name.utf8.allSatisfy(isTagByte)
        else { throw .badRunName(name) }
    }

    /// The number that `v3` or `3` names. `nil` for anything else.
    static func versionNumber(_ text: some StringProtocol) -> Int? {
        let digits = text.hasPrefix("v") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        // A number beyond any that exists, so that the answer is "no such version" and not "no such alias".
        return Int(digits) ?? .max
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func isTagByte(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "-")
    }
}
