import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct AliasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Set, remove and list movable names for versions.",
        discussion: """
            EXAMPLES
              modelreg alias set mlp:v3 best
              modelreg alias rm mlp best
              modelreg alias ls mlp
              modelreg alias protect mlp prod
              modelreg alias log mlp prod
            """,
        subcommands: [Set.self, Remove.self, List.self, Log.self, Protect.self, Unprotect.self])

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
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
                try JSON.print(aliases.map(ListedAliasJSON.init))
                return
            }
            guard !aliases.isEmpty else { return options.message("no aliases") }
            let hasMarks = aliases.contains { $0.isProtected || $0.isPinned }
            var table = Table([
                ("ALIAS", .left), ("VERSION", .left), ("SET", .left), (hasMarks ? "MARKS" : "", .left),
            ])
            for alias in aliases {
                let marks = [alias.isProtected ? "protected" : nil, alias.isPinned ? "pinned" : nil].compactMap
                { $0 }
                table.add([
                    "\(alias.model):\(alias.name)", "v\(alias.number)", Moment.text(alias.updatedAt),
                    marks.joined(separator: ", "),
                ])
            }
            Output.lines(table.lines)
        }
    }

    struct Log: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "log",
            abstract: "Show what was done to the aliases of a model, by whom and when, latest first.",
            discussion: "EXAMPLE\n  modelreg alias log mlp prod")

        @OptionGroup var options: GlobalOptions

        @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
        var name: String

        @Argument(help: "The alias; all if none is named.")
        var alias: String?

        func run() throws {
            let events = try options.openRegistry().aliasHistory(of: name, alias: alias)
            if options.json { return try JSON.print(events.map(EventJSON.init)) }
            guard !events.isEmpty else { return options.message("nothing was done to aliases") }
            var table = Table([("WHEN", .left), ("WHO", .left), ("ALIAS", .left), ("WHAT", .left)])
            for event in events {
                let number = event.number.map { "v\($0)" } ?? "?"
                let what =
                    switch event.action {
                    case "alias set":
                        "set to \(number)"
                            + (event.before.map { $0 == event.number ? "" : " from v\($0)" } ?? "")
                    case "alias rm": "removed from \(number)"
                    case "alias protect": "protected on \(number)"
                    case "alias unprotect": "no longer protected on \(number)"
                    default: "\(printable(event.action)) \(number)"
                    }
                table.add([Moment.text(event.at), event.actor, event.alias, what])
            }
            for line in table.lines { Output.line(line) }
        }

        private struct EventJSON: Encodable {
            let at: String
            let actor: String
            let action: String
            let alias: String
            let version: Int?
            let before: Int?

            init(_ event: AliasEvent) {
                at = Moment.exact(event.at)
                actor = event.actor
                action = event.action
                alias = event.alias
                version = event.number
                before = event.before
            }
        }
    }

    struct Protect: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "protect",
            abstract: "Let an alias be moved, removed or deleted with its version by --force only.",
            discussion: "EXAMPLE\n  modelreg alias protect mlp prod")

        @OptionGroup var options: GlobalOptions

        @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
        var name: String

        @Argument(help: "The alias.")
        var alias: String

        func run() throws { try AliasCommand.protect(alias, of: name, true, options) }
    }

    struct Unprotect: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unprotect",
            abstract: "Let a protected alias be moved and removed again.",
            discussion: "EXAMPLE\n  modelreg alias unprotect mlp prod")

        @OptionGroup var options: GlobalOptions

        @Argument(help: "The model.", completion: .custom { _, _, _ in ReferenceCompletion.models() })
        var name: String

        @Argument(help: "The alias.")
        var alias: String

        func run() throws { try AliasCommand.protect(alias, of: name, false, options) }
    }

    private static func protect(
        _ alias: String, of model: String, _ isProtected: Bool, _ options: GlobalOptions
    )
        throws
    {
        let number = try options.openRegistry().protectAlias(alias, of: model, isProtected: isProtected)
        if options.json {
            try JSON.print(
                AliasJSON(model: model, alias: alias, version: number, before: number, isProtected: isProtected)
            )
        } else {
            Output.line(
                "\(model):\(alias) (v\(number)) is \(isProtected ? "protected" : "no longer protected")")
        }
    }
}
