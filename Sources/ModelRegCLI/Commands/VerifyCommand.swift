import ArgumentParser
import ModelReg

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Read everything and compare it with its hashes.",
        discussion: """
            Exits with 1 if anything is damaged, and says which versions and tensors.

            EXAMPLES
              modelreg verify
              modelreg verify mlp:best
            """,
        aliases: ["fsck"])

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: "One version to check; everything if none is named.",
        completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String?

    func run() throws {
        let bar = ProgressBar("verifying", options)
        let report = try options.openRegistry().verify(reference, progress: bar.handler)
        bar.clear()
        if options.json {
            try JSON.print(Report(report))
        } else if report.problems.isEmpty {
            let versions = report.versionCount == 1 ? "1 version" : "\(report.versionCount) versions"
            let tensors = report.tensorCount == 1 ? "1 tensor" : "\(report.tensorCount) tensors"
            let thinned =
                report.thinnedVersionCount == 0 ? "" : "; \(report.thinnedVersionCount) of the versions thinned"
            Output.line(
                "ok: \(versions), \(tensors), \(ByteCount.text(report.byteCount)) match their hashes\(thinned)")
        } else {
            for problem in report.problems { Output.line("\(problem)") }
        }
        if !report.problems.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }

    private struct Report: Encodable {
        struct Problem: Encodable {
            let version: String?
            let path: String?
            let chunk: String?
            let problem: String
        }

        let isIntact: Bool
        let versionCount: Int
        let tensorCount: Int
        let byteCount: Int
        let thinnedVersionCount: Int
        let problems: [Problem]

        init(_ report: VerificationReport) {
            isIntact = report.problems.isEmpty
            versionCount = report.versionCount
            tensorCount = report.tensorCount
            byteCount = report.byteCount
            thinnedVersionCount = report.thinnedVersionCount
            problems = report.problems.map {
                Problem(version: $0.version, path: $0.path, chunk: $0.chunk?.description, problem: $0.problem)
            }
        }
    }
}
