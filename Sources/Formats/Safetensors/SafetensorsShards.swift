import Checkpoints
import OrderedCollections
import Tensors

/// How the tensors of a model are spread over several safetensors files, and the index that says so.
///
/// Names, order and index are those that the transformers library writes.
package struct SafetensorsShards {
    /// One of the files.
    package struct Shard: Equatable, Sendable {
        /// The file's name.
        package let name: String
        /// Positions of its tensors among the entries.
        package let entries: [Int]
    }

    /// The files, in order.
    package let shards: [Shard]

    /// The index as it is written; `nil` for a single file, which needs none.
    package let index: [UInt8]?

    /// What a single file is called.
    package static let fileName = "model.safetensors"

    /// What the index of several files is called.
    package static let indexName = "model.safetensors.index.json"

    /// How the names of indices end.
    package static let indexSuffix = ".safetensors.index.json"

    /// Spreads `entries` over files of at most `maximumByteCount` bytes of tensors, in their order. A larger tensor
    /// has a file of its own.
    ///
    /// - Throws: ``SafetensorsLayoutError``.
    package init(_ entries: [SafetensorsLayout.Entry], maximumByteCount: Int) throws {
        var groups: [[Int]] = [[]]
        var filled = 0
        var total = 0
        for (index, entry) in entries.enumerated() {
            let byteCount: Int
            do {
                byteCount = try TensorGeometry.byteCount(dtype: entry.dtype, shape: entry.shape)
            } catch {
                throw SafetensorsLayoutError.tensor(path: entry.name, error)
            }
            let (sum, overflow) = total.addingReportingOverflow(byteCount)
            guard !overflow else { throw SafetensorsLayoutError.tooLarge }
            total = sum
            if filled + byteCount > maximumByteCount, !groups[groups.count - 1].isEmpty {
                groups.append([])
                filled = 0
            }
            groups[groups.count - 1].append(index)
            filled += byteCount
        }
        guard groups.count > 1 else {
            shards = [Shard(name: SafetensorsShards.fileName, entries: groups[0])]
            index = nil
            return
        }
        func digits(_ number: Int) -> String {
            let text = "\(number)"
            return String(repeating: "0", count: max(0, 5 - text.utf8.count)) + text
        }
        let names = groups.indices.map {
            "model-\(digits($0 + 1))-of-\(digits(groups.count)).safetensors"
        }
        shards = zip(names, groups).map { Shard(name: $0, entries: $1) }
        let files = zip(names, groups).flatMap { name, group in group.map { (entries[$0].name, name) } }
        index = SafetensorsShards.index(files, totalByteCount: total)
    }

    /// The files that an index names, where it has exactly the tensors called `names`; `nil` otherwise.
    package init?(index bytes: [UInt8], names: [String]) {
        guard
            let map = try? bytes.withUnsafeBytes({ try ShardedSafetensors.weightMap($0) }),
            map.count == names.count
        else { return nil }
        var groups: OrderedDictionary<String, [Int]> = [:]
        for (position, name) in names.enumerated() {
            guard let file = map[.string(name)] else { return nil }
            groups[file, default: []].append(position)
        }
        shards = groups.map { Shard(name: $0.key, entries: $0.value) }
        index = bytes
    }

    /// The text of an index, as Python's `json.dumps(…, indent=2, sort_keys=True)` has it.
    private static func index(_ files: [(name: String, file: String)], totalByteCount: Int) -> [UInt8] {
        // Python sorts by code points, which is the order of the bytes.
        let sorted = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let lines = sorted.map { "    \(asciiJSON($0.name)): \(asciiJSON($0.file))" }
        let text = """
            {
              "metadata": {
                "total_size": \(totalByteCount)
              },
              "weight_map": {
            \(lines.joined(separator: ",\n"))
              }
            }

            """
        return Array(text.utf8)
    }

    /// `text` in quotation marks, all of it ASCII.
    private static func asciiJSON(_ text: String) -> String {
        var result = "\""
        for unit in text.utf16 {
            switch unit {
            case 0x22: result += "\\\""
            case 0x5C: result += "\\\\"
            case 0x08: result += "\\b"
            case 0x09: result += "\\t"
            case 0x0A: result += "\\n"
            case 0x0C: result += "\\f"
            case 0x0D: result += "\\r"
            case 0x20..<0x7F: result.unicodeScalars.append(UnicodeScalar(UInt8(unit)))
            // Python escapes DEL neither.
            case 0x7F: result.unicodeScalars.append("\u{7F}")
            default:
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
        }
        return result + "\""
    }
}
