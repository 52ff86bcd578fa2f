import Foundations
import ModelReg
import RegistryJSON

/// Facts for people: a word, and what there is to say.
enum FactText {
    static func aligned(_ facts: [(String, String)]) -> [String] {
        facts.map { label, value in
            label + String(repeating: " ", count: max(1, 10 - label.count)) + printable(value)
        }
    }

    static func lines(_ notes: [Note]) -> [(String, String)] {
        notes.map { ("note", "\($0.text)  (\($0.actor), \(Moment.text($0.at)))") }
    }

    /// - Parameter isFull: Whether to say more than the commit.
    static func lines(_ environment: RunEnvironment?, isFull: Bool) -> [(String, String)] {
        guard let environment else { return [] }
        var facts: [(String, String)] = []
        if let commit = environment.gitCommit {
            var details: [String] = []
            if let branch = environment.gitBranch { details.append(branch) }
            if environment.isDirty == true { details.append("with changes") }
            facts.append(
                ("code", commit.prefix(12) + (details.isEmpty ? "" : " (\(details.joined(separator: ", ")))")))
        }
        guard isFull else { return facts }
        if let host = environment.host {
            facts.append(("host", (environment.user.map { "\($0)@" } ?? "") + host))
        }
        if !environment.command.isEmpty {
            facts.append(("command", environment.command.joined(separator: " ")))
        }
        if !environment.packages.isEmpty {
            facts.append(("packages", environment.packages.map { "\($0) \($1)" }.joined(separator: ", ")))
        }
        return facts
    }
}
