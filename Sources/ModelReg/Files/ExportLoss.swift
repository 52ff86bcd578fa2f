import Checkpoints
import Formats
import Foundations
import ModelRegistry
public import OrderedCollections

/// The facts that a version's own file has, and that a file which is made anew has no place for.
public struct ExportLoss: Equatable, Sendable {
    /// Keys of metadata whose values are left out.
    public let metadata: [String]

    /// Tensors of types that nothing but the file's own format has, which are written as bytes, and what the types are:
    /// `Q8_0`, `type 40`, `|V2`.
    public let types: OrderedDictionary<String, String>

    /// Nothing is lost.
    static let none = ExportLoss(metadata: [], types: [:])

    private init(metadata: [String], types: OrderedDictionary<String, String>) {
        self.metadata = metadata
        self.types = types
    }

    /// Tells what a file of `format` lacks of a version's facts.
    ///
    /// - Parameter patterns: The paths that are written; everything where there are none.
    init(_ details: VersionDetails, as format: FileFormat, only patterns: [String]) {
        var metadata: [String] = []
        var types: OrderedDictionary<String, String> = [:]
        let isGGUF = details.sourceFile?.format == FileFormat.gguf.rawValue
        for (key, value) in details.fileFacts {
            if CheckpointFile.typeFacts.contains(key) {
                types.merge(ExportLoss.types(value)) { $1 }
            } else if isGGUF, key != SplitGGUF.partsKey, !key.hasPrefix("split."),
                format != .safetensors || value.text == nil
            {
                // Other formats carry notes that programs make for themselves; keys that begin with `split.` are about files.
                metadata.append(key)
            }
        }
        let paths = types.keys.map { $0.isEmpty ? .root : CheckpointPath.root.appending($0) }
        // Where none is selected, it throws.
        let isSelected = (try? PathSelection(patterns).selects(paths)) ?? paths.map { _ in false }
        self.init(
            metadata: metadata,
            types: OrderedDictionary(
                uniqueKeysWithValues: zip(types, isSelected).filter(\.1).map { ($0.0.key, $0.0.value) }))
    }

    /// The members of an object from names to types; a type is a text, or an object with a number.
    private static func types(_ fact: AttributeValue) -> OrderedDictionary<String, String> {
        var types: OrderedDictionary<String, String> = [:]
        var json = fact.json
        json.withUTF8 { bytes in
            var reader = JSONReader(UnsafeRawBufferPointer(bytes))
            // Where it is something else, it is not ours.
            try? reader.object { reader, name in
                if let type = try? reader.string() {
                    types[name] = type
                } else {
                    try reader.object { reader, key in
                        if key == "type" {
                            types[name] = "type \(try reader.nonNegativeInteger())"
                        } else {
                            try reader.skipValue()
                        }
                    }
                }
            }
        }
        return types
    }
}
