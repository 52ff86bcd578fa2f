package import ModelReg

/// A note, as JSON shows it.
package struct NoteJSON: Encodable {
    let at: String
    let actor: String
    let text: String

    package init(_ note: Note) {
        at = Moment.exact(note.at)
        actor = note.actor
        text = note.text
    }
}
