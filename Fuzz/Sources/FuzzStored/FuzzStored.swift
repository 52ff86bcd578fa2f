import Checkpoints
import Foundation
import Foundations
import FuzzSupport
import GRDB

@testable import ModelRegistry

/// What columns of rows hold: structures, recipes, lists, plain values, times. The first byte says which.
///
/// What is accepted is what would have been written.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    switch input.byte() {
    case UInt8(ascii: "r"): checkRecipe(&input)
    case UInt8(ascii: "n"): checkNumbers(&input)
    case UInt8(ascii: "v"): checkValue(&input)
    case UInt8(ascii: "z"): _ = Zlib.decompressed(input.remainingBytes(), limit: 1 << 16)
    case UInt8(ascii: "s"): return checkText(&input, checkStructure)
    case UInt8(ascii: "l"): return checkText(&input, checkList)
    case UInt8(ascii: "t"): return checkText(&input, checkTime)
    case UInt8(ascii: "j"): return checkText(&input, checkJSON)
    default: return -1
    }
    return 0
}

private func checkText(_ input: inout FuzzInput, _ check: (String) -> Void) -> CInt {
    guard let text = input.remainingText() else { return -1 }
    check(text)
    return 0
}

private func checkStructure(_ text: String) {
    guard let structure = refusing({ try Structure(json: text) }) else { return }
    require(structure.json.hasSameBytes(as: text), "two texts of one structure")
    require(structure.leafPaths.count == structure.leafKeys.count, "leaves without keys")
    _ = structure.kind
}

private func checkList(_ text: String) {
    guard let numbers = refusing({ try IntegerList.numbers(text) }) else { return }
    require(IntegerList.text(numbers).hasSameBytes(as: text), "two texts of one list")
}

private func checkTime(_ text: String) {
    guard let date = Timestamp.date(text) else { return }
    require(Timestamp.text(date) == text, "two texts of one time: \(text)")
}

private func checkJSON(_ text: String) {
    _ = AttributeValue(parsing: text).text
    guard let value = refusing({ try AttributeValue(json: text) }) else { return }
    require(value.json.hasSameBytes(as: text), "another text")
    if let string = value.text {
        require(AttributeValue(string).text == string, "a text is lost")
    }
}

private func checkRecipe(_ input: inout FuzzInput) {
    let isCompressed = input.byte() % 2 == 0
    let leafCount = Int(input.byte())
    let fileByteCount = Int(truncatingIfNeeded: input.number(byteCount: input.byte() % 2 == 0 ? 2 : 8))
    let bytes = input.remainingBytes()
    let encoded = isCompressed ? bytes : Zlib.compressed(bytes)
    let recipe = refusing {
        try FileRecipe(encoded: encoded, fileByteCount: fileByteCount, leafCount: leafCount)
    }
    guard let recipe else { return }
    for piece in recipe.pieces {
        require(recipe.literals.indices.contains(piece.literal.upperBound - 1) || piece.literal.isEmpty)
        require(piece.leaf.map { (0..<leafCount).contains($0) } ?? true, "a leaf that is not there")
    }
    require(Zlib.decompressed(recipe.encoded, limit: .max) == Zlib.decompressed(encoded, limit: .max))
}

private func checkNumbers(_ input: inout FuzzInput) {
    let bytes = input.remainingBytes()
    bytes.withUnsafeBytes { bytes in
        var reader = ByteReader(bytes)
        while true {
            let start = reader.position
            guard let number = reader.number() else { break }
            require(reader.position - start == LEB128.byteCount(of: number), "two spellings of \(number)")
            var written: [UInt8] = []
            LEB128.write(number) { written.append($0) }
            require(
                bytes[start..<reader.position].elementsEqual(written), "\(number) is written otherwise")
        }
    }
}

/// Any kind with any value of SQLite's.
private func checkValue(_ input: inout FuzzInput) {
    let kind = input.choice(of: ["string", "integer", "number", "boolean", "none", "other"])
    let type = input.byte() % 5
    let value: DatabaseValue? =
        switch type {
        case 0: .null
        case 1: Int64(bitPattern: input.number(byteCount: 8)).databaseValue
        case 2: Double(bitPattern: input.number(byteCount: 8)).databaseValue
        case 3: input.remainingText()?.databaseValue
        default: Data(input.remainingBytes()).databaseValue
        }
    guard let value, let plain = refusing({ try PlainValue(kind: kind, value: value) }) else { return }
    require(plain.columnKind == kind, "another kind")
    let again = refusing { try PlainValue(kind: kind, value: plain.columnValue) }
    require(again == plain, "\(plain) is lost")
}
