import ArgumentParser
import Foundations
import ModelReg
import RegistryJSON

struct SaveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save",
        abstract: "Save a checkpoint file, or the folder of a model, as the next version of a model.",
        discussion: """
            The file is recognised by its content: PyTorch (torch.save), safetensors, NumPy (.npy, .npz), GGUF \
            or a bare pickle. Nothing in it is ever executed. The index of a model in several safetensors or PyTorch files, or one part of \
            a split GGUF model, stands for all of them. A folder is saved with everything in it: small text files become \
            attachments, and other files that are not checkpoints are kept as they are. --exclude leaves files out, \
            and so does a file named .modelregignore with one glob on each line. --opaque keeps any single file as it \
            is. Input from a pipe is copied \
            to a temporary file in $TMPDIR (/var/tmp) first. The registry is made if there is none. When the command \
            returns, the version is on the disk.

            Host, user and the git commit of the current folder are noted. A gate (--gate, last on the line or with =) \
            asks for what is known of each tensor: \(TensorFacts.names.joined(separator: ", ")). Where one \
            fulfils its condition, nothing is saved, and the exit status is 1.

            EXAMPLES
              modelreg save model.pt mlp -m "baseline"
              modelreg save model.pt mlp --run lr-3 --step 400 --metric loss=0.12 --gate
              modelreg save model.pt mlp --gate='nan > 0 or l2_norm > 1e4'
              modelreg save soup.pt soup --merged-from a:best --merged-from b:best
              modelreg save checkpoint.pt runs/17:best --metric loss=0.12 --set lr=0.001
              modelreg save model.safetensors mlp --parent base:v4 --attach config.json
              modelreg save Llama-3.2-1B/ llama
              ssh trainer cat run/model.pt | modelreg save - mlp
              modelreg save checkpoint-500/ run --exclude '*.tmp' --exclude logs/
              modelreg save --opaque model.tflite phone
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(
        help: "The checkpoint file, index of several files, or folder; - for standard input.",
        completion: .file())
    var file: String

    @Argument(help: ArgumentHelp("The model, and perhaps an alias to set.", valueName: "name[:alias]"))
    var name: String

    @Option(name: .shortAndLong, help: "What to say about this version.")
    var message = ""

    @Option(name: .long, help: "An alias to set on it. May be repeated.")
    var alias: [String] = []

    @Option(name: .long, help: ArgumentHelp("A metric. May be repeated.", valueName: "name=number"))
    var metric: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("A fact; the value is JSON or a text. May be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Option(name: .long, help: "A small file to keep with it. May be repeated.", completion: .file())
    var attach: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What to leave out of a folder, as .gitignore says it. May be repeated.", valueName: "glob"))
    var exclude: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("The version it was made from; otherwise the latest.", valueName: "reference"))
    var parent: String?

    @Option(
        name: .long,
        help: ArgumentHelp("A version it was put together from. May be repeated.", valueName: "reference"))
    var mergedFrom: [String] = []

    @Option(
        name: .customLong("run"), help: ArgumentHelp("The run that it is of.", valueName: "run"),
        completion: .custom { _, _, _ in ReferenceCompletion.runs() })
    var runName: String?

    @Option(
        name: .long, parsing: .unconditional, help: "The training step; metrics are of it, and of the run.")
    var step: Int?

    @Option(
        name: .long, defaultAsFlag: HealthGate.notFinite,
        help: ArgumentHelp(
            "Refuse tensors that fulfil this: NaN and infinities if nothing is said.", valueName: "condition"))
    var gate: String?

    @Flag(name: .long, help: "Save what the gate finds all the same, marked \"unhealthy\".")
    var gateMark = false

    @Option(
        name: .long, help: ArgumentHelp("What `pip freeze` prints: versions of packages.", valueName: "file"),
        completion: .file())
    var packages: String?

    @Flag(name: .long, help: "Do not note host, user, command line and git commit.")
    var noEnvironment = false

    @Flag(
        name: .long,
        help: "Save a pickle that would run dangerous code in Python, marked \"unsafe\". Nothing is run here.")
    var allowUnsafe = false

    @Flag(name: .long, help: "Take the file as it is, whatever it is: it comes back byte for byte.")
    var opaque = false

    @Flag(name: .long, help: "Move protected aliases, too.")
    var force = false

    @Flag(name: .long, help: "Do not store earlier versions as differences now; the next save or pack does.")
    var noPack = false

    func validate() throws {
        if let step, step < 0 { throw ValidationError("--step takes 0 or more, not \(step)") }
        if parent != nil, !mergedFrom.isEmpty {
            throw ValidationError("give --parent or --merged-from, not both")
        }
    }

    func run() throws {
        let (model, aliases) = try target
        var saveOptions = SaveOptions(
            message: message, aliases: aliases, metrics: try Pairs.metrics(metric, option: "--metric"),
            attributes: try Pairs.attributes(set, option: "--set"), parent: parent,
            attachments: try AttachmentFiles.read(attach), step: step)
        saveOptions.mergedFrom = mergedFrom
        saveOptions.movesProtectedAliases = force
        saveOptions.allowsUnsafe = allowUnsafe
        if gate != nil || gateMark {
            saveOptions.gate = try HealthGate(gate ?? HealthGate.notFinite, action: gateMark ? .mark : .refuse)
        }
        if noEnvironment {
            saveOptions.environment = nil
        } else if let packages {
            saveOptions.environment?.packages.merge(try PackageList.read(packages)) { $1 }
        }
        // Read first: a file that is no checkpoint shall not leave an empty registry behind.
        let source =
            try opaque
            ? InputFile.readOpaque(file) : offeringOpaque { try InputFile.read(file, excluding: exclude) }
        if !exclude.isEmpty, !source.isFolder {
            throw UsageError(description: "--exclude is for folders, and \(quoted(file)) is a file")
        }
        for name in saveOptions.attachments.keys where source.contains(fileNamed: name) {
            throw UsageError(description: "--attach: \(quoted(name)) is in the folder too")
        }
        let registry = try options.openRegistry(create: true)
        if let fileSystem = registry.networkFileSystem {
            options.message(
                "note: the registry is on a network file system (\(fileSystem)), whose locks may not hold: let one machine "
                    + "write at a time")
        }
        if let runName { saveOptions.run = try registry.runInfo(runName, model: model).id }
        let bar = ProgressBar("saving", options)
        let result = try registry.saveModel(source, as: model, options: saveOptions, progress: bar.handler)
        bar.clear()
        try report(result, source)
        if !noPack { EarlierVersions.pack(model, in: registry, options) }
    }

    /// Says of a file that is in no format that can be read how it can be saved all the same.
    private func offeringOpaque<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as BadFile where error.isHelpedByOpaque {
            throw ExplainedError(error: error, explanation: ", or save it as it is with --opaque")
        }
    }

    private func report(_ result: SaveResult, _ source: ModelSource) throws {
        if options.json {
            try JSON.print(SaveJSON(result, source, attached: attach.map(AttachmentFiles.name)))
            return
        }
        let version = result.version
        let tensors = version.tensorCount == 1 ? "1 tensor" : "\(version.tensorCount) tensors"
        var line = "\(version.reference)  \(tensors), \(ByteCount.text(version.byteCount))"
        if let same = result.sameContentAs {
            line += ", same content as \(same)"
        } else if ByteCount.text(result.newByteCount) != ByteCount.text(version.byteCount) {
            line += ", \(ByteCount.text(result.newByteCount)) new"
        }
        line += ", stored in \(ByteCount.text(result.storedByteCount))"
        if !version.aliases.isEmpty { line += "  (\(version.aliases.joined(separator: ", ")))" }
        Output.line(line)
        if !result.unhealthy.isEmpty {
            options.message(
                "note: marked unhealthy: \(Output.listed(result.unhealthy.map { $0.path.isEmpty ? "(itself)" : $0.path }))"
            )
        }
        if !source.attachments.isEmpty {
            options.message("attached: \(Output.listed(Array(source.attachments.keys)))")
        }
        if !source.opaqueTypes.isEmpty {
            let names = source.opaqueTypes.map {
                ($0.key.isEmpty ? "(itself)" : $0.key) + " (\($0.value.prefix(60)))"
            }
            options.message("note: kept as bytes, as their types are not known: \(Output.listed(names))")
        }
        if !source.opaqueNames.isEmpty {
            options.message("kept as they are: \(Output.listed(source.opaqueNames))")
        }
        for note in source.notes { options.message("note: \(note)") }
        if !source.omitted.isEmpty { options.message("note: left out: \(Output.listed(source.omitted))") }
        if result.keepsSourceFile == false {
            options.message(
                "note: the tensors are kept bit for bit, but the file has much that no tensor uses and cannot be "
                    + "given back as it was")
        }
    }

    private var target: (model: String, aliases: [String]) {
        get throws {
            guard let colon = name.firstIndex(of: ":") else { return (name, alias) }
            return (String(name[..<colon]), [String(name[name.index(after: colon)...])] + alias)
        }
    }
}
