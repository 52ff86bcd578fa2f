import Checkpoints
import Foundations
import FuzzSupport

@testable import Remotes

/// The fields of trees, metrics and indexes, as a hostile remote would send them, the JSON of manifests and facts, and the XML
/// of S3.
///
/// A tree that is accepted has the bytes that it was read from, and each chunk after its base.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    switch input.byte() {
    case UInt8(ascii: "t"): checkTree(input.remainingBytes())
    case UInt8(ascii: "r"): checkMetrics(input.remainingBytes())
    case UInt8(ascii: "i"): checkIndex(input.remainingBytes())
    case UInt8(ascii: "m"):
        let bytes = input.remainingBytes()
        if let manifest: OCIManifest = refusing({ try RemoteJSON.decoded(bytes, from: "r") }) {
            for layer in manifest.layers { _ = layer.id }
        }
    case UInt8(ascii: "f"):
        let bytes = input.remainingBytes()
        let facts: VersionFacts? = refusing { try RemoteJSON.decoded(bytes, from: "r") }
        if let facts {
            let again: VersionFacts? = refusing { try RemoteJSON.decoded(RemoteJSON.encoded(facts), from: "r") }
            require(again?.message == facts.message, "facts that are not read again")
        }
    case UInt8(ascii: "a"):
        guard let text = input.remainingText() else { return -1 }
        if let address = refusing({ try RemoteAddress(text) }) {
            require(
                refusing { try RemoteAddress(address.text) } == address, "an address that is not read again")
        }
        _ = refusing { try RepositoryAddress.reading(text) }
        require(RepositoryName.isValid(RepositoryName.of(model: text)) || text.isEmpty, "an invalid repository")
        require(RemoteTag(text).text == text, "a tag of two spellings")
    case UInt8(ascii: "x"):
        let bytes = input.remainingBytes()
        if let root = refusing({ try XMLElement(bytes) }) {
            require(depth(root) <= XMLElement.maximumDepth, "elements deeper than allowed")
        }
        _ = S3Problem(bytes).text("reading", status: 400)
    default: return -1
    }
    return 0
}

private func depth(_ element: XMLElement) -> Int { 1 + (element.children.map(depth).max() ?? 0) }

private func file(_ kind: CompressedFields, _ fields: [UInt8]) -> [UInt8] {
    var writer = FieldWriter()
    writer.raw(fields)
    return kind.encoded(writer)
}

private func checkMetrics(_ fields: [UInt8]) {
    let bytes = file(RunMetrics.file, fields)
    let read = refusing {
        let result = Result { () throws(FieldProblem) in try RunMetrics(decoding: bytes) }
        return try result.get()
    }
    guard let metrics = read else { return }
    require(metrics.encoded == bytes, "two spellings of one list of metrics")
    for series in metrics.series {
        require(
            zip(series.points, series.points.dropFirst()).allSatisfy { $0.step < $1.step },
            "steps that do not rise")
    }
}

private func checkIndex(_ fields: [UInt8]) {
    let bytes = file(VersionIndex.file, fields)
    guard let index = refusing({ try VersionIndex(decoding: bytes, from: "r") }) else { return }
    let again = refusing { try VersionIndex(decoding: index.encoded, from: "r") }
    require(again?.encoded == index.encoded, "an index that is not read again")
}

private func checkTree(_ fields: [UInt8]) {
    let bytes = file(VersionTree.file, fields)
    let packs = (0..<3).map { (id: ContentID(hashing: [UInt8($0)]), byteCount: 1000 * ($0 + 1)) }
    let read = refusing {
        let result = Result { () throws(FieldProblem) in try VersionTree(decoding: bytes, packs: packs) }
        return try result.get()
    }
    guard let tree = read else { return }
    require(tree.encoded(packs: packs.map(\.id)) == bytes, "two spellings of one tree")
    var seen: Set<ContentID> = []
    for chunk in tree.chunks {
        require(chunk.base.map(seen.contains) ?? true, "a chunk before its base")
        require(chunk.range.upperBound <= chunk.packByteCount, "a chunk beyond its pack")
        seen.insert(chunk.id)
    }
    _ = tree.manifest.contentID
    let ranges = PackRanges(tree.chunks).requests
    require(ranges.reduce(0) { $0 + $1.chunks.count } == tree.chunks.count, "a chunk that nobody asks for")
}
