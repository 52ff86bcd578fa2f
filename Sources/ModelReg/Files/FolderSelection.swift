import Checkpoints
import Foundations
import ModelRegistry
import OrderedCollections

/// The files of a folder that patterns of paths name as a whole.
struct FolderSelection {
    /// Positions among the files that are no attachments.
    let files: [Int]
    /// Names of attachments.
    let attachments: [String]

    /// - Parameter paths: Those of all leaves of the version.
    /// - Returns: `nil` where the patterns name none, or some leaves that are not below these names: tensors are meant then.
    init?(_ patterns: [String], files: [String], attachments: [String], paths: [CheckpointPath]) {
        func selected(_ paths: [CheckpointPath]) -> [Int] {
            guard let flags = try? PathSelection(patterns).selects(paths) else { return [] }
            return flags.indices.filter { flags[$0] }
        }
        func path(_ name: String) -> CheckpointPath {
            name.split(separator: "/").reduce(CheckpointPath.root) { $0.appending(String($1)) }
        }
        let filePaths = files.map(path)
        // The only set of weights has the names in it, and not its own.
        var owners: [Int: Int] = [:]
        let byText = Dictionary(filePaths.enumerated().map { (Array($1.text.utf8), $0) }) { first, _ in first }
        for (leaf, path) in paths.enumerated() {
            let text = Array(path.text.utf8)
            let ends = text.indices.filter { text[$0] == UInt8(ascii: "/") } + [text.count]
            owners[leaf] = ends.lazy.compactMap { byText[Array(text[..<$0])] }.first
        }
        let named = Set(selected(filePaths)).intersection(owners.values)
        let leaves = selected(paths)
        guard leaves.allSatisfy({ owners[$0].map(named.contains) ?? false }) else { return nil }
        self.files = named.sorted()
        self.attachments = selected(attachments.map(path)).map { attachments[$0] }
        if self.files.isEmpty, self.attachments.isEmpty { return nil }
    }
}
