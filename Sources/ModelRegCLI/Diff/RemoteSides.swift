import ModelReg

/// The sides of a diff that are at a remote: fetched are the trees and the tensors that the other side has not.
struct RemoteSides {
    private(set) var old: WeightSource?
    private(set) var new: WeightSource?
    private(set) var views: [RemoteView] = []

    /// - Parameter version: A version of the registry; `nil` where a word is a file.
    init(_ oldText: String, _ newText: String, _ version: (String) throws -> WeightSource?) throws {
        let isRemote = (RemoteView.isAddress(oldText), RemoteView.isAddress(newText))
        guard isRemote.0 || isRemote.1 else { return }
        let known = (
            try RemoteSides.contents(oldText, isRemote: isRemote.0, version),
            try RemoteSides.contents(newText, isRemote: isRemote.1, version)
        )
        func fetch(_ text: String, without other: Set<ContentID>?) throws -> WeightSource {
            let view = try RemoteView(text) { manifest in
                manifest.leaves.map { leaf in
                    guard case .tensor(let tensor) = leaf.content else { return true }
                    return other?.contains(tensor.id) != true
                }
            }
            views.append(view)
            return try WeightSource(version: view.reference, of: view.registry)
        }
        if isRemote.0 { old = try fetch(oldText, without: known.1) }
        if isRemote.1 { new = try fetch(newText, without: known.0) }
    }

    /// The content ids of the tensors of a version; `nil` for a file.
    private static func contents(
        _ text: String, isRemote: Bool, _ version: (String) throws -> WeightSource?
    ) throws -> Set<ContentID>? {
        let manifest: Manifest
        if isRemote {
            let view = try RemoteView(text) { $0.leaves.map { _ in false } }
            manifest = try view.registry.manifest(of: view.reference)
        } else {
            guard let found = try version(text)?.manifest() else { return nil }
            manifest = found
        }
        return Set(
            manifest.leaves.compactMap { leaf in
                if case .tensor(let tensor) = leaf.content { tensor.id } else { nil }
            })
    }
}
