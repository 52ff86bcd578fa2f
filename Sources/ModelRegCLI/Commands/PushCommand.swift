import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON
import Synchronization

struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Send versions to a remote: only what it lacks.",
        discussion: """
            Chunks that the remote has are not sent again, and differences travel as differences. Each chunk is \
            checked against its hash before it is sent. The manifest of a version is written last: a version is at \
            the remote whole or not at all. An interrupted push goes on when it is called again. A version keeps its \
            number unless another version has it at the remote; then it gets the next free number there.

            The runs of the versions travel with their settings, notes and metrics; so do aliases. One that somebody else has moved at the remote stays there, and the \
            command ends with 1, unless --force is given.

            With --files, the tag of a version is that of plain files, which `oras pull`, KitOps and others take; weights are             at the remote once. The bytes of the new weights travel whole then, and not as differences.

            EXAMPLES
              modelreg push mlp                        the latest version, to origin
              modelreg push mlp:best --dry-run
              modelreg push mlp:best --files
              modelreg push mlp --all --to oci:./backup
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: "Versions, or models: their latest version.",
        completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var references: [String]

    @Option(
        name: .long, help: ArgumentHelp("A remote's name or address. [default: origin]", valueName: "remote"))
    var to: String?

    @Flag(name: .long, help: "All versions of the models. Thinned ones are left out.")
    var all = false

    @Flag(name: .long, help: "Move aliases that somebody else has set at the remote.")
    var force = false

    @Flag(name: .long, help: "Refuse a version whose number another version has at the remote.")
    var exactNumber = false

    @Flag(
        name: .long,
        help: "Push plain files, too: safetensors and attachments, as a CNCF ModelPack that other tools pull.")
    var files = false

    @Flag(name: .long, help: "Only say what would be sent.")
    var dryRun = false

    func run() throws {
        let registry = try options.openRegistry()
        var push = PushOptions(forcesAliases: force, requiresNumber: exactNumber, dryRun: dryRun)
        if files { push = push.withFiles }
        var total = 0
        let bar = ProgressBar("pushing", options)
        if !dryRun, bar.handler != nil {
            var rehearsal = push
            rehearsal.dryRun = true
            total = try registry.push(references, all: all, to: to, options: rehearsal).sentByteCount
        }
        let sum = Mutex(0)
        let size = total
        let report = try registry.push(references, all: all, to: to, options: push) { count in
            let done = sum.withLock { sum in
                sum += count
                return sum
            }
            bar.handler?(min(done, size), size)
        }
        bar.clear()
        if options.json { try JSON.print(PushJSON(report, isPushed: !dryRun)) } else { print(report) }
        if !report.conflicts.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }

    private func print(_ report: PushReport) {
        for version in report.pushed where version.ours != version.theirs {
            options.message("\(version.ours) -> \(version.theirs)")
        }
        for version in report.thinned { options.message("left out: \(version) is thinned") }
        for conflict in report.conflicts {
            options.message(
                "conflict: \(conflict.alias) stays \(conflict.theirs) there; here it is \(conflict.ours) (--force moves it)"
            )
        }
        let names = report.pushed.map(\.ours)
        let shown = names.count > 3 ? "\(names.count) versions" : names.joined(separator: ", ")
        var parts: [String] = []
        if names.isEmpty {
            parts.append(dryRun ? "would push nothing new" : "nothing new to push")
        } else {
            parts.append("\(dryRun ? "would push" : "pushed") \(shown)")
            parts.append("\(ByteCount.text(report.sentByteCount)) in \(report.chunkCount) chunks")
        }
        if !report.published.isEmpty {
            parts.append("plain files of \(report.published.joined(separator: ", "))")
        }
        if report.sameCount > 0 { parts.append("\(report.sameCount) there already") }
        if !report.runs.isEmpty {
            parts.append("\(report.runs.count) run\(report.runs.count == 1 ? "" : "s")")
        }
        if !report.aliases.isEmpty { parts.append("set \(report.aliases.joined(separator: ", "))") }
        Output.line(parts.joined(separator: "; "))
    }
}
