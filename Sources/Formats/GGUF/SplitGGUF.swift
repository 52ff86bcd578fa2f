public import Checkpoints
public import Foundations
public import OrderedCollections
import Tensors

/// A GGUF model that is split into several files, as llama.cpp reads it: given one of them, all are read.
public struct SplitGGUF {
    /// All tensors: a plain dictionary, file by file.
    public let checkpoint: Checkpoint

    /// The files, in order.
    public let parts: [Part]

    /// One of the files.
    public struct Part {
        /// The file, mapped.
        public let file: MappedFile
        /// Where the bytes of storages lie in it.
        public let storages: [CheckpointFile.StoredRange]
    }

    /// Names of the files; one for each of ``parts``.
    public let partNames: [String]

    /// The metadata of the first file, and the types of all tensors.
    public let facts: OrderedDictionary<String, String>

    /// The tensors of all files whose types are not known; see ``CheckpointFile/opaqueTypes``.
    public let opaqueTypes: OrderedDictionary<String, String>

    /// Most tensors in all files together.
    public static let maximumTensorCount = 1 << 18

    /// Reads the model that the file at `path` is a part of, from the files beside it.
    ///
    /// - Parameter file: That file, which has been read.
    /// - Returns: `nil` where the file is a whole model.
    /// - Throws: `FileError` where a file is missing; ``BadFile`` where one is not what it should be; ``SplitGGUFError``
    ///   where the files do not belong together.
    public static func read(partOf file: CheckpointFile, at path: String) throws -> SplitGGUF? {
        guard file.format == .gguf, let place = try Place(file), place.count > 1 else { return nil }
        guard place.count <= GGUFSplitName.maximumCount else { throw SplitGGUFError.tooManyParts(place.count) }
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { String(path[...$0]) } ?? ""
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        guard let split = GGUFSplitName(name), split.number == place.number, split.count == place.count else {
            throw SplitGGUFError.name(number: place.number, count: place.count)
        }
        var model = Model()
        let names = GGUFSplitName.all(prefix: split.prefix, count: split.count)
        for (index, name) in names.enumerated() {
            let part = try BadFile.naming(name) { try CheckpointFile.read(path: folder + name) }
            guard part.format == .gguf else { throw SplitGGUFError.notGGUF(name) }
            let found = try BadFile.naming(name) { try Place(part) }
            guard found?.number == index + 1, found?.count == place.count,
                found?.tensorCount == place.tensorCount
            else {
                throw SplitGGUFError.foreign(name, number: index + 1, count: place.count)
            }
            try model.add(part, name)
        }
        if let tensorCount = place.tensorCount, tensorCount != model.entries.count {
            throw SplitGGUFError.tensorCount(needs: tensorCount, has: model.entries.count)
        }
        return try SplitGGUF(model, names)
    }

    private init(_ model: Model, _ names: [String]) throws {
        checkpoint = .dictionary(CheckpointDictionary(model.entries))
        parts = model.parts
        partNames = names
        opaqueTypes = model.opaqueTypes
        var facts = model.facts
        for (key, objects) in model.types {
            // No name is in two of the objects.
            facts[key] = "{\(objects.map { $0.dropFirst().dropLast() }.joined(separator: ","))}"
        }
        let byteCounts = model.parts.map { "\($0.file.byteCount)" }.joined(separator: ",")
        facts[GGUFHeader.partsKey] = "[\(byteCounts)]"
        self.facts = facts
    }

    /// The parts that have been read so far.
    private struct Model {
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        var parts: [Part] = []
        /// Those of the first file. Of others, only types are kept.
        var facts: OrderedDictionary<String, String> = [:]
        var types: OrderedDictionary<String, [String]> = [:]
        var opaqueTypes: OrderedDictionary<String, String> = [:]

        mutating func add(_ part: CheckpointFile, _ name: String) throws {
            if case .dictionary(let tensors) = part.checkpoint {
                for (key, tensor) in tensors.entries {
                    guard entries.updateValue(tensor, forKey: key) == nil else {
                        throw SplitGGUFError.duplicateTensor(key.description, name)
                    }
                }
            }
            guard entries.count <= maximumTensorCount else { throw SplitGGUFError.tooManyTensors }
            opaqueTypes.merge(part.opaqueTypes) { $1 }
            if parts.isEmpty { facts = part.facts }
            for key in [GGUFHeader.blockTypesKey, GGUFHeader.unknownTypesKey] {
                if let object = part.facts[key] { types[key, default: []].append(object) }
            }
            parts.append(Part(file: part.file, storages: part.storages))
        }
    }

    /// The place of a file among others by its metadata; `nil` where it has none.
    private struct Place {
        let number: Int
        let count: Int
        let tensorCount: Int?

        init?(_ file: CheckpointFile) throws {
            guard let count = file.facts["split.count"] else { return nil }
            guard let count = Int(count), let index = file.facts["split.no"].flatMap({ Int($0) }), count >= 0,
                index >= 0, index < max(1, count)
            else { throw SplitGGUFError.metadata }
            self.count = count
            number = index + 1
            tensorCount = file.facts["split.tensors.count"].flatMap { Int($0) }
        }
    }
}

extension SplitGGUF {
    /// The fact that has the lengths of the files of a split, in order.
    package static var partsKey: String { GGUFHeader.partsKey }

    /// The lengths of the files, from the JSON of that fact; `nil` where it is not that.
    package static func partByteCounts(json: String) -> [Int]? {
        var json = json
        return json.withUTF8 { bytes in
            var reader = JSONReader(UnsafeRawBufferPointer(bytes))
            var byteCounts: [Int] = []
            do {
                try reader.array { byteCounts.append(try $0.nonNegativeInteger()) }
                try reader.end()
            } catch {
                return nil
            }
            return byteCounts
        }
    }
}

/// Files of a split GGUF model that do not belong together.
public enum SplitGGUFError: FormatError, Equatable {
    /// Numbers that cannot be.
    case metadata
    /// More files than are read.
    case tooManyParts(Int)
    /// A part whose name says nothing, or something else, of its place.
    case name(number: Int, count: Int)
    /// A file in another format.
    case notGGUF(String)
    /// A file that is another part, or one of another model.
    case foreign(String, number: Int, count: Int)
    /// A tensor that an earlier file has, too.
    case duplicateTensor(String, String)
    /// More tensors than ``SplitGGUF/maximumTensorCount``.
    case tooManyTensors
    /// Another number of tensors than the metadata says.
    case tensorCount(needs: Int, has: Int)

    /// One line, lower case, with the file.
    public var description: String {
        switch self {
        case .metadata: "\"split.no\" and \"split.count\" of the metadata are no place among several files"
        case .tooManyParts(let count):
            "a model in \(count) files; at most \(GGUFSplitName.maximumCount) are read"
        case .name(let number, let count):
            "part \(number) of \(count) by its metadata, but its name does not end in "
                + "\"\(GGUFSplitName.ending(number, of: count))\", so the others cannot be found"
        case .notGGUF(let name): "\(quoted(name)) is not a GGUF file, but has the name of a part"
        case .foreign(let name, let number, let count):
            "\(quoted(name)) is not part \(number) of \(count) of this model by its metadata"
        case .duplicateTensor(let tensor, let name):
            "\(quoted(name)) has \(quoted(tensor)), which an earlier part has"
        case .tooManyTensors: "the parts have more than \(SplitGGUF.maximumTensorCount) tensors"
        case .tensorCount(let needs, let has):
            "the parts have \(has) tensors together, and should have \(needs) by their metadata"
        }
    }
}
