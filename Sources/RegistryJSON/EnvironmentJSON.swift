package import ModelReg

/// Code and machine, as JSON shows them.
package struct EnvironmentJSON: Encodable {
    let host: String?
    let user: String?
    let command: [String]
    let gitCommit: String?
    let gitBranch: String?
    let isDirty: Bool?
    let packages: [String: String]

    package init(_ environment: RunEnvironment) {
        host = environment.host
        user = environment.user
        command = environment.command
        gitCommit = environment.gitCommit
        gitBranch = environment.gitBranch
        isDirty = environment.isDirty
        packages = Dictionary(environment.packages.map { ($0.key, $0.value) }) { $1 }
    }
}
