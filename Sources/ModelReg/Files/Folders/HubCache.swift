import Foundations

/// The cache of the Hugging Face Hub, where the folder of a model is a snapshot of links to blobs.
enum HubCache {
    /// The snapshot that `refs/main` of the folder `models--org--name` names; `nil` where the folder is something else.
    static func snapshot(_ path: String) -> String? {
        let path = path.hasSuffix("/") ? path : path + "/"
        guard let text = SmallFile.text(path + "refs/main") else { return nil }
        let revision = text.split(whereSeparator: \.isWhitespace).first.map(String.init)
        guard let name = FilePath.plainName(revision), ModelFolder.isFolder("\(path)snapshots/\(name)") else {
            return nil
        }
        return "snapshots/\(name)"
    }

    /// The model's own name in the name of its folder: `name` of `models--org--name`.
    static func modelName(_ folder: String) -> String {
        guard let range = folder.ranges(of: "--").last, range.upperBound < folder.endIndex else {
            return folder
        }
        return String(folder[range.upperBound...])
    }
}
