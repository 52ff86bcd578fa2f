package import Checkpoints
import Foundation
import Foundations

/// A file that is kept beside weights, such as a configuration, by its content.
package struct AttachedFile: Sendable {
    /// SHA-256 of the bytes.
    package let id: ContentID
    /// Length of the file.
    package let byteCount: Int
    /// Reads the bytes; `nil` where they are gone.
    package let bytes: @Sendable () throws -> [UInt8]?

    /// Describes a file.
    package init(id: ContentID, byteCount: Int, bytes: @escaping @Sendable () throws -> [UInt8]?) {
        self.id = id
        self.byteCount = byteCount
        self.bytes = bytes
    }

    /// Longest file that is compared key by key. Configurations have a few kB.
    private static let maximumTreeByteCount = 4 << 20

    /// What differs between two files of one name: keys of JSON objects, or the files as wholes.
    static func changes(_ name: String, from old: AttachedFile?, to new: AttachedFile?) -> [FactChange] {
        guard old?.id != new?.id else { return [] }
        if let old, let new, name.lowercased().hasSuffix(".json"), let before = old.members(),
            let after = new.members()
        {
            let changes = Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }
            // Other white space, or keys in another order: the files differ, and no value does.
            if !changes.isEmpty {
                return changes.map { key in
                    FactChange(source: .attachment, key: "\(name)/\(key)", old: before[key], new: after[key])
                }
            }
        }
        return [FactChange(source: .attachment, key: name, old: old?.text, new: new?.text)]
    }

    private var text: String { JSONText.quoted("\(byteCount) bytes, sha256 \(id.short)") }

    /// The members of a JSON object by path, as JSON texts; `nil` for anything else.
    private func members() -> [String: String]? {
        guard byteCount <= AttachedFile.maximumTreeByteCount, let bytes = try? bytes(),
            let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        else { return nil }
        var members: [String: String] = [:]
        func add(_ object: [String: Any], below path: CheckpointPath) {
            for (key, value) in object {
                let path = path.appending(key)
                if let inner = value as? [String: Any], !inner.isEmpty {
                    add(inner, below: path)
                } else if let text = try? JSONSerialization.data(
                    withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
                {
                    members[path.text] = String(decoding: text, as: UTF8.self)
                }
            }
        }
        add(object, below: .root)
        return members
    }
}
