import OrderedCollections

extension Checkpoint {
    /// Number of the objects that references can name: their labels count from 0.
    package var labelCount: Int {
        switch self {
        case .list(let items), .tuple(let items): items.reduce(0) { $0 + $1.labelCount }
        case .dictionary(let dictionary): dictionary.entries.values.reduce(0) { $0 + $1.labelCount }
        case .object(let object):
            object.parts.reduce(object.form.label == nil ? 0 : 1) { $0 + $1.value.labelCount }
        case .tensor, .string, .integer, .number, .boolean, .none, .bytes, .bigInteger, .name, .reference: 0
        }
    }

    /// The checkpoint behind others that have `count` labels, with which it becomes one.
    package func shiftingLabels(by count: Int) -> Checkpoint {
        guard count > 0 else { return self }
        switch self {
        case .list(let items): return .list(items.map { $0.shiftingLabels(by: count) })
        case .tuple(let items): return .tuple(items.map { $0.shiftingLabels(by: count) })
        case .dictionary(var dictionary):
            dictionary.entries = dictionary.entries.mapValues { $0.shiftingLabels(by: count) }
            return .dictionary(dictionary)
        case .object(let object):
            let form = ObjectForm(
                name: object.form.name, construction: object.form.construction,
                label: object.form.label.map { $0 + count })
            let parts = object.parts.map { (part: $0.part, value: $0.value.shiftingLabels(by: count)) }
            return .object(CheckpointObject(form, parts: parts))
        case .reference(let label): return .reference(label + count)
        case .tensor, .string, .integer, .number, .boolean, .none, .bytes, .bigInteger, .name: return self
        }
    }
}
