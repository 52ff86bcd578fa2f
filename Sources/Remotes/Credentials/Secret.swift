/// A text that no message, log or dump shows.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The text itself: for headers and bodies, and nothing else.
    let exposed: String

    package init(_ text: String) { exposed = text }

    /// Three dots.
    package var description: String { "…" }
    /// Three dots.
    package var debugDescription: String { "…" }
    /// Nothing.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
