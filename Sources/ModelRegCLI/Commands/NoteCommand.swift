import ArgumentParser
import ModelReg
import RegistryJSON

struct NoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "note",
        abstract: "Say something about a version; `run note` about a run.",
        discussion: """
            EXAMPLES
              modelreg note mlp:v3 'shipped on Friday'
              modelreg show mlp:v3
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which version.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String

    @Argument(help: "What to say.")
    var text: String

    func validate() throws { try NoteCommand.check(text) }

    static func check(_ text: String) throws {
        if text.allSatisfy(\.isWhitespace) { throw ValidationError("the note is empty") }
    }

    func run() throws {
        let registry = try options.openRegistry()
        let version = try registry.addNote(text, to: reference)
        if options.json { try JSON.print(try registry.notes(of: version).map(NoteJSON.init)) }
    }
}
