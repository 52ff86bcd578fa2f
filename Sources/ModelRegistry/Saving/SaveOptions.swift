import Dispatch
import Foundations
public import OrderedCollections

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
