import ModelReg

/// A leaf of a checkpoint, as JSON shows it.
struct LeafJSON: Encodable {
    let path: String
    let kind: String
    let dtype: String?
    let shape: [Int]?
    let byteCount: Int?
    let contentId: String?
    let storage: Int?
    let value: JSONValue?

    init(_ path: CheckpointPath, _ content: Manifest.Content) {
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
