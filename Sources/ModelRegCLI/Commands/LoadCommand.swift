import ArgumentParser
import Foundations
import Glibc
import ModelReg
import RegistryJSON

struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Write a version, or part of it, to a file or folder.",
        discussion: """
            In the format it came from, a whole version is the file or folder that was saved, byte for byte. Without \
            -o it gets the name that it had, in the current folder. Where -o is a folder, or ends in /, it gets the \
            weights and all attachments, such as configuration and tokenizer. A file that is there is never \
            overwritten without --force.

            GGUF is written for versions that came from GGUF; of a split model, all files, named after -o. What a \
            format cannot hold is said, with the format that can: safetensors and npz hold named tensors only, numpy \
            has no bfloat16. Written as another format, a GGUF version loses metadata that are no texts, and its \
            quantised tensors are bytes, which load says.

            EXAMPLES
              modelreg load mlp
              modelreg load mlp:best -o best.safetensors
              modelreg load run:v3 --only 'model/*' --flatten -o weights.safetensors
              modelreg load whole-model --state-dict -o weights.safetensors
              modelreg load lm --only token.weight --rows 100:200 -o rows.npy
              modelreg load sd --only 'unet/*' -o unet.safetensors
              modelreg load sd --only model_index.json -o model_index.json
              modelreg load llama -o Llama-3.2-1B/ --shard 5GB
              modelreg load oci://registry.example.com/team/mlp:best --only 'encoder.*' -o encoder.safetensors
            """)

    @OptionGroup var options: GlobalOptions

    @Argument(help: "Which version.", completion: .custom { _, _, _ in ReferenceCompletion.references() })
    var reference: String

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Where to write.", valueName: "file or folder/"),
        completion: .file())
    var output: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Paths to write: names, or patterns with *. May be repeated.", valueName: "glob"))
    var only: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Rows of the one tensor that --only names, counted from 0, the end not included.",
            valueName: "from:to"))
    var rows: RowRange?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The format; otherwise by the ending of -o.", valueName: "format"),
        completion: .list(FileFormat.allCases.map(\.rawValue)))
    var format: String?

    @Flag(name: .long, help: "Join nested names with \".\", untie tied tensors, and leave out plain values.")
    var flatten = false

    @Flag(
        name: .long,
        help:
            "Write the weights alone, named as state_dict() does: of a module, or of a checkpoint that has them."
    )
    var stateDict = false

    @Option(
        name: .customLong("at"),
        help: ArgumentHelp("Where the state dict is, where several could be meant.", valueName: "path"))
    var stateDictPath: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write a folder of safetensors files with at most this many bytes of tensors each, such as 5GB.",
            valueName: "size"))
    var shard: String?

    @Flag(name: .long, help: "Write the attachments too, beside the file. A folder always has them.")
    var attachments = false

    @Flag(name: .long, help: "Check SHA-256 and not only checksums.")
    var verify = false

    @Flag(name: .long, help: "Overwrite a file that is there.")
    var force = false

    func validate() throws {
        if rows != nil, only.count != 1 {
            throw ValidationError("--rows needs --only with the name of one tensor")
        }
        if stateDict || stateDictPath != nil, rows != nil || shard != nil || flatten {
            throw ValidationError("--state-dict goes with neither --rows, --shard nor --flatten")
        }
    }

    func run() throws {
        var format: FileFormat?
        if let name = self.format {
            guard let known = FileFormat(name: name) else {
                let formats = FileFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError(description: "--as \(name): no such format; there are \(formats)")
            }
            format = known
        }
        var shardByteCount: Int?
        if let shard {
            guard let byteCount = ByteCount.parse(shard), byteCount > 0 else {
                throw UsageError(description: "--shard \(shard): not a size such as 500MB or 5GB")
            }
            // A folder is made: of safetensors files, unless another format is asked for, which is refused.
            if format == nil { format = .safetensors }
            shardByteCount = byteCount
        }
        let bar = ProgressBar("loading", options)
        var reference = reference
        var view: RemoteView?
        if RemoteView.isAddress(reference) {
            let fetching = ProgressBar("fetching", options)
            let opened = try RemoteView(reference, progress: fetching.handler) { manifest in
                try PathSelection(only).selects(manifest.leaves.map(\.path))
            }
            fetching.clear()
            reference = opened.reference
            view = opened
        }
        let registry = try view?.registry ?? options.openRegistry()
        var exportOptions = ExportOptions(
            format: format, patterns: only, rows: rows?.range, flattens: flatten, mayReplace: force,
            verifiesHashes: verify, shardByteCount: shardByteCount, includesAttachments: attachments)
        if stateDict || stateDictPath != nil {
            exportOptions.stateDict = stateDictPath.map { .at($0) } ?? .found
        }
        let result = try explainingFailures {
            try registry.exportFile(reference, to: output, options: exportOptions, progress: bar.handler)
        }
        bar.clear()
        if !result.omitted.isEmpty {
            options.message("note: left out, as they are no tensors: \(Output.listed(result.omitted))")
        }
        let loss = result.loss
        if !loss.metadata.isEmpty {
            options.message(
                "note: metadata left out, for which \(result.format?.rawValue ?? "a file") has no place: \(Output.listed(loss.metadata))"
            )
        }
        if !loss.types.isEmpty {
            let types = loss.types.map { ($0.key.isEmpty ? "(itself)" : $0.key) + " (\($0.value.prefix(60)))" }
            options.message(
                "note: written as bytes, as \(result.format?.rawValue ?? "a file") does not have their types: \(Output.listed(types))"
            )
        }
        if options.json {
            try JSON.print(ExportJSON(result))
        } else {
            var how =
                result.isSourceFile
                ? "the \(LoadCommand.kind(of: result)) saved, byte for byte"
                : "as \(result.format?.rawValue ?? "a file")"
            if result.files.count > 1, !result.isFolder {
                how =
                    result.isSourceFile
                    ? "the \(result.files.count) files that were saved, byte for byte"
                    : how + " in \(result.files.count) files"
            }
            if result.isFolder {
                let count = result.files.count + result.attachments.count
                how += ", \(count) \(count == 1 ? "file" : "files")"
            } else if !result.attachments.isEmpty {
                how += ", with \(Output.listed(result.attachments))"
            }
            Output.line("\(result.version.reference) -> \(result.path)  (\(how))")
        }
    }

    private static func kind(of result: ExportResult) -> String {
        if result.isFolder { return "folder that was" }
        return result.files.count + result.attachments.count > 1 && result.files.count != 1
            ? "files that were" : "file that was"
    }

    /// Adds to an error which option helps.
    private func explainingFailures<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as FileError where error.operation == .write && error.code == EEXIST {
            throw ExplainedError(error: error, explanation: "; --force overwrites it")
        } catch let error as NamedTensorsError where !flatten && error.isHelpedByFlattening {
            throw ExplainedError(error: error, explanation: ", or use --only and --flatten")
        }
    }
}
