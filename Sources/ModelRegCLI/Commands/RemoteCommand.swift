import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct RemoteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote",
        abstract: "Name the places that versions are pushed to and pulled from.",
        discussion: """
            A remote is an OCI registry, such as Harbor, GHCR, ECR or a plain docker-registry \
            (oci://host/namespace), a folder (oci:folder), or a bucket of S3 (s3://bucket/prefix), for which AWS's \
            environment variables and profiles count; AWS_ENDPOINT_URL_S3 names another store. Each model has a \
            repository of its own there. The registry file holds the address and never a password.

            EXAMPLES
              modelreg remote add origin oci://registry.example.com/team
              modelreg remote add usb oci:/media/stick/models
              modelreg remote add bucket s3://models/team
              modelreg remote ls
            """,
        subcommands: [Add.self, List.self, Remove.self], defaultSubcommand: List.self)

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Record a remote, in place of another one of this name.")

        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its name; origin is used where none is given.") var name: String
        @Argument(
            help:
                "Its address: oci://host[:port][/namespace], oci+http://…, oci:folder or s3://bucket[/prefix].")
        var address: String

        func run() throws {
            let registry = try options.openRegistry(create: true)
            try registry.addRemote(name, address: address)
            Output.line("added \(printable(name))")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the remotes.")

        @OptionGroup var options: GlobalOptions

        func run() throws {
            let remotes = try options.openRegistry().remotes()
            if options.json {
                return try JSON.print(remotes.map { RemoteJSON(name: $0.name, address: $0.address) })
            }
            if remotes.isEmpty {
                options.message("no remotes; add one: modelreg remote add origin oci://host/team")
            }
            for remote in remotes { Output.line("\(printable(remote.name))  \(printable(remote.address))") }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm", abstract: "Forget a remote. What is there stays there.")

        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its name.") var name: String

        func run() throws {
            try options.openRegistry().removeRemote(name)
            Output.line("removed \(printable(name))")
        }
    }
}
