import OrderedCollections

/// Plain values in lists, tuples and dictionaries, without tensors and objects.
///
/// The attributes of a dictionary are one, such as `_metadata` of a state dict. It is a part of the structure, and has no
/// leaves and no paths.
public indirect enum PlainTree: Hashable, Sendable {
    /// A plain value.
    case value(PlainValue)
    /// A list.
    case list([PlainTree])
    /// A tuple.
    case tuple([PlainTree])
    /// A dictionary, in order.
    case dictionary([Entry], kind: CheckpointDictionary.Kind)

    /// A key and what is at it.
    public struct Entry: Hashable, Sendable {
        /// The key.
        public let key: CheckpointKey
        /// What is at the key.
        public let value: PlainTree

        /// Pairs a key with what is at it.
        public init(key: CheckpointKey, value: PlainTree) {
            self.key = key
            self.value = value
        }
    }
}

extension PlainTree {
    /// The values of `checkpoint`; `nil` where tensors, objects or references are among them.
    ///
    /// - Precondition: Containers are nested no deeper than ``Checkpoint/maximumDepth``.
    public init?(_ checkpoint: Checkpoint) {
        switch checkpoint {
        case .list(let items):
            guard let trees = PlainTree.trees(items) else { return nil }
            self = .list(trees)
        case .tuple(let items):
            guard let trees = PlainTree.trees(items) else { return nil }
            self = .tuple(trees)
        case .dictionary(let dictionary):
            var entries: [Entry] = []
            entries.reserveCapacity(dictionary.entries.count)
            for (key, value) in dictionary.entries {
                guard let tree = PlainTree(value) else { return nil }
                entries.append(Entry(key: key, value: tree))
            }
            self = .dictionary(entries, kind: dictionary.kind)
        case .string(let text): self = .value(.string(text))
        case .integer(let number): self = .value(.integer(number))
        case .number(let number): self = .value(.number(bits: number.bitPattern))
        case .boolean(let flag): self = .value(.boolean(flag))
        case .none: self = .value(.none)
        case .bytes(let bytes): self = .value(.bytes(bytes))
        case .bigInteger(let number): self = .value(.bigInteger(number))
        case .name(let name): self = .value(.name(name))
        case .tensor, .object, .reference: return nil
        }
    }

    private static func trees(_ items: [Checkpoint]) -> [PlainTree]? {
        var trees: [PlainTree] = []
        trees.reserveCapacity(items.count)
        for item in items {
            guard let tree = PlainTree(item) else { return nil }
            trees.append(tree)
        }
        return trees
    }
}
