package import ModelReg

/// What a verification found, as JSON shows it.
package struct VerificationJSON: Encodable {
    package struct Problem: Encodable {
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

    package init(_ report: VerificationReport) {
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
