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

    /// The numbers of the leaves that are files kept as they are.
    package var opaqueLeaves: Set<Int> {
        var leaves: Set<Int> = []
        var next = 0
        func visit(_ structure: Structure) {
            switch structure {
            case _ where structure.isOpaqueFile:
                leaves.insert(next)
                next += 1
            case .tensor, .value: next += 1
            case .reference: break
            case .list(let items), .tuple(let items): for item in items { visit(item) }
            case .dictionary(let entries, _): for entry in entries { visit(entry.structure) }
            case .object(_, let parts): for part in parts { visit(part.structure) }
            }
        }
        visit(self)
        return leaves
    }
}
