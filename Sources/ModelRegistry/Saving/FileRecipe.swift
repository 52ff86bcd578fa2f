import Checkpoints
import Foundations
import Tensors

/// How to write a file again: stretches of literal bytes, each followed by the bytes of one tensor.
///
/// Stored as a zlib stream of: the number of pieces; for each piece the length of its literal and the ordinal of
/// the leaf whose stored tensor follows, plus one (0: none); then all literals. Numbers are LEB128.
struct FileRecipe: Equatable {
    /// A literal and what follows it.
    struct Piece: Equatable {
        let literal: Range<Int>
        /// A leaf of the version; all bytes of its stored tensor come next.
        let leaf: Int?
    }

    let pieces: [Piece]
    let literals: [UInt8]

    /// Literal bytes worth keeping: a share of the file, and this many in any case.
    static let freeLiteralByteCount = 1 << 20
    static let maximumLiteralShare = 8

    /// Describes `source` by the tensors that `plan` stores; `nil` where too much of it is not in any tensor,
    /// as when slices of large storages were saved.
    ///
    /// - Throws: `FileError`, `FileChangedError`.
    init?(_ source: SourceFile, _ plan: SavePlan) throws {
        var leafOfStored: [Int: Int] = [:]
        for (ordinal, leaf) in plan.leaves.enumerated() {
            if case .tensor(let stored, _, _) = leaf, leafOfStored[stored] == nil {
                leafOfStored[stored] = ordinal
            }
        }
        var storedInStorage: [ObjectIdentifier: [(range: Range<Int>, leaf: Int)]] = [:]
        for (index, stored) in plan.storedTensors.enumerated() where stored.byteCount > 0 {
            guard let leaf = leafOfStored[index] else { continue }
            storedInStorage[ObjectIdentifier(stored.storage), default: []].append((stored.byteRange, leaf))
        }
        var tensors: [(range: Range<Int>, leaf: Int)] = []
        for (fileRange, storage) in source.storages {
            for (range, leaf) in storedInStorage[ObjectIdentifier(storage)] ?? [] {
                let start = fileRange.lowerBound + range.lowerBound
                tensors.append((start..<start + range.count, leaf))
            }
        }
        tensors.sort { $0.range.lowerBound < $1.range.lowerBound }

        let literalByteCount = source.byteCount - tensors.reduce(0) { $0 + $1.range.count }
        let limit = max(
            source.literalLimit ?? FileRecipe.freeLiteralByteCount,
            source.byteCount / FileRecipe.maximumLiteralShare)
        guard literalByteCount <= limit else { return nil }

        var pieces: [Piece] = []
        var literals: [UInt8] = []
        var position = 0
        func literal(to end: Int) throws -> Range<Int> {
            let start = literals.count
            literals += [UInt8](repeating: 0, count: end - position)
            try literals.withUnsafeMutableBytes { bytes in
                let target = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
                try source.copyBytes(position..<end, into: target)
            }
            return start..<literals.count
        }
        for (range, leaf) in tensors {
            pieces.append(Piece(literal: try literal(to: range.lowerBound), leaf: leaf))
            position = range.upperBound
        }
        pieces.append(Piece(literal: try literal(to: source.byteCount), leaf: nil))
        self.pieces = pieces
        self.literals = literals
    }

    /// The stored form.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: Int) { LEB128.write(number) { bytes.append($0) } }
        append(pieces.count)
        for piece in pieces {
            append(piece.literal.count)
            append(piece.leaf.map { $0 + 1 } ?? 0)
        }
        return Zlib.compressed(bytes + literals)
    }

    /// Reads the stored form of a file of `fileByteCount` bytes with `leafCount` leaves.
    ///
    /// - Throws: ``RegistryError/Damage``.
    init(encoded: [UInt8], fileByteCount: Int, leafCount: Int) throws(RegistryError.Damage) {
        let damage = RegistryError.Damage(problem: "the stored recipe of the source file is damaged")
        // Each piece but the last has a tensor of at least one byte, and takes at most 20 bytes to say so.
        let (pieceBytes, overflow) = fileByteCount.multipliedReportingOverflow(by: 21)
        let (limit, limitOverflow) = pieceBytes.addingReportingOverflow(64)
        guard !overflow, !limitOverflow, fileByteCount >= 0,
            let bytes = Zlib.decompressed(encoded, limit: limit)
        else { throw damage }
        var position = 0
        func number() throws(RegistryError.Damage) -> Int {
            let number = LEB128.read { () -> UInt8? in
                guard position < bytes.count else { return nil }
                defer { position += 1 }
                return bytes[position]
            }
            guard let number else { throw damage }
            return number
        }
        let count = try number()
        guard count <= bytes.count else { throw damage }
        var pieces: [Piece] = []
        var literalCount = 0
        for _ in 0..<count {
            let length = try number()
            let leaf = try number()
            guard length <= bytes.count, leaf <= leafCount else { throw damage }
            pieces.append(
                Piece(literal: literalCount..<literalCount + length, leaf: leaf == 0 ? nil : leaf - 1))
            literalCount += length
        }
        literals = Array(bytes[position...])
        guard literals.count == literalCount else { throw damage }
        self.pieces = pieces
    }
}
