import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Read everything and compare it with its hashes.",
        discussion: """
            Exits with 1 if anything is damaged, and says which versions and tensors.

            --repair first puts right what can be told for certain: indexes that do not match their tables, and columns \
            that follow from others. Where two copies differ and nothing tells which is right, both stay, and are reported. \
            --repair-from takes damaged and missing chunks, by their content ids, from another registry or from any \
            checkpoint file that holds the same tensors; these are only read. What is left in damaged packs is freed by gc.

            --remote looks at all versions of a model at a remote instead: manifests, trees, and whether each blob is             there; with --full it reads each blob and compares it with its digest.

            EXAMPLES
              modelreg verify
              modelreg verify mlp:best
              modelreg verify --repair
              modelreg verify --repair-from backup.db --repair-from mlp-step-010.pt
              modelreg verify mlp --remote origin --full
            """,
        aliases: ["fsck"])

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: "One version to check; everything if none is named. With --remote, a model.",
        completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String?

    @Flag(name: .long, help: "Put right what can be put right without a guess, then read everything anew.")
    var repair = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "As --repair, with chunks from another registry or a checkpoint file. May be repeated.",
            valueName: "file"),
        completion: .file())
    var repairFrom: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Look at the versions of a model at this remote.", valueName: "name or address"))
    var remote: String?

    @Flag(name: .long, help: "With --remote, read all blobs.")
    var full = false

    func validate() throws {
        if remote != nil {
            guard reference != nil, !repair, repairFrom.isEmpty else {
                throw ValidationError("--remote takes the name of a model, and no --repair")
            }
        } else if full {
            throw ValidationError("--full goes with --remote; what is here is always read whole")
        }
        if reference != nil, repair || !repairFrom.isEmpty {
            throw ValidationError("--repair is of the whole registry; name no version with it")
        }
    }

    func run() throws {
        if let remote, let reference { return try runRemote(reference, remote) }
        if repair || !repairFrom.isEmpty { return try runRepair() }
        let bar = ProgressBar("verifying", options)
        let report = try options.openRegistry().verify(reference, progress: bar.handler)
        bar.clear()
        if options.json { try JSON.print(VerificationJSON(report)) } else { print(report) }
        if !report.problems.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }

    private func runRemote(_ model: String, _ remote: String) throws {
        let registry = try options.openRegistry(inMemoryIfMissing: true)
        let report = try registry.verifyRemote(model, at: remote, isFull: full)
        if options.json {
            try JSON.print(RemoteReport(report))
        } else if report.problems.isEmpty {
            let versions = report.versionCount == 1 ? "1 version" : "\(report.versionCount) versions"
            let what = full ? "match their digests" : "are there"
            Output.line(
                "ok: \(versions), \(report.blobCount) blobs of \(ByteCount.text(report.byteCount)) \(what)")
        } else {
            for problem in report.problems {
                Output.line("\(printable(problem.version)): \(printable(problem.problem))")
            }
        }
        if !report.problems.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }

    private struct RemoteReport: Encodable {
        struct Problem: Encodable {
            let version: String
            let problem: String
        }

        let versionCount: Int
        let blobCount: Int
        let byteCount: Int
        let problems: [Problem]

        init(_ report: RemoteVerification) {
            versionCount = report.versionCount
            blobCount = report.blobCount
            byteCount = report.byteCount
            problems = report.problems.map { Problem(version: $0.version, problem: $0.problem) }
        }
    }

    private func runRepair() throws {
        let sources = try repairFrom.map { path in
            try BadFile.naming(path) { try RepairSource.read(path, waitSeconds: options.wait) }
        }
        let bar = ProgressBar("repairing", options)
        let report = try options.openRegistry().repair(from: sources, progress: bar.handler)
        bar.clear()
        if options.json {
            try JSON.print(RepairedReport(report))
        } else {
            for repair in report.repairs { Output.line("repaired: \(text(repair))") }
            for text in report.undecided { Output.line("not repaired: \(printable(text))") }
            print(report.verification)
        }
        if !report.isWhole { throw ExitCode(ExitStatus.found.rawValue) }
    }

    private func text(_ repair: RepairReport.Repair) -> String {
        let place = [repair.version, repair.chunk.map { "chunk \($0.short)…" }].compactMap { $0 }
        return printable((place + [repair.description]).joined(separator: ": "))
    }

    private func print(_ report: VerificationReport) {
        if report.problems.isEmpty {
            let versions = report.versionCount == 1 ? "1 version" : "\(report.versionCount) versions"
            let tensors = report.tensorCount == 1 ? "1 tensor" : "\(report.tensorCount) tensors"
            let thinned =
                report.thinnedVersionCount == 0 ? "" : "; \(report.thinnedVersionCount) of the versions thinned"
            Output.line(
                "ok: \(versions), \(tensors), \(ByteCount.text(report.byteCount)) match their hashes\(thinned)")
        } else {
            for problem in report.problems { Output.line("\(problem)") }
        }
    }

    private struct RepairedReport: Encodable {
        struct Repair: Encodable {
            let version: String?
            let chunk: String?
            let description: String
        }

        let repairs: [Repair]
        let undecided: [String]
        let isWhole: Bool
        let verification: VerificationJSON

        init(_ report: RepairReport) {
            repairs = report.repairs.map {
                Repair(version: $0.version, chunk: $0.chunk?.description, description: $0.description)
            }
            undecided = report.undecided
            isWhole = report.isWhole
            verification = VerificationJSON(report.verification)
        }
    }
}
