package import ModelReg

/// What something takes, as JSON shows it.
package struct UseJSON: Encodable {
    let byteCount: Int
    let storedByteCount: Int
    let uniqueByteCount: Int
    let sharedByteCount: Int

    package init(_ use: StorageUse) {
        byteCount = use.byteCount
        storedByteCount = use.storedByteCount
        uniqueByteCount = use.uniqueByteCount
        sharedByteCount = use.sharedByteCount
    }
}

/// What the file and its models take, as JSON shows it.
package struct FileUseJSON: Encodable {
    package struct Model: Encodable {
        let name: String
        let versionCount: Int
        let use: UseJSON
    }

    let byteCount: Int
    let storedByteCount: Int
    let freeByteCount: Int
    let models: [Model]

    package init(_ file: FileStorageUse, _ models: [ModelStorageUse]) {
        byteCount = file.byteCount
        storedByteCount = file.storedByteCount
        freeByteCount = file.freeByteCount
        self.models = models.map {
            Model(name: $0.model, versionCount: $0.versionCount, use: UseJSON($0.use))
        }
    }
}

/// What a version takes, as JSON shows it.
package struct VersionUseJSON: Encodable {
    let reference: String
    let use: UseJSON

    package init(_ version: VersionStorageUse) {
        reference = version.reference
        use = UseJSON(version.use)
    }
}

/// What the tensors of a version take, as JSON shows it.
package struct TensorsUseJSON: Encodable {
    package struct Tensor: Encodable {
        let path: String
        let use: UseJSON
        let depth: Int
        let users: [String]
        let dependants: [String]
    }

    let reference: String
    let freedByteCount: Int
    let tensors: [Tensor]

    package init(reference: String, freedByteCount: Int, _ tensors: [TensorStorageUse]) {
        self.reference = reference
        self.freedByteCount = freedByteCount
        self.tensors = tensors.map { tensor in
            Tensor(
                path: tensor.path.text, use: UseJSON(tensor.use), depth: tensor.depth,
                users: tensor.users, dependants: tensor.dependants)
        }
    }
}
