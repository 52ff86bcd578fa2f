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
    /// A plain value.
    case value(PlainValue)
    /// An object.
    case object(ObjectForm, parts: [(part: ObjectPart, value: CheckpointOutline)])
    /// An object that is elsewhere, by its label.
    case reference(Int)
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
            case .object(let object):
                return .object(object.form, parts: object.parts.map { ($0.part, outline($0.value)) })
            case .reference(let label): return .reference(label)
            case .string(let text): return .value(.string(text))
            case .integer(let integer): return .value(.integer(integer))
            case .number(let number): return .value(.number(bits: number.bitPattern))
            case .boolean(let flag): return .value(.boolean(flag))
            case .none: return .value(.none)
            case .bytes(let bytes): return .value(.bytes(bytes))
            case .bigInteger(let number): return .value(.bigInteger(number))
            case .name(let name): return .value(.name(name))
            }
        }
        return (outline(checkpoint), storages)
    }
}

extension CheckpointOutline {
    /// The values of `tree`.
    init(_ tree: PlainTree) {
        switch tree {
        case .value(let value): self = .value(value)
        case .list(let items): self = .list(items.map(CheckpointOutline.init))
        case .tuple(let items): self = .tuple(items.map(CheckpointOutline.init))
        case .dictionary(let entries, let kind):
            self = .dictionary(entries.map { (key: $0.key, value: CheckpointOutline($0.value)) }, kind: kind)
        }
    }
}
