import Checkpoints
import Foundations
import OrderedCollections
import Tensors

/// The tensors of a checkpoint for formats that hold nothing but tensors by name.
enum NamedTensors {
    /// - Parameters:
    ///   - name: What errors call the format.
    ///   - holds: Whether the format has a dtype.
    ///   - separatingTied: Whether tensors that share a storage are written each on its own.
    /// - Throws: ``NamedTensorsError`` that says what the format cannot hold, and where it is.
    static func of(
        _ checkpoint: Checkpoint, format name: String, separatingTied: Bool, holds: (DType) -> Bool
    ) throws -> OrderedDictionary<String, Tensor> {
        func error(_ problem: NamedTensorsError.Problem) -> NamedTensorsError {
            NamedTensorsError(format: name, problem: problem)
        }
        guard case .dictionary(let dictionary) = checkpoint else {
            throw error(.notDictionary(NamedTensors.kind(of: checkpoint)))
        }
        var tensors: OrderedDictionary<String, Tensor> = [:]
        var names: [ObjectIdentifier: String] = [:]
        for (key, value) in dictionary.entries {
            guard case .string(let name) = key else { throw error(.key(key)) }
            guard case .tensor(let tensor, _) = value else {
                throw error(.value(path: name, kind: NamedTensors.kind(of: value)))
            }
            guard holds(tensor.dtype) else { throw error(.dtype(path: name, tensor.dtype)) }
            let tied = names.updateValue(name, forKey: ObjectIdentifier(tensor.storage))
            if let tied, !separatingTied, tensor.storage.byteCount > 0 { throw error(.tied(tied, name)) }
            guard tensors.updateValue(tensor, forKey: name) == nil else { throw error(.sameText(name)) }
        }
        return tensors
    }

    /// What `checkpoint` is, for a message.
    static func kind(of checkpoint: Checkpoint) -> String {
        switch checkpoint {
        case .tensor: "a tensor without a name"
        case .list: "a list"
        case .tuple: "a tuple"
        case .dictionary: "a dictionary"
        case .string: "a text"
        case .integer: "a whole number"
        case .number: "a number"
        case .boolean: "a boolean"
        case .none: "none"
        case .bytes: "bytes"
        case .bigInteger: "a whole number"
        case .name: "a name"
        case .object(let object): "an object of \(printable(object.form.name.description))"
        case .reference: "a reference"
        }
    }
}
