import ArgumentParser
import Foundation
import ModelReg
import ModelRegistry
import OrderedCollections

struct SaveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save",
        abstract: "Save a checkpoint file, or the folder of a model, as the next version of a model.",
        discussion: """
            The file is recognised by its content: PyTorch (torch.save), safetensors, NumPy (.npy, .npz) or GGUF. \
            Nothing in it is ever executed. The index of a model in several safetensors files stands for all of \
            them; of a folder with weights, configuration and tokenizer, the small files are kept as attachments. \
            The registry is made if there is none. When the command returns, the version is on the disk.

            EXAMPLES
              modelreg save model.pt mlp -m "baseline"
              modelreg save checkpoint.pt runs/17:best --metric loss=0.12 --set lr=0.001
              modelreg save model.safetensors mlp --parent base:v4 --attach config.json
              modelreg save Llama-3.2-1B/ llama
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "The checkpoint file, index of several files, or folder.", completion: .file())
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
        help: ArgumentHelp("The version it was made from; otherwise the latest.", valueName: "reference"))
    var parent: String?

    @Flag(name: .long, help: "Leave the versions before it as they are, to be packed by the next save or pack.")
    var noPack = false

    func run() throws {
        let (model, aliases) = try target
        let saveOptions = SaveOptions(
            message: message, aliases: aliases, metrics: try metrics, attributes: try attributes,
            parent: parent,
            attachments: try attachments)
        // Read first: a file that is no checkpoint shall not leave an empty registry behind.
        let source = try InputFile.read(file)
        for name in saveOptions.attachments.keys where source.attachments[name] != nil {
            throw UsageError(description: "--attach: \"\(name)\" is in the folder too")
        }
        let registry = try options.openRegistry(create: true)
        let bar = ProgressBar("saving", options)
        let result = try registry.saveModel(source, as: model, options: saveOptions, progress: bar.handler)
        bar.clear()
        try report(result, source)
        if !noPack { EarlierVersions.pack(model, in: registry, options) }
    }

    private func report(_ result: SaveResult, _ source: ModelSource) throws {
        let keepsSourceFile = result.keepsSourceFile ?? source.isReproducible ?? false
        let attachments =
            Array(source.attachments.keys) + attach.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        if options.json {
            try JSON.print(
                Report(
                    version: VersionJSON(result.version), sameContentAs: result.sameContentAs,
                    newByteCount: result.newByteCount, storedByteCount: result.storedByteCount,
                    keepsSourceFile: keepsSourceFile, attachments: attachments, leftOut: source.omitted))
            return
        }
        let version = result.version
        let tensors = version.tensorCount == 1 ? "1 tensor" : "\(version.tensorCount) tensors"
        var line = "\(version.reference)  \(tensors), \(ByteCount.text(version.byteCount))"
        if let same = result.sameContentAs {
            line += ", same content as \(same)"
        } else if result.newByteCount < version.byteCount {
            line += ", \(ByteCount.text(result.newByteCount)) new"
        }
        line += ", stored in \(ByteCount.text(result.storedByteCount))"
        if !version.aliases.isEmpty { line += "  (\(version.aliases.joined(separator: ", ")))" }
        Output.line(line)
        if !source.attachments.isEmpty {
            options.message("attached: \(Output.listed(Array(source.attachments.keys)))")
        }
        if !source.omitted.isEmpty { options.message("note: left out: \(Output.listed(source.omitted))") }
        if source.isReproducible == false {
            options.message(
                "note: the tensors are kept bit for bit, but the files' headers come back as safetensors writes them"
            )
        }
        if result.keepsSourceFile == false {
            options.message(
                "note: the tensors are kept bit for bit, but the file has much that no tensor uses and cannot be "
                    + "given back as it was")
        }
    }

    private struct Report: Encodable {
        let version: VersionJSON
        let sameContentAs: String?
        let newByteCount: Int
        let storedByteCount: Int
        let keepsSourceFile: Bool
        let attachments: [String]
        let leftOut: [String]
    }

    private var target: (model: String, aliases: [String]) {
        get throws {
            guard let colon = name.firstIndex(of: ":") else { return (name, alias) }
            return (String(name[..<colon]), [String(name[name.index(after: colon)...])] + alias)
        }
    }

    private var metrics: OrderedDictionary<String, Double> {
        get throws {
            var metrics: OrderedDictionary<String, Double> = [:]
            for (key, text) in try pairs(metric, option: "--metric") {
                guard let value = Double(text) else {
                    throw UsageError(description: "--metric \(key)=\(text): \"\(text)\" is not a number")
                }
                metrics[key] = value
            }
            return metrics
        }
    }

    private var attributes: OrderedDictionary<String, String> {
        get throws {
            var attributes: OrderedDictionary<String, String> = [:]
            for (key, text) in try pairs(set, option: "--set") {
                let isJSON =
                    (try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed))
                    != nil
                attributes[key] = isJSON ? text : JSONText.quoted(text)
            }
            return attributes
        }
    }

    private var attachments: OrderedDictionary<String, [UInt8]> {
        get throws {
            var attachments: OrderedDictionary<String, [UInt8]> = [:]
            for path in attach {
                let name = path.split(separator: "/").last.map(String.init) ?? path
                guard attachments[name] == nil else {
                    throw UsageError(description: "--attach: two files are called \"\(name)\"")
                }
                attachments[name] = try MappedFile(path: path).withUnsafeBytes { [UInt8]($0) }
            }
            return attachments
        }
    }

    private func pairs(_ texts: [String], option: String) throws -> [(String, String)] {
        var seen: Set<String> = []
        return try texts.map { text in
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw UsageError(description: "\(option) takes name=value, not \"\(text)\"")
            }
            let key = String(text[..<equals])
            guard seen.insert(key).inserted else {
                throw UsageError(description: "\(option) \(key) is given twice")
            }
            return (key, String(text[text.index(after: equals)...]))
        }
    }
}
