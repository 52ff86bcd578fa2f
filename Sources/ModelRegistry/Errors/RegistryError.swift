public import Checkpoints
import Foundations

/// Why a registry could not do what it was asked. After any of these it is as it was before.
public enum RegistryError: Error, Equatable {
    /// There is no registry file at the path, and the call does not make one.
    case noRegistry(path: String)
    /// The file at the path is something else.
    case notARegistry(path: String)
    /// A later version of modelreg has changed the file's schema.
    case newerRegistry(path: String)
    /// Another process held the registry for longer than the caller would wait.
    case busy(path: String, waitedSeconds: Double)
    /// The registry file or its folder cannot be written.
    case readOnly(path: String)
    /// The registry was closed before.
    case closed(path: String)
    /// The file could not be read or written, or the disk is full. `code` is SQLite's extended result code.
    case inputOutput(path: String, message: String, code: Int)

    /// Not a model's name.
    case badModelName(String)
    /// Not an alias.
    case badAlias(String)
    /// An alias that already means something: `latest`, `v3`.
    case reservedAlias(String)
    /// Not a reference to a version.
    case badReference(String)
    /// The value of an attribute is not JSON.
    case badAttribute(json: String)

    /// No model of this name; perhaps another was meant.
    case noModel(String, suggestion: String?)
    /// No such version; `latest` is the highest number, or `nil` if all versions are deleted.
    case noVersion(model: String, number: Int, latest: Int?)
    /// The model's versions are all deleted.
    case noVersions(model: String)
    /// Not that many versions before the one named.
    case noEarlierVersion(reference: String)
    /// No such alias; perhaps another was meant.
    case noAlias(model: String, alias: String, suggestion: String?)
    /// The version was deleted while it was being read.
    case deletedMeanwhile(version: String)
    /// The version has another content id than the reference demands.
    case contentMismatch(reference: String, found: ContentID)
    /// A protected alias would be moved or removed.
    case protectedAlias(model: String, alias: String)
    /// A version that an alias names would be deleted.
    case aliased(model: String, number: Int, aliases: [String])

    /// Not a run's name.
    case badRunName(String)
    /// No such run; perhaps another was meant.
    case noRun(String, suggestion: String?)
    /// Several models have a run of this name.
    case ambiguousRun(String, candidates: [String])
    /// A run of this name is there, and was not to be resumed.
    case runExists(String)
    /// A run would be resumed while another process is at it.
    case runIsRunning(String, process: Int)
    /// A step of training is negative.
    case badStep(Int)

    /// The file at the path, or else tensors in memory, changed while they were being saved.
    case changedWhileSaving(path: String?)
    /// Tensors do what a gate forbids; see ``HealthGate``.
    case gated(condition: String, [TensorFacts])
    /// The version to bring back is not deleted.
    case notDeleted(String)
    /// There is no deleted version of this number: `gc` has removed it, or it never was.
    case noDeletedVersion(model: String, number: Int)
    /// A reference that does not name a deleted version: aliases and `latest` are of living ones.
    case badDeletedReference(String)

    /// A registry would be merged into itself, or written over by what is taken out of it.
    case sameRegistry(path: String)
    /// The registry that is merged is damaged. What has come in by then is whole.
    case mergeSource(path: String, Damage)

    /// Tensors that are asked for were dropped to save space; `whole` are the keys at the top that lost none.
    case thinned(version: String, paths: [String], whole: [String])
    /// The rules leave a version without any tensor.
    case nothingLeft(version: String)
    /// The value at a path is no tensor.
    case noTensor(version: String, path: String)
    /// A tensor does not have these rows.
    case badRows(path: String, rows: Range<Int>, shape: [Int])

    /// Stored data is not what it claims to be.
    case damaged(Damage)
}

extension RegistryError {
    /// Where stored data is damaged, as far as it is known, and how.
    public struct Damage: Error, Hashable, Sendable {
        /// The version that was read.
        public var version: String?
        /// The path of the tensor that was read.
        public var path: String?
        /// The chunk's content id.
        public var chunk: ContentID?
        /// What is wrong.
        public let problem: String

        /// Describes a damage.
        public init(version: String? = nil, path: String? = nil, chunk: ContentID? = nil, problem: String) {
            self.version = version
            self.path = path
            self.chunk = chunk
            self.problem = problem
        }
    }
}

extension RegistryError.Damage: CustomStringConvertible {
    /// Such as `mlp:v3, "hidden.weight", chunk 3f9a…: checksum does not match`.
    public var description: String {
        var place: [String] = []
        if let version { place.append(version) }
        if let path { place.append(quoted(path)) }
        if let chunk { place.append("chunk \(chunk.short)…") }
        // Names and problems may hold what a row does.
        return printable((place.isEmpty ? "" : place.joined(separator: ", ") + ": ") + problem)
    }
}

extension RegistryError: CustomStringConvertible {
    /// One line, lower case, with what to do where there is something to do.
    public var description: String { printable(sentence) }

    private var sentence: String {
        switch self {
        case .noRegistry(let path):
            "no registry at \(quoted(path)); `modelreg save` makes one, --registry or MODELREG_REGISTRY names another"
        case .notARegistry(let path): "\(quoted(path)) is not a modelreg registry"
        case .newerRegistry(let path):
            "\(quoted(path)) was written by a newer version of modelreg; please upgrade"
        case .busy(let path, let seconds):
            "\(quoted(path)) is in use by another process; waited \(seconds.formatted) s (--wait waits longer)"
        case .readOnly(let path): "\(quoted(path)) cannot be written"
        case .closed(let path): "\(quoted(path)) was closed"
        case .inputOutput(let path, let message, _): "\(quoted(path)): \(message)"
        case .badModelName(let name):
            "\(quoted(name)) is not a model name: letters, digits, \".\", \"_\", \"-\", parts joined by \"/\", "
                + "at most \(Names.maximumModelByteCount) bytes"
        case .badAlias(let name):
            "\(quoted(name)) is not an alias: letters, digits, \".\", \"_\", \"-\", at most 128 bytes"
        case .reservedAlias(let name): "\(quoted(name)) cannot be an alias: it already names a version"
        case .badReference(let text):
            "\(quoted(text)) does not name a version: name[:v3|:latest|:alias][~n][@sha256:digits]"
        case .badAttribute(let json):
            "value of an attribute is not JSON: \(quoted(String(json.prefix(80))))"
        case .noModel(let name, let suggestion): "no model \(quoted(name))" + RegistryError.question(suggestion)
        case .noVersion(let model, let number, let latest):
            "no version \(number) of \(quoted(model))" + (latest.map { "; the latest is \($0)" } ?? "")
        case .noVersions(let model): "\(quoted(model)) has no versions: none was saved, or all are deleted"
        case .noEarlierVersion(let reference): "no version that much earlier: \(quoted(reference))"
        case .noAlias(let model, let alias, let suggestion):
            "no alias \(quoted(alias)) of \(quoted(model))" + RegistryError.question(suggestion)
        case .deletedMeanwhile(let version): "\(version) was deleted while it was being read"
        case .contentMismatch(let reference, let found): "\(quoted(reference)) has another content id: \(found)"
        case .protectedAlias(let model, let alias):
            "alias \(quoted(alias)) of \(quoted(model)) is protected; --force moves or removes it all the same"
        case .aliased(let model, let number, let aliases):
            "\(model):v\(number) is named by \(aliases.map(quoted).joined(separator: ", ")); "
                + "remove the alias first, or use --force"
        case .badRunName(let name):
            "\(quoted(name)) is not a run's name: letters, digits, \".\", \"_\", \"-\", at most 128 bytes"
        case .noRun(let name, let suggestion): "no run \(quoted(name))" + RegistryError.question(suggestion)
        case .ambiguousRun(let name, let candidates):
            "several models have a run \(quoted(name)): \(candidates.prefix(5).joined(separator: ", "))"
        case .runExists(let name):
            "there is a run \(quoted(name)) already; resume it (--resume), or choose another name"
        case .runIsRunning(let name, let process):
            "run \(quoted(name)) is still going on, in process \(process)"
        case .badStep(let step): "step \(step) is negative"
        case .changedWhileSaving(let path):
            "\(path.map(quoted) ?? "a tensor") changed while it was being saved; nothing was saved"
        case .gated(let condition, let tensors):
            "not saved: \(condition) holds for "
                + tensors.prefix(3).map { "\(quoted($0.path)) (\($0.text))" }.joined(separator: ", ")
                + (tensors.count > 3 ? " and \(tensors.count - 3) more tensors" : "")
        case .notDeleted(let reference): "\(reference) is not deleted"
        case .noDeletedVersion(let model, let number):
            "no deleted version \(number) of \(quoted(model)): gc has removed it, or it never was"
        case .badDeletedReference(let text):
            "\(quoted(text)) does not name a deleted version: write its number, as in mlp:v3"
        case .sameRegistry(let path): "\(quoted(path)) is the registry itself"
        case .mergeSource(let path, let damage):
            "\(quoted(path)) is damaged: \(damage); what was merged so far is whole"
        case .thinned(let version, let paths, let whole):
            "\(version) was thinned and has no \(quoted(paths[0])) any more"
                + (paths.count > 1 ? ", nor \(paths.count - 1) other tensors" : "")
                + (whole.isEmpty ? "" : "; `load \(version) --only \(whole[0])` loads what is there")
        case .nothingLeft(let version): "\(version) would be left without any tensor; drop less of it"
        case .noTensor(let version, let path): "\"\(path)\" of \(version) is no tensor"
        case .badRows(let path, let rows, let shape):
            "rows \(rows.lowerBound):\(rows.upperBound) of \"\(path)\": its shape is \(shape)"
        case .damaged(let damage):
            "\(damage): the registry is damaged; `modelreg verify` lists the affected versions"
        }
    }

    private static func question(_ suggestion: String?) -> String {
        suggestion.map { " (did you mean \(quoted($0))?)" } ?? ""
    }
}

extension Double {
    /// Without a fraction where there is none: `5`, `0.5`.
    fileprivate var formatted: String {
        self == rounded() && abs(self) < 1e15 ? "\(Int(self))" : "\(self)"
    }
}
