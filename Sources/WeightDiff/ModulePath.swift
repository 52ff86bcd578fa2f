public import Checkpoints

/// The modules that lead to a parameter: its path cut at dots and slashes.
public struct ModulePath: Hashable, Sendable {
    /// The names, outermost first, the parameter's own last; without the dots and slashes.
    public let names: [String]
    /// For each name, the path up to its end: `encoder`, `encoder.0`, `encoder.0.weight`.
    public let prefixes: [String]

    /// Cuts a path.
    public init(_ path: CheckpointPath) {
        var names: [String] = []
        var prefixes: [String] = []
        var start = path.text.startIndex
        func cut(at end: String.Index) {
            names.append(String(path.text[start..<end]))
            prefixes.append(String(path.text[..<end]))
        }
        for index in path.text.indices where path.text[index] == "." || path.text[index] == "/" {
            cut(at: index)
            start = path.text.index(after: index)
        }
        cut(at: path.text.endIndex)
        self.names = names
        self.prefixes = prefixes
    }

    /// The path of the module that the parameter is of; empty at the top.
    public var module: String { prefixes.dropLast().last ?? "" }

    /// The parameter's own name: `weight`.
    public var name: String { names[names.count - 1] }
}
