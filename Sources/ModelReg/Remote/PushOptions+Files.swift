import Formats
import Foundations
public import ModelRegistry
import Remotes

extension PushOptions {
    /// The same options, with which a version is at the remote as plain files, too.
    ///
    /// Its weights are a safetensors file there, beside its attachments, under a manifest by the CNCF ModelPack specification, so
    /// that `oras pull` and others get files. They are there once: the version's chunks lie in the same blob.
    public var withFiles: PushOptions {
        var options = self
        options.files = { registry, version in try registry.publishedFiles(of: version) }
        return options
    }
}

extension Registry {
    /// Writes a version to a temporary folder, and maps what is there.
    ///
    /// The files are gone from the folder when this returns: who holds the maps has the bytes.
    fileprivate func publishedFiles(of version: Version) throws -> [PublishedFile] {
        let folder = try ScratchFolder()
        try exportPlainFiles(of: version, to: folder.path)
        return try folder.files().map { path in
            let file = try MappedFile(path: "\(folder.path)/\(path)")
            let ranges =
                path.hasSuffix(".safetensors")
                ? try file.withUnsafeBytes { try SafetensorsFile.tensorRanges(in: $0) } : []
            return PublishedFile(
                path: path, kind: PublishedFile.kind(ofPath: path), bytes: BlobBytes(file), tensorRanges: ranges
            )
        }
    }

    private func exportPlainFiles(of version: Version, to folder: String) throws {
        let source = try details(of: version).sourceFile
        var options = ExportOptions(format: .safetensors, verifiesHashes: true, includesAttachments: true)
        if try isFolder(version) {
            options.format = nil
            try exportFile(version.reference, to: "\(folder)/", options: options)
            return
        }
        let own = FilePath.plainName(source?.name).flatMap { $0.hasSuffix(".safetensors") ? $0 : nil }
        let path = "\(folder)/\(own ?? "model.safetensors")"
        do {
            try exportFile(version.reference, to: path, options: options)
        } catch is NamedTensorsError {
            // Not a flat dictionary of tensors: the state dict within it, as PyTorch would name it.
            options.stateDict = .found
            try exportFile(version.reference, to: path, options: options)
        }
    }
}
