public import Tensors

extension ObjectForm {
    /// A file that is kept as it is: a ``ObjectConstruction/view`` of all its bytes, a `uint8` tensor of one axis.
    public static let opaqueFile = ObjectForm(name: .known("modelreg:file"), construction: .view)
}

extension Checkpoint {
    /// A file that is kept as it is.
    ///
    /// - Parameter bytes: All its bytes: a `uint8` tensor of one axis.
    public static func opaqueFile(_ bytes: Tensor) -> Checkpoint {
        .object(CheckpointObject(.opaqueFile, parts: [(.value, .tensor(bytes))]))
    }
}

extension Structure {
    /// Whether this is a file that is kept as it is; see ``ObjectForm/opaqueFile``.
    public var isOpaqueFile: Bool {
        self == .object(.opaqueFile, parts: [Part(part: .value, structure: .tensor)])
    }
}
