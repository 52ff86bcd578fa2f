import Checkpoints
import Formats
import Foundations
import OrderedCollections

/// The checkpoint that the files of a folder make together.
///
/// Where one set of weights has all tensors, its names are as if it were alone, and other files are further entries of its
/// dictionary, by their names. Otherwise each is an entry of a dictionary, and folders are dictionaries in it.
struct FolderCheckpoint {
    let checkpoint: Checkpoint

    /// The files of the only set of weights; empty where there are several, or none.
    let weights: [FolderReader.Member]

    /// Lines for users: indices that do not fit their files.
    private(set) var notes: [String] = []

    /// A file, or several with one index, under the name that it has in a dictionary.
    private struct Entry {
        let name: String
        let checkpoint: Checkpoint
        let members: [FolderReader.Member]

        var hasTensors: Bool { members.contains { $0.hasTensors } }
    }

    /// - Throws: ``ModelFolderError/missingShard(_:index:)``.
    init(_ reader: FolderReader) throws {
        var entries: [Entry] = []
        var members = OrderedDictionary(uniqueKeysWithValues: reader.members.map { (Key($0.name), $0) })
        for index in reader.indices {
            guard let set = try FolderCheckpoint.set(index, &members, &notes) else { continue }
            entries.append(set)
        }
        entries += members.values.map { Entry(name: $0.name, checkpoint: $0.checkpoint, members: [$0]) }
        entries.sort { RelativeName.precedes($0.name, $1.name) }

        let sets = entries.filter(\.hasTensors)
        if sets.count == 1, let whole = FolderCheckpoint.joined(sets[0], entries.filter { !$0.hasTensors }) {
            checkpoint = whole
            weights = sets[0].members
        } else {
            checkpoint = .dictionary(FolderCheckpoint.nested(entries))
            weights = []
        }
    }

    /// The files that an index names, taken out of `members`; `nil` where it names none that is here.
    private static func set(
        _ index: (name: String, map: OrderedDictionary<CheckpointKey, String>),
        _ members: inout OrderedDictionary<Key, FolderReader.Member>, _ notes: inout [String]
    ) throws -> Entry? {
        let folder = index.name.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(index.name[...$0]) } ?? ""
        let names = OrderedSet(index.map.values.map { Key(folder + $0) })
        // Some download the configuration without the weights, or the weights in another format only.
        guard names.contains(where: { members[$0] != nil }) else { return nil }
        if let missing = names.first(where: { members[$0] == nil }) {
            throw ModelFolderError.missingShard(missing.text, index: index.name)
        }
        let shards = names.compactMap { members[$0] }
        guard let checkpoint = joined(shards, index.map, folder: folder) else {
            notes.append(
                "\(printable(index.name, limit: 200)) is not the index of its files, which are kept one by one")
            return nil
        }
        let stem = String(index.name.dropLast(".index.json".count))
        let isTaken = members.values.contains {
            $0.name.hasSameBytes(as: stem) || $0.name.utf8.starts(with: "\(stem)/".utf8)
        }
        let name = isTaken ? index.name : stem
        for name in names { members[name] = nil }
        return Entry(name: name, checkpoint: checkpoint, members: shards)
    }

    /// The tensors of several files as one dictionary, in the order of their index; `nil` where it does not fit them.
    private static func joined(
        _ shards: [FolderReader.Member], _ map: OrderedDictionary<CheckpointKey, String>, folder: String
    ) -> Checkpoint? {
        var entries: [Key: OrderedDictionary<CheckpointKey, Checkpoint>] = [:]
        var kind: CheckpointDictionary.Kind?
        var count = 0
        for shard in shards {
            guard shard.source != nil, case .dictionary(let dictionary) = shard.checkpoint else { return nil }
            // The attributes of one are not those of all.
            kind = kind.map { $0 == dictionary.kind ? $0 : $0.withoutAttributes } ?? dictionary.kind
            count += dictionary.entries.count
            entries[Key(shard.name)] = dictionary.entries
        }
        guard count == map.count, shards.allSatisfy({ $0.checkpoint.labelCount == 0 }) else { return nil }
        var all: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        for (name, shard) in map {
            guard let tensor = entries[Key(folder + shard)]?[name] else { return nil }
            all[name] = tensor
        }
        return .dictionary(CheckpointDictionary(all, kind: kind ?? .plain))
    }

    /// The weights, and `others` as further entries of their dictionary; `nil` where there is no place for them.
    private static func joined(_ weights: Entry, _ others: [Entry]) -> Checkpoint? {
        guard !others.isEmpty else { return weights.checkpoint }
        guard case .dictionary(var dictionary) = weights.checkpoint else { return nil }
        for (key, value) in nested(others, labelCount: weights.checkpoint.labelCount).entries {
            guard dictionary.entries.updateValue(value, forKey: key) == nil else { return nil }
        }
        return .dictionary(dictionary)
    }

    /// A dictionary of all entries, with one of its own for each folder.
    private static func nested(_ entries: [Entry], labelCount: Int = 0) -> CheckpointDictionary {
        var labelCount = labelCount
        var top = CheckpointDictionary()
        for entry in entries {
            let value = entry.checkpoint.shiftingLabels(by: labelCount)
            labelCount += entry.checkpoint.labelCount
            insert(value, at: entry.name.split(separator: "/")[...], in: &top)
        }
        return top
    }

    private static func insert(
        _ value: Checkpoint, at names: ArraySlice<Substring>, in dictionary: inout CheckpointDictionary
    ) {
        guard let first = names.first else { return }
        let key = String(first)
        guard names.count > 1 else {
            dictionary[key] = value
            return
        }
        var below = CheckpointDictionary()
        if case .dictionary(let there) = dictionary[key] { below = there }
        // Not to be copied when it is changed.
        dictionary[key] = Checkpoint.none
        insert(value, at: names.dropFirst(), in: &below)
        dictionary[key] = .dictionary(below)
    }

    /// A name that is equal to another only if their bytes are.
    private struct Key: Hashable {
        let text: String
        init(_ text: String) { self.text = text }
        static func == (left: Key, right: Key) -> Bool { left.text.hasSameBytes(as: right.text) }
    }
}
