import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct RemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Delete versions, all of them or none.",
        discussion: """
            A version's number is never used again, and its bytes are freed by the next `modelreg gc`; until then, \
            `modelreg restore` brings it back. A version that an alias names is deleted with --force only.

            With --remote, versions at a remote are deleted, one after the other, and nothing here; the remote's own             garbage collection frees their bytes. Some remotes do not allow it.

            EXAMPLES
              modelreg rm mlp:v3 --dry-run
              modelreg rm mlp:v3 mlp:v4
              modelreg rm mlp:v3 --remote origin
            """,
        aliases: ["remove"])

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which versions.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var references: [String]

    @Flag(name: .long, help: "Only say what would be deleted, and how many bytes that would free.")
    var dryRun = false

    @Flag(name: .long, help: "Delete versions that aliases name, and these aliases.")
    var force = false

    @Option(
        name: .long,
        help: ArgumentHelp("Delete versions at this remote, and none here.", valueName: "name or address"))
    var remote: String?

    func run() throws {
        if let remote { return try runRemote(remote) }
        let registry = try options.openRegistry()
        var reports = try registry.delete(references, force: force, dryRun: true)
        let freed = try freedByteCounts(reports.map(\.version), registry)
        let garbage = try registry.collectGarbage(dryRun: true).freedByteCount
        if !dryRun {
            // By number: what "mlp" names may have changed since.
            reports = try registry.delete(reports.map(\.version.reference), force: force)
        }
        if options.json {
            try JSON.print(zip(reports, freed).map { Report($0, freedByteCount: $1, isDeleted: !dryRun) })
            return
        }
        for (report, freedByteCount) in zip(reports, freed) {
            let verb = dryRun ? "would delete" : "deleted"
            let aliases =
                report.aliases.isEmpty ? "" : " and its aliases \(report.aliases.joined(separator: ", "))"
            Output.line(
                "\(verb) \(report.version.reference)\(aliases); gc frees \(freedByteCount) bytes")
        }
        GarbageText.show(garbage)
    }

    private func runRemote(_ remote: String) throws {
        let registry = try options.openRegistry(inMemoryIfMissing: true)
        var reports: [RemoteReport] = []
        for reference in references {
            let deleted = try registry.deleteRemote(reference, at: remote, force: force, dryRun: dryRun)
            reports.append(
                RemoteReport(reference: deleted.version, aliases: deleted.aliases, isDeleted: !dryRun))
            if options.json { continue }
            let aliases =
                deleted.aliases.isEmpty
                ? "" : " and its aliases \(deleted.aliases.map { printable($0) }.joined(separator: ", "))"
            Output.line(
                "\(dryRun ? "would delete" : "deleted") \(printable(deleted.version))\(aliases) at \(printable(remote))"
            )
        }
        if options.json { try JSON.print(reports) }
    }

    private struct RemoteReport: Encodable {
        let reference: String
        let aliases: [String]
        let isDeleted: Bool
    }

    /// What the file is shorter by, after the next gc, for each version beside those before it.
    private func freedByteCounts(_ versions: [Version], _ registry: Registry) throws -> [Int] {
        var before = 0
        return try versions.indices.map { index in
            let total = try registry.byteCountFreed(byDeleting: Array(versions[...index]))
            defer { before = total }
            return total - before
        }
    }

    private struct Report: Encodable {
        let reference: String
        let aliases: [String]
        let freedByteCount: Int
        let isDeleted: Bool

        init(_ report: DeletionReport, freedByteCount: Int, isDeleted: Bool) {
            reference = report.version.reference
            aliases = report.aliases
            self.freedByteCount = freedByteCount
            self.isDeleted = isDeleted
        }
    }
}
