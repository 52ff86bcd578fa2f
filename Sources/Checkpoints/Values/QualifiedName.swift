import Foundations

/// The name of a Python class or function: its module, and its name within the module.
///
/// It is only ever a name. Nothing is imported, looked up or called.
public struct QualifiedName: Hashable, Sendable {
    /// `module:name`, as Python's entry points are written.
    public let text: String

    /// The module, such as `torch.nn.modules.linear`.
    public var module: Substring { text.prefix { $0 != ":" } }

    /// The name within the module, such as `Linear` or `Outer.Inner`.
    public var name: Substring { text.dropFirst(module.count + 1) }

    /// Names `name` in `module`; `nil` where a pickle cannot spell that: no part may be empty, have a line
    /// break or a NUL, and the module may have no colon.
    public init?(module: String, name: String) {
        self.init(text: "\(module):\(name)")
        // A colon in the module would move the border.
        guard self.module.utf8.count == module.utf8.count else { return nil }
    }

    /// The name that `text` spells as `module:name`.
    public init?(text: String) {
        self.text = text
        guard !module.isEmpty, !name.isEmpty, !text.utf8.contains(where: { [0, 0x0A, 0x0D].contains($0) })
        else {
            return nil
        }
    }

    /// The name `name` in Python's `builtins`.
    package static func builtin(_ name: StaticString) -> QualifiedName { known("builtins:\(name)") }

    /// A name that the program has in its text.
    package static func known(_ text: String) -> QualifiedName {
        guard let name = QualifiedName(text: text) else { preconditionFailure("no qualified name: \(text)") }
        return name
    }

    /// Whether both are the same name, byte for byte.
    public static func == (left: QualifiedName, right: QualifiedName) -> Bool {
        left.text.hasSameBytes(as: right.text)
    }
}

extension QualifiedName: CustomStringConvertible {
    /// `module.name`, without `builtins.`: as Python people say it.
    public var description: String { module == "builtins" ? String(name) : "\(module).\(name)" }
}
