public import Foundations
import OrderedCollections
public import Tensors

/// A type that is saved as a checkpoint and loaded from one.
public protocol CheckpointConvertible {
    /// The value as a checkpoint. Tensors are references, not copies.
    var checkpoint: Checkpoint { get }

    /// The value that `checkpoint` is.
    ///
    /// - Throws: ``CheckpointTypeError`` when it is something else.
    init(checkpoint: Checkpoint) throws
}

/// A loaded checkpoint is not of the type asked for.
public struct CheckpointTypeError: Error, Equatable, CustomStringConvertible {
    /// What was asked for.
    public let expected: String
    /// What the checkpoint is.
    public let found: String

    /// Such as `checkpoint is a dictionary, not a tensor`.
    public var description: String { "checkpoint is \(found), not \(expected)" }

    init(expected: String, found: Checkpoint) {
        self.expected = expected
        self.found = found.typeName
    }
}

extension Checkpoint {
    fileprivate var typeName: String {
        switch self {
        case .tensor: "a tensor"
        case .list: "a list"
        case .tuple: "a tuple"
        case .dictionary: "a dictionary"
        case .string: "a string"
        case .integer: "an integer"
        case .number: "a number"
        case .boolean: "a boolean"
        case .none: "none"
        case .bytes: "bytes"
        case .bigInteger: "an integer"
        case .name: "a name"
        case .object(let object): "an object of \(printable(object.form.name.description))"
        case .reference: "a reference"
        }
    }

    /// The tensor that this is.
    ///
    /// - Throws: ``CheckpointTypeError``.
    public func tensor() throws(CheckpointTypeError) -> Tensor {
        guard case .tensor(let tensor, _) = self else {
            throw CheckpointTypeError(expected: "a tensor", found: self)
        }
        return tensor
    }
}

extension Checkpoint: CheckpointConvertible {
    /// The checkpoint itself.
    public var checkpoint: Checkpoint { self }

    /// The checkpoint itself.
    public init(checkpoint: Checkpoint) { self = checkpoint }
}

extension Array: CheckpointConvertible where Element == Tensor {
    /// A list of tensors.
    public var checkpoint: Checkpoint { .list(map { .tensor($0) }) }

    /// The tensors of a list or tuple.
    public init(checkpoint: Checkpoint) throws {
        switch checkpoint {
        case .list(let items), .tuple(let items): self = try items.map { try $0.tensor() }
        default: throw CheckpointTypeError(expected: "a list of tensors", found: checkpoint)
        }
    }
}

extension StateDict: CheckpointConvertible {
    /// A dictionary of tensors, as PyTorch's `state_dict()` is: an ordered dictionary.
    public var checkpoint: Checkpoint {
        var dictionary = CheckpointDictionary(kind: .ordered)
        for (name, tensor) in self { dictionary[name] = .tensor(tensor) }
        return .dictionary(dictionary)
    }

    /// The tensors of a flat dictionary with text keys, or the state dict that is found in the checkpoint.
    ///
    /// - Throws: ``CheckpointTypeError``, ``StateDictError``.
    public init(checkpoint: Checkpoint) throws {
        try self.init(checkpoint: checkpoint, at: nil)
    }

    /// The state dict at a path of the checkpoint, such as `model`; see ``StateDictSearch``.
    ///
    /// - Parameter path: `nil` to find it.
    /// - Throws: ``CheckpointTypeError``, ``StateDictError``.
    public init(checkpoint: Checkpoint, at path: String?) throws {
        self.init()
        switch checkpoint {
        case .dictionary(let dictionary) where path == nil && dictionary.entries.isEmpty: return
        case .dictionary, .object: break
        default: throw CheckpointTypeError(expected: "a dictionary of tensors", found: checkpoint)
        }
        let (structure, leaves) = try checkpoint.disassembled()
        let search = try StateDictSearch(structure, at: path) { leaf in
            if case .value(let value) = leaves[leaf] { value } else { nil }
        }
        for entry in search.entries {
            guard let tensor = leaves[entry.leaf].tensor else { continue }
            // Different keys of a checkpoint, but one name in Swift.
            guard tensors.updateValue(tensor, forKey: entry.name) == nil else {
                throw CheckpointTypeError(
                    expected: "one of names that all look different (\(JSONText.quoted(entry.name)))",
                    found: checkpoint)
            }
        }
    }
}

extension Dictionary: CheckpointConvertible where Key == String, Value == Tensor {
    /// A dictionary of tensors, ordered by name.
    public var checkpoint: Checkpoint {
        var dictionary = CheckpointDictionary()
        for (name, tensor) in sorted(by: { $0.key < $1.key }) { dictionary[name] = .tensor(tensor) }
        return .dictionary(dictionary)
    }

    /// The tensors of a flat dictionary with text keys.
    public init(checkpoint: Checkpoint) throws {
        self = Dictionary(uniqueKeysWithValues: try checkpoint.namedTensors())
    }
}

extension Checkpoint {
    fileprivate func namedTensors() throws(CheckpointTypeError) -> [(String, Tensor)] {
        guard case .dictionary(let dictionary) = self else {
            throw CheckpointTypeError(expected: "a dictionary of tensors", found: self)
        }
        var tensors: [(String, Tensor)] = []
        var names: Set<String> = []
        for (key, value) in dictionary.entries {
            guard case .string(let name) = key, case .tensor(let tensor, _) = value else {
                throw CheckpointTypeError(expected: "a dictionary of tensors by name", found: self)
            }
            // Different keys of a checkpoint, but one name in Swift.
            guard names.insert(name).inserted else {
                throw CheckpointTypeError(
                    expected: "one of names that all look different (\(JSONText.quoted(name)))", found: self)
            }
            tensors.append((name, tensor))
        }
        return tensors
    }
}

extension Tensor: CheckpointConvertible {
    /// The tensor alone.
    public var checkpoint: Checkpoint { .tensor(self) }

    /// A tensor with the storage of the one that `checkpoint` is.
    public convenience init(checkpoint: Checkpoint) throws {
        let tensor = try checkpoint.tensor()
        try self.init(
            storage: tensor.storage, dtype: tensor.dtype, shape: tensor.shape, strides: tensor.strides,
            offset: tensor.offset)
    }
}

extension CheckpointTypeError: CategorisedError {
    /// A checkpoint asked for as what it is not.
    public var category: ErrorCategory { .usage }
}
