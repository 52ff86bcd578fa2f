import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make a version from a patch.",
        discussion: """
            A patch (modelreg diff OLD NEW -o change.mrpatch) holds what the new version has and the old one has \
            not. Where this registry has a version with the content of the old one, under whatever name, it becomes \
            a version with the content id, metrics, facts and attachments of the new one. Anywhere else it is \
            refused, and nothing is written.

            EXAMPLES
              modelreg diff mlp:v3 mlp:v4 -o change.mrpatch
              modelreg apply change.mrpatch --registry other.db
              modelreg apply change.mrpatch mlp:received --registry other.db
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The patch.", completion: .file(extensions: ["mrpatch"]))
    var file: String

    @Argument(
        help: ArgumentHelp(
            "The model, and perhaps an alias to set. The name where it comes from, if none is given.",
            valueName: "name[:alias]"))
    var name: String?

    @Option(name: .shortAndLong, help: "The message of the new version. [default: the message in the patch]")
    var message: String?

    @Option(name: .long, help: "An alias to set on it. May be repeated.")
    var alias: [String] = []

    @Flag(name: .long, help: "Do not store earlier versions as differences now; the next save or pack does.")
    var noPack = false

    func run() throws {
        var model = name
        var aliases = alias
        if let name, let colon = name.firstIndex(of: ":") {
            model = String(name[..<colon])
            aliases.insert(String(name[name.index(after: colon)...]), at: 0)
        }
        let registry = try options.openRegistry()
        let bar = ProgressBar("applying", options)
        let result = try registry.applyPatch(
            at: file, as: model, message: message, aliases: aliases, progress: bar.handler)
        bar.clear()
        if options.json {
            try JSON.print(Report(result))
        } else {
            let version = result.version
            var line =
                "\(version.reference)  \(version.contentID.short), \(ByteCount.text(result.newByteCount)) new"
            if let same = result.sameContentAs { line += ", same content as \(same)" }
            line += ", stored in \(ByteCount.text(result.storedByteCount))"
            if !version.aliases.isEmpty { line += "  (\(version.aliases.joined(separator: ", ")))" }
            Output.line(line)
        }
        if !noPack { EarlierVersions.pack(result.version.model, in: registry, options) }
    }

    private struct Report: Encodable {
        let version: VersionJSON
        let sameContentAs: String?
        let newByteCount: Int
        let storedByteCount: Int

        init(_ result: SaveResult) {
            version = VersionJSON(result.version)
            sameContentAs = result.sameContentAs
            newByteCount = result.newByteCount
            storedByteCount = result.storedByteCount
        }
    }
}
