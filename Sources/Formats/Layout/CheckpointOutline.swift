package import Checkpoints
package import Tensors

/// A checkpoint whose tensors are described, not there: what a writer needs to know before it has the bytes.
package indirect enum CheckpointOutline: Sendable {
    /// A tensor, as a view of one of the storages that are written beside the outline. Tensors with the same
    /// `object` are one, where they also have the same role; `nil` for one of its own.
    case tensor(TensorLayout<Int>, role: TensorRole = .unspecified, object: Int? = nil)
    /// A list.
    case list([CheckpointOutline])
    /// A tuple.
    case tuple([CheckpointOutline])
    /// A dictionary: its entries in order, with the Python type it has.
    case dictionary([(key: CheckpointKey, value: CheckpointOutline)], kind: CheckpointDictionary.Kind)
    /// A text.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// A floating-point number.
    case number(Double)
    /// True or false.
    case boolean(Bool)
    /// Nothing.
    case none
}

extension CheckpointOutline {
    /// The outline of `checkpoint`, with the storages of its tensors in the order in which they first appear.
    package static func of(_ checkpoint: Checkpoint) -> (outline: CheckpointOutline, storages: [Storage]) {
        var storages: [Storage] = []
        var storageNumbers: [ObjectIdentifier: Int] = [:]
        var objectNumbers: [ObjectIdentifier: Int] = [:]

        func outline(_ value: Checkpoint) -> CheckpointOutline {
            switch value {
            case .tensor(let tensor, let role):
                let fresh = storages.count
                let number = storageNumbers[ObjectIdentifier(tensor.storage), default: fresh]
                if number == fresh {
                    storageNumbers[ObjectIdentifier(tensor.storage)] = fresh
                    storages.append(tensor.storage)
                }
                let object = objectNumbers[ObjectIdentifier(tensor), default: objectNumbers.count]
                objectNumbers[ObjectIdentifier(tensor)] = object
                return .tensor(tensor.layout.moved(to: number), role: role, object: object)
            case .list(let elements): return .list(elements.map(outline))
            case .tuple(let elements): return .tuple(elements.map(outline))
            case .dictionary(let dictionary):
                return .dictionary(
                    dictionary.entries.map { (key: $0.key, value: outline($0.value)) }, kind: dictionary.kind)
            case .string(let text): return .string(text)
            case .integer(let integer): return .integer(integer)
            case .number(let number): return .number(number)
            case .boolean(let flag): return .boolean(flag)
            case .none: return .none
            }
        }
        return (outline(checkpoint), storages)
    }
}
