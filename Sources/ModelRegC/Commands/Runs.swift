import ModelReg
import RegistryJSON

/// `run start`
func startRun(_ call: Call) throws -> RunJSON {
    struct Arguments: Decodable {
        var model: String?
        var name: String?
        var config: [String: JSONValue]?
        var parent: String?
        var resume: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    if arguments.resume == true, arguments.name == nil { throw Refusal("resume takes a name") }
    let run = try call.registry.startRun(
        model: arguments.model, name: arguments.name,
        hyperparameters: SaveArguments.attributes(arguments.config), parent: arguments.parent,
        resumes: arguments.resume ?? false)
    call.opened.keep(run)
    return try RunJSON(call.registry.runInfo(run.id))
}

/// Which run is meant.
private struct RunArguments: Decodable {
    var run: String
    var model: String?
}

extension Call {
    fileprivate func run() throws -> Run {
        let arguments = try decode(RunArguments.self)
        return try opened.run(arguments.run, model: arguments.model)
    }
}

/// `run log`
func logMetrics(_ call: Call) throws -> Nothing {
    struct Arguments: Decodable {
        var step: Int
        var metrics: [String: Double]
    }
    let arguments = try call.decode(Arguments.self)
    guard arguments.step >= 0 else { throw Refusal("step is 0 or more, not \(arguments.step)") }
    guard arguments.metrics.keys.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(0) }) else {
        throw Refusal("a metric needs a name, without a NUL")
    }
    try call.run().log(arguments.metrics, step: arguments.step)
    return Nothing()
}

/// `run set`
func setSettings(_ call: Call) throws -> RunJSON {
    struct Arguments: Decodable { var config: [String: JSONValue] }
    let run = try call.run()
    try run.set(SaveArguments.attributes(call.decode(Arguments.self).config))
    return try RunJSON(call.registry.runInfo(run.id))
}

/// `run finish`
func finishRun(_ call: Call) throws -> RunJSON {
    struct Arguments: Decodable { var state: String? }
    let name = try call.decode(Arguments.self).state ?? RunState.finished.rawValue
    guard let state = RunState(rawValue: name), state != .running else {
        throw Refusal("a run ends as finished, failed or killed, not as \(name)")
    }
    let run = try call.run()
    try run.finish(state)
    call.opened.forget(run)
    return try RunJSON(call.registry.runInfo(run.id))
}

/// `run ls`
func listRuns(_ call: Call) throws -> [RunJSON] {
    struct Arguments: Decodable { var model: String? }
    return try call.registry.runs(of: call.decode(Arguments.self).model).map(RunJSON.init)
}
