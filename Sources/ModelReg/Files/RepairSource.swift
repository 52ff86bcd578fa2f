import Foundations
import Glibc
public import ModelRegistry

/// A registry, or a checkpoint file, from which a damaged registry takes what it has lost. It is only read.
public struct RepairSource {
    fileprivate enum Content {
        case registry(Registry)
        case model(ModelSource)
    }

    fileprivate let content: Content

    /// Opens a registry, or reads the head of a checkpoint file or of the folder of a model.
    ///
    /// - Parameter waitSeconds: How long to wait for other processes that write to the registry.
    /// - Throws: ``RegistryError``, ``FileError``, ``FormatError`` for what is none of these.
    public static func read(
        _ path: String, waitSeconds: Double = Registry.defaultWaitSeconds
    ) throws -> RepairSource {
        let mark = "SQLite format 3\0"
        // Where the file cannot be read, whoever reads it next says so.
        if SmallFile.text(path)?.utf8.starts(with: mark.utf8) == true {
            return RepairSource(
                content: .registry(
                    try Registry(path: path, create: false, isReadOnly: true, waitSeconds: waitSeconds)))
        }
        return RepairSource(content: .model(try ModelSource.read(path)))
    }
}

extension Registry {
    /// Puts right what can be put right, with chunks from other registries, and from checkpoint files that hold the same
    /// tensors; see ``Registry/repair(from:progress:)``.
    ///
    /// A file is saved to a temporary registry beside this one, where something is missing; it is removed at the end.
    ///
    /// - Throws: ``RegistryError``, ``FileError``.
    public func repair(from sources: [RepairSource], progress: ProgressHandler? = nil) throws -> RepairReport {
        for case .registry(let registry) in sources.map(\.content)
        where FileIdentity.isSame(path, registry.path) {
            throw RegistryError.sameRegistry(path: path)
        }
        let opened = sources.map { OpenedSource($0.content, beside: path) }
        defer { for source in opened { source.remove() } }
        return try repair(supplies: opened.map { source in source.registry }, progress: progress)
    }
}

/// A source as a registry: a file becomes one when it is asked for.
private final class OpenedSource {
    private let content: RepairSource.Content
    private let path: String
    private var file: TemporarySibling?
    private var temporary: Registry?

    /// - Parameter path: The registry beside which there is space.
    init(_ content: RepairSource.Content, beside path: String) {
        self.content = content
        self.path = path
    }

    func registry() throws -> Registry {
        switch content {
        case .registry(let registry): return registry
        case .model(let source):
            if let temporary { return temporary }
            let registry = try make()
            temporary = registry
            try registry.saveModel(source, as: "file")
            return registry
        }
    }

    private func make() throws -> Registry {
        if path == ":memory:" { return try Registry.inMemory() }
        let file = try TemporarySibling(of: path)
        self.file = file
        return try Registry(path: file.path, packsInBackground: false)
    }

    func remove() {
        try? temporary?.close()
        guard let file else { return }
        unlink(file.path + "-journal")
        file.remove()
    }
}
