import RegistryJSON

extension JSON {
    /// Writes `value` to standard output.
    static func print(_ value: some Encodable) throws { Output.line(try text(value)) }
}
