import Checkpoints
import Formats
import Foundations
import Glibc
import ModelRegistry
import OrderedCollections

/// The folder of a model, or the files that an index names, read as one version with all that is in it.
struct ModelFolder {
    /// What the folder is called.
    let name: String
    let reader: FolderReader
    let contents: FolderCheckpoint
    /// Names of what is left out, for people.
    let omitted: [String]
    /// What a user should know, one line each.
    let notes: [String]

    /// Whether there is a folder at `path`.
    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Reads all files of the folder at `path`, but for those that match one of `patterns`.
    ///
    /// - Throws: ``ModelFolderError``, ``BadFile``, `FileError`, `FileChangedError`.
    init(_ path: String, excluding patterns: [String]) throws {
        let snapshot = HubCache.snapshot(path)
        let root = snapshot.map { "\(path)/\($0)" } ?? path
        let files = try FolderContents(root, excluding: patterns)
        guard !files.files.isEmpty else { throw ModelFolderError.empty }
        var notes: [String] = []
        if let snapshot {
            notes.append(
                "the folder is a cache of the Hub; what is saved is \(printable(snapshot, limit: 200))")
        }
        let name = ModelFolder.name(path)
        try self.init(
            snapshot == nil ? name : HubCache.modelName(name), files.files, omitted: files.omitted, notes: notes
        )
    }

    /// Reads the index at `path` and the files that it names, and nothing else beside them.
    ///
    /// - Throws: ``ShardedSafetensorsError`` where they contradict each other, `FileError` where one is not there.
    init(indexPath path: String) throws {
        let model = try ShardedSafetensors.read(indexPath: path)
        let (folder, name) = FilePath.split(path)
        let names = [name] + model.shardNames.filter { $0 != name }
        let byteCounts = [model.index.byteCount] + model.shards.map(\.file.byteCount)
        let files = zip(names, byteCounts).map {
            FolderContents.File(name: $0, path: folder + $0, byteCount: $1)
        }
        try self.init(
            ModelFolder.name(folder), files.sorted { RelativeName.precedes($0.name, $1.name) }, omitted: [],
            notes: [])
    }

    private init(_ name: String, _ files: [FolderContents.File], omitted: [String], notes: [String]) throws {
        self.name = name
        self.omitted = omitted
        reader = try FolderReader(files)
        contents = try FolderCheckpoint(reader)
        self.notes = notes + reader.notes + contents.notes
    }

    /// What the folder at `path` is called, which may be the current one.
    private static func name(_ path: String) -> String {
        if let name = FilePath.plainName(FilePath.name(path)) { return name }
        guard let resolved = realpath(path, nil) else { return FilePath.name(path) }
        defer { free(resolved) }
        return FilePath.plainName(FilePath.name(String(cString: resolved))) ?? "folder"
    }

    /// What is kept so that all files but the attachments come back byte for byte.
    var sourceFile: SourceFile {
        var source = SourceFile(
            folder: name, files: reader.members.map { ($0.name, $0.file, $0.storages) },
            metadata: contents.weights.first?.source?.metadata ?? [:])
        // The reader has counted them, file by file.
        source.literalLimit = .max
        return source
    }
}
