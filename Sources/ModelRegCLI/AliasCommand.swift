import ArgumentParser
import ModelRegistry

struct AliasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Set, remove and list movable names for versions.",
        discussion: """
            EXAMPLES
              modelreg alias set mlp:v3 best
              modelreg alias rm mlp best
              modelreg alias ls mlp
            """,
        subcommands: [Set.self, Remove.self, List.self])

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Point an alias at a version.", discussion: "EXAMPLE\n  modelreg alias set mlp:v3 best")

        @OptionGroup var options: GlobalOptions

        @Argument(help: "Which version.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
        var reference: String

        @Argument(help: "The alias.")
        var alias: String

        @Flag(
            name: .long, inversion: .prefixedNo,
            help: "Whether its version keeps loading at full speed, whatever is saved after it.")
        var pin: Bool?

        @Flag(name: .long, help: "Move it even if it is protected.")
        var force = false

        func run() throws {
            let registry = try options.openRegistry()
            let before = try registry.setAlias(alias, to: reference, isPinned: pin, force: force)
            let version = try registry.version(reference)
            if options.json {
                try JSON.print(
                    AliasJSON(model: version.model, alias: alias, version: version.number, before: before))
            } else {
                let was = before.map { $0 == version.number ? " (as before)" : " (was v\($0))" } ?? ""
                Output.line("\(version.model):\(alias) -> v\(version.number)\(was)")
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm", abstract: "Remove an alias. Its version stays.",
            discussion: "EXAMPLE\n  modelreg alias rm mlp best")

        @OptionGroup var options: GlobalOptions

        @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
        var name: String

        @Argument(help: "The alias.")
        var alias: String

        @Flag(name: .long, help: "Remove it even if it is protected.")
        var force = false

        func run() throws {
            let before = try options.openRegistry().removeAlias(alias, of: name, force: force)
            if options.json {
                try JSON.print(AliasJSON(model: name, alias: alias, version: nil, before: before))
            } else {
                Output.line("\(name):\(alias) removed (was v\(before))")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List aliases.", discussion: "EXAMPLE\n  modelreg alias ls mlp")

        @OptionGroup var options: GlobalOptions

        @Argument(
            help: "The model; all models if none is named.",
            completion: .custom { _, _, _ in ReferenceCompletion.models() })
        var name: String?

        func run() throws {
            let aliases = try options.openRegistry().aliases(of: name)
            if options.json {
                try JSON.print(
                    aliases.map {
                        ListedJSON(model: $0.model, alias: $0.name, version: $0.number, updatedAt: $0.updatedAt)
                    })
                return
            }
            guard !aliases.isEmpty else { return options.message("no aliases") }
            var table = Table([("ALIAS", .left), ("VERSION", .left), ("SET", .left)])
            for alias in aliases {
                table.add(["\(alias.model):\(alias.name)", "v\(alias.number)", Moment.text(alias.updatedAt)])
            }
            Output.lines(table.lines)
        }
    }

    private struct AliasJSON: Encodable {
        let model: String
        let alias: String
        let version: Int?
        let before: Int?
    }

    private struct ListedJSON: Encodable {
        let model: String
        let alias: String
        let version: Int
        let updatedAt: String
    }
}
