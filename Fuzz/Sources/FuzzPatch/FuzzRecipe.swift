import Foundations
import FuzzSupport

/// A recipe of a source file that decompresses.
enum FuzzRecipe {
    static func encoded(_ input: inout FuzzInput) -> [UInt8] {
        let pieceCount = input.byte() % 4
        var bytes = [pieceCount]
        var literalCount = 0
        for _ in 0..<pieceCount {
            let length = input.byte() % 16
            literalCount += Int(length)
            bytes += [length, input.byte() % 16]
        }
        let literals = input.bytes(literalCount)
        return Zlib.compressed(bytes + literals)
    }
}
