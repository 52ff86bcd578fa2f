import ArgumentParser
import Glibc
import ModelReg

/// What every command understands.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("The registry file.", valueName: "file"),
        completion: .file(extensions: ["db"]))
    var registry: String?

    @Option(name: .long, help: ArgumentHelp("How long to wait for other processes.", valueName: "seconds"))
    var wait: Double = Registry.defaultWaitSeconds

    @Flag(name: .long, help: "Print JSON, and nothing else, on standard output.")
    var json = false

    @Flag(name: [.short, .long], help: "Print no messages, only results and errors.")
    var quiet = false

    @Flag(name: .long, help: "Draw no progress bars.")
    var noProgress = false

    func validate() throws {
        guard wait >= 0 else { throw ValidationError("--wait takes a number of seconds, not \(wait)") }
    }

    var showsProgress: Bool { !quiet && !noProgress }

    /// Opens the registry.
    ///
    /// - Parameter inMemoryIfMissing: Whether an empty one that nobody keeps stands for a file that is not there.
    func openRegistry(create: Bool = false, inMemoryIfMissing: Bool = false) throws -> Registry {
        let path = try registryPath
        if inMemoryIfMissing, access(path, F_OK) != 0 { return try Registry.inMemory() }
        // Commands that save also pack, where their user sees it.
        return try Registry(path: path, create: create, waitSeconds: wait, packsInBackground: false)
    }

    private var registryPath: String {
        get throws {
            if let registry { return registry }
            if let path = try Environment.value("MODELREG_REGISTRY"), !path.isEmpty { return path }
            return "modelreg.db"
        }
    }

    /// Prints a message for people on standard error.
    func message(_ text: String) {
        if !quiet { Output.error(text) }
    }
}
