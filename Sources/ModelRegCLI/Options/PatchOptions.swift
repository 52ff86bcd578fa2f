import ArgumentParser
import Foundations
import Glibc
import ModelReg
import RegistryJSON

/// `diff -o`: a patch instead of a report.
struct PatchOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Write a patch: what the new version has and the old one has not, for modelreg apply.",
            valueName: "file.mrpatch"),
        completion: .file(extensions: ["mrpatch"]))
    var output: String?

    @Flag(name: .long, help: "Overwrite a patch that is there.")
    var force = false

    /// Writes the patch, where one is asked for.
    ///
    /// - Returns: Whether it was.
    func write(from old: String, to new: String, _ options: GlobalOptions) throws -> Bool {
        guard let output else { return false }
        let registry = try options.openRegistry()
        let bar = ProgressBar("writing", options)
        let summary: PatchSummary
        do {
            summary = try registry.writePatch(
                from: old, to: new, path: output, mayReplace: force, progress: bar.handler)
        } catch let error as RegistryError where error.isNotFound {
            guard [old, new].contains(where: FilePresence.isFile) else { throw error }
            throw UsageError(
                description: "a patch is made of two versions of a registry; save the file first: \(error)")
        } catch let error as FileError where error.operation == .write && error.code == EEXIST {
            throw ExplainedError(error: error, explanation: "; --force overwrites it")
        }
        bar.clear()
        if options.json {
            try JSON.print(PatchJSON(summary, path: output))
        } else {
            let chunks = summary.chunkCount == 1 ? "1 chunk" : "\(summary.chunkCount) chunks"
            Output.line(
                "\(summary.base.reference) to \(summary.target.reference) -> \(output)  "
                    + "\(chunks), \(ByteCount.text(summary.newByteCount)), stored in \(ByteCount.text(summary.byteCount))"
            )
        }
        return true
    }
}

/// A patch that was written, as JSON shows it.
private struct PatchJSON: Encodable {
    let schemaVersion = 1
    let old: VersionJSON
    let new: VersionJSON
    let path: String
    let chunkCount: Int
    let deltaCount: Int
    let newByteCount: Int
    let byteCount: Int

    init(_ summary: PatchSummary, path: String) {
        old = VersionJSON(summary.base)
        new = VersionJSON(summary.target)
        self.path = path
        chunkCount = summary.chunkCount
        deltaCount = summary.deltaCount
        newByteCount = summary.newByteCount
        byteCount = summary.byteCount
    }
}
