import Dispatch
public import Foundations
public import OrderedCollections
public import Tensors

/// What is said about a checkpoint when it is saved.
public struct SaveOptions: Sendable {
    /// A message for people.
    public var message: String
    /// Aliases to set on the new version, which move there if they exist.
    public var aliases: [String]
    /// Metrics of the version, by name.
    public var metrics: OrderedDictionary<String, Double>
    /// Facts such as hyper-parameters: `["lr": 0.1, "optimizer": "adamw", "betas": [0.9, 0.999]]`.
    public var attributes: Attributes
    /// The version that this one was made from; `nil` for the model's latest. One of another model is what it was
    /// fine-tuned from. Where neither this nor ``mergedFrom`` is said, versions of other models that have much of
    /// its content are found; see ``Registry/lineage(of:)``.
    public var parent: String?
    /// Small files to keep with the version: file name and bytes.
    public var attachments: OrderedDictionary<String, [UInt8]>
    /// The file that the checkpoint was read from, to be given back byte for byte.
    public var sourceFile: SourceFile?
    /// Facts that the file or files carried, beside the texts of ``sourceFile``.
    public var fileFacts: Attributes = [:]

    /// The run that saves it; see ``Registry/startRun(model:name:hyperparameters:parent:resumes:environment:process:)``.
    public var run: RunID?
    /// The training step that it is saved at. Where there is a run, ``metrics`` are the run's at this step, too.
    public var step: Int?
    /// The code and machine that save it; where there is a run, usually that of the run.
    ///
    /// This process's unless it is set. That is found out while tensors are read: `git` takes its time.
    public var environment: RunEnvironment? {
        get {
            switch environmentSource {
            case .process: .current
            case .given(let environment): environment
            }
        }
        set { environmentSource = .given(newValue) }
    }

    private var environmentSource = EnvironmentSource.process

    private enum EnvironmentSource {
        case process
        case given(RunEnvironment?)
    }

    /// Begins to find out ``environment`` in the background.
    func findEnvironment() {
        guard case .process = environmentSource else { return }
        DispatchQueue.global().async { _ = RunEnvironment.current }
    }

    /// What it must not have; `nil`: anything goes.
    public var gate: HealthGate?
    /// Whether a file is saved that would run dangerous code if it were loaded with Python. It is marked then; nothing is
    /// run here in either case.
    public var allowsUnsafe = false
    /// Versions, of other models usually, that it was put together from.
    public var mergedFrom: [String] = []
    /// Whether protected aliases move, too.
    public var movesProtectedAliases = false

    /// Options with default values, except for those that are given.
    public init(
        message: String = "", aliases: [String] = [], metrics: OrderedDictionary<String, Double> = [:],
        attributes: Attributes = [:], parent: String? = nil,
        attachments: OrderedDictionary<String, [UInt8]> = [:], sourceFile: SourceFile? = nil, run: RunID? = nil,
        step: Int? = nil
    ) {
        self.run = run
        self.step = step
        self.message = message
        self.aliases = aliases
        self.metrics = metrics
        self.attributes = attributes
        self.parent = parent
        self.attachments = attachments
        self.sourceFile = sourceFile
    }
}

/// A file that a checkpoint was read from, and where in it the bytes of its storages are. Of several files that are one
/// model, all bytes one after the other.
public struct SourceFile: Sendable {
    /// The name of the file, or of the first one, without its folder.
    public let name: String
    /// The format's name, such as `safetensors`.
    public let format: String
    /// The file, or all files in order.
    public let files: [MappedFile]
    /// Storages of the checkpoint that lie in the file, or in the files one after the other, ascending and disjoint.
    public let storages: [(range: Range<Int>, storage: Storage)]
    /// Metadata that the file carried, kept as attributes.
    public let metadata: OrderedDictionary<String, String>
    /// Bytes outside of tensors that are worth keeping to give the file back; `nil` for a small part of the file.
    public var literalLimit: Int?

    /// Describes a file.
    public init(
        name: String, format: String, file: MappedFile, storages: [(range: Range<Int>, storage: Storage)],
        metadata: OrderedDictionary<String, String>
    ) {
        self.init(name: name, format: format, files: [file], storages: storages, metadata: metadata)
    }

    /// Describes several files.
    public init(
        name: String, format: String, files: [MappedFile], storages: [(range: Range<Int>, storage: Storage)],
        metadata: OrderedDictionary<String, String>
    ) {
        self.name = name
        self.format = format
        self.files = files
        self.storages = storages
        self.metadata = metadata
    }
}

extension SourceFile {
    /// The ``format`` of a file that is kept as it is, whatever it is.
    public static let opaqueFormat = "file"

    /// Bytes of all files.
    var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

    /// Copies bytes of the files as they are on the disk now.
    ///
    /// - Throws: `FileError`, `FileChangedError`.
    func copyBytes(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
        var start = 0
        for file in files {
            let part = range.clamped(to: start..<start + file.byteCount)
            if !part.isEmpty {
                let place = part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound
                try file.copyBytes(
                    part.lowerBound - start..<part.upperBound - start,
                    into: UnsafeMutableRawBufferPointer(rebasing: target[place]))
            }
            start += file.byteCount
        }
    }
}

/// What a save did.
public struct SaveResult: Sendable {
    /// The new version.
    public let version: Version
    /// An earlier version of the same model with the same content, if there is one.
    public let sameContentAs: String?
    /// Bytes of tensors that were new to the registry, before and after compression.
    public let newByteCount: Int
    /// Bytes that these take in the registry.
    public let storedByteCount: Int
    /// Whether the file that was saved can be given back byte for byte; `nil` if there was no file.
    public let keepsSourceFile: Bool?
    /// The tensors for which ``HealthGate/Action/mark`` marked it.
    public internal(set) var unhealthy: [TensorFacts] = []
}

/// How far a call has come: bytes done and to do. Called from any thread, a few hundred times at most.
public typealias ProgressHandler = @Sendable (_ done: Int, _ total: Int) -> Void
