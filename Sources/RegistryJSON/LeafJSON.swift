package import ModelReg

/// A leaf of a checkpoint, as JSON shows it.
package struct LeafJSON: Encodable {
    package let path: String
    package let kind: String
    package let dtype: String?
    package let shape: [Int]?
    package let byteCount: Int?
    let contentId: String?
    let storage: Int?
    let value: JSONValue?

    package init(_ path: CheckpointPath, _ content: Manifest.Content) {
        self.path = path.text
        switch content {
        case .tensor(let tensor):
            kind = "tensor"
            dtype = tensor.dtype.rawValue
            shape = tensor.shape
            byteCount = tensor.byteCount
            contentId = tensor.id.description
            storage = tensor.tie?.storage
            value = nil
        case .value(let plain):
            kind = plain.kindName
            dtype = nil
            shape = nil
            byteCount = nil
            contentId = nil
            storage = nil
            value = plain.json
        }
    }
}

/// An object of a checkpoint, as JSON shows it.
package struct ObjectJSON: Encodable {
    package let path: String
    let type: String

    package static func all(of structure: Structure) -> [ObjectJSON] {
        structure.objects.map { ObjectJSON(path: $0.path.text, type: $0.name.description) }
    }
}

extension Structure {
    /// The classes of the objects for people, such as `3 Linear (torch.nn.modules.linear)`; `nil` where there are none.
    package var objectsText: String? {
        var counts: OrderedDictionary<QualifiedName, Int> = [:]
        for object in objects { counts[object.name, default: 0] += 1 }
        guard !counts.isEmpty else { return nil }
        let shown = counts.prefix(ObjectJSON.shownCount).map { name, count in
            count == 1 ? name.description : "\(count) \(name.description)"
        }
        let more = counts.count - shown.count
        return shown.joined(separator: ", ") + (more > 0 ? ", and \(more) more classes" : "")
    }
}

extension ObjectJSON {
    /// Classes that people are shown.
    fileprivate static let shownCount = 8
}
