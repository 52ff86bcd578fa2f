// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import ModelReg
import RegistryJSON
import Synchronization

/// `remote add`
func addRemote(_ call: Call) throws -> Nothing {
    struct Arguments: Decodable {
        var name: String
        var address: String
    }
    let arguments = try call.decode(Arguments.self)
    try call.registry.addRemote(arguments.name, address: arguments.address)
    return Nothing()
}

/// `remote rm`
func removeRemote(_ call: Call) throws -> Nothing {
    struct Arguments: Decodable { var name: String }
    try call.registry.removeRemote(call.decode(Arguments.self).name)
    return Nothing()
}

/// `remote ls`
func listRemotes(_ call: Call) throws -> [RemoteJSON] {
    try call.registry.remotes().map { RemoteJSON(name: $0.name, address: $0.address) }
}

/// `push`
func push(_ call: Call) throws -> PushJSON {
    struct Arguments: Decodable {
        var references: [String]
        var all: Bool?
        var to: String?
        var force: Bool?
        var exact_number: Bool?
        var files: Bool?
        var dry_run: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    var options = PushOptions(
        forcesAliases: arguments.force ?? false, requiresNumber: arguments.exact_number ?? false, dryRun: true)
    if arguments.files == true { options = options.withFiles }
    let all = arguments.all ?? false
    let isRehearsal = arguments.dry_run ?? false
    func send(_ progress: (@Sendable (Int) -> Void)?) throws -> PushReport {
        try call.registry.push(
            arguments.references, all: all, to: arguments.to, options: options, progress: progress)
    }
    guard !isRehearsal else { return PushJSON(try send(nil), isPushed: false) }
    guard let tell = call.progress else {
        options.dryRun = false
        return PushJSON(try send(nil), isPushed: true)
    }
    // Only a rehearsal knows how much there is to send.
    let total = try send(nil).sentByteCount
    options.dryRun = false
    let sum = Mutex(0)
    let report = try send { count in
        let done = sum.withLock { sum in
            sum += count
            return sum
        }
        tell(min(done, total), total)
    }
    // It may have been less than the rehearsal expected.
    if total > 0 { tell(total, total) }
    return PushJSON(report, isPushed: true)
}

/// `pull`
func pull(_ call: Call) throws -> PullJSON {
    struct Arguments: Decodable {
        var references: [String]
        var all: Bool?
        var from: String?
        var theirs: Bool?
        var dry_run: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    let isRehearsal = arguments.dry_run ?? false
    let report = try call.registry.pull(
        arguments.references, all: arguments.all ?? false, from: arguments.from,
        options: PullOptions(prefersTheirs: arguments.theirs ?? false, dryRun: isRehearsal),
        progress: call.progress)
    return PullJSON(report, isPulled: !isRehearsal)
}
