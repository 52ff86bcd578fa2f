// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CModelReg
import Foundations
import ModelReg
import RegistryJSON

/// What a command is given.
struct Call {
    let opened: OpenRegistry
    let arguments: UnsafePointer<CChar>?
    let progress: ProgressHandler?

    var registry: Registry { opened.registry }

    /// The arguments, as the command understands them.
    func decode<Arguments: Decodable>(_ type: Arguments.Type = Arguments.self) throws -> Arguments {
        try decoded(arguments, "arguments_json", as: type)
    }
}

/// Carries out a command.
@c @implementation
public func mr_call(
    _ registry: UInt64, _ command: UnsafePointer<CChar>!, _ argumentsJSON: UnsafePointer<CChar>!,
    _ cancelled: UnsafePointer<Int32>!, _ progress: mr_progress!, _ context: UnsafeMutableRawPointer!,
    _ resultJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ error: UnsafeMutablePointer<mr_error>!
) -> Int32 {
    answering(error) {
        resultJSON?.pointee = nil
        guard resultJSON != nil else { throw Refusal("result_json is NULL") }
        let name = try text(command, "command")
        let opened = try openRegistry(registry)
        guard let run = commands[name] else {
            let suggestion = Suggestion.closest(to: name, among: Array(commands.keys))
            throw Refusal(
                "no such command: \(quoted(name))" + (suggestion.map { " (did you mean \(quoted($0))?)" } ?? "")
            )
        }
        let call = Call(opened: opened, arguments: argumentsJSON, progress: handler(progress, context))
        let result = try cancellable(cancelled) { try run(call) }
        try give(JSON.text(AnyEncodable(result), isPretty: false), to: resultJSON)
    }
}

private typealias Command = @Sendable (Call) throws -> any Encodable

private let commands: [String: Command] = [
    "ls": { try listModels($0) },
    "log": { try listVersions($0) },
    "version": { try describeVersion($0) },
    "history": { try listHistories($0) },
    "blame": { try blame($0) },
    "lineage": { try traceLineage($0) },
    "diff": { try compare($0) },
    "alias set": { try setAlias($0) },
    "alias rm": { try removeAlias($0) },
    "alias ls": { try listAliases($0) },
    "rm": { try delete($0) },
    "prune": { try prune($0) },
    "gc": { try collectGarbage($0) },
    "verify": { try verify($0) },
    "export": { try export($0) },
    "save file": { try saveFile($0) },
    "remote add": { try addRemote($0) },
    "remote rm": { try removeRemote($0) },
    "remote ls": { try listRemotes($0) },
    "push": { try push($0) },
    "pull": { try pull($0) },
    "sql": { try askSQL($0) },
    "wait": { try waitForPacking($0) },
    "run start": { try startRun($0) },
    "run log": { try logMetrics($0) },
    "run set": { try setSettings($0) },
    "run finish": { try finishRun($0) },
    "run ls": { try listRuns($0) },
]

/// A value of any type that is JSON.
private struct AnyEncodable: Encodable {
    let value: any Encodable

    init(_ value: any Encodable) { self.value = value }

    func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// An object without members.
struct Nothing: Encodable {}

/// A count that a caller gave.
///
/// - Throws: ``Refusal`` where it is negative.
func checkedCount(_ count: Int?, _ name: StaticString) throws -> Int? {
    if let count, count < 0 { throw Refusal("\(name) is a count, not \(count)") }
    return count
}
