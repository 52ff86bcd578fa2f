package import Checkpoints
import OrderedCollections
package import Tensors

/// Makes checkpoints of everything that a checkpoint can hold.
package struct RandomCheckpoints {
    package var generator: SeededGenerator
    /// Tensors of the checkpoint being made, to be tied to.
    private var made: [Tensor] = []

    package init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    /// A checkpoint nested at most `depth` deep. Ties stay within it.
    package mutating func checkpoint(depth: Int = 4) -> Checkpoint {
        made = []
        return value(depth: depth)
    }

    private mutating func value(depth: Int) -> Checkpoint {
        switch generator.number(in: 0...(depth > 0 ? 13 : 9)) {
        case 0: return .string(text())
        case 1:
            return .integer(
                [.min, .max, 0, -1, Int64(truncatingIfNeeded: generator.next())].randomElement(
                    using: &generator) ?? 0)
        case 2: return .number(number())
        case 3: return .boolean(generator.number(in: 0...1) == 1)
        case 4: return .none
        case 5...9:
            let role: TensorRole =
                [.unspecified, .parameter, .buffer].randomElement(using: &generator) ?? .buffer
            return .tensor(tensor(), role: role)
        case 10: return .list(values(depth: depth - 1))
        case 11: return .tuple(values(depth: depth - 1))
        default:
            var dictionary = CheckpointDictionary(
                kind: generator.number(in: 0...1) == 1
                    ? .plain : .ordered(attributes: attributes(depth: depth - 1)))
            for value in values(depth: depth - 1) { dictionary.entries[key()] = value }
            return .dictionary(dictionary)
        }
    }

    /// The attributes of some ordered dictionaries.
    private mutating func attributes(depth: Int) -> PlainTree? {
        guard generator.number(in: 0...3) == 0 else { return nil }
        let metadata = PlainTree.dictionary(
            [.init(key: .string(text()), value: .value(.integer(1)))], kind: .ordered)
        // No more than there is room for.
        let tree = depth > 0 ? PlainTree(value(depth: depth)) : nil
        return .dictionary([.init(key: .string("_metadata"), value: tree ?? metadata)], kind: .plain)
    }

    private mutating func values(depth: Int) -> [Checkpoint] {
        (0..<generator.number(in: 0...6)).map { _ in value(depth: depth) }
    }

    package mutating func key() -> CheckpointKey {
        switch generator.number(in: 0...4) {
        case 0: .integer(Int64(generator.number(in: -2...2)))
        case 1: .boolean(generator.number(in: 0...1) == 1)
        default: .string(text())
        }
    }

    /// Texts that are easily lost or confused.
    package static let texts = [
        "", "0", "true", "weight", "hidden.weight", "a/b", "~", "~1", "~01", "\0", "a\0b", "\u{1F}", "\"\\\"",
        "\n", "\u{7F}", "\u{85}\u{2028}", "größer", "gr\u{6F}\u{308}ßer", "é", "e\u{301}", "🧠", "👩‍👩‍👧",
        "{\"list\":[",
        "latest", " ", "\u{FEFF}", "NaN", "-0.0", "1e999",
    ]

    package mutating func text() -> String {
        RandomCheckpoints.texts.randomElement(using: &generator) ?? ""
    }

    private mutating func number() -> Double {
        let bits: [UInt64] = [
            0, 1 << 63, 1, 0x7ff0 << 48, 0xfff0 << 48, 0x7ff8_0000_0000_0123, 0xfff4_0000_0000_0001,
            generator.next(), (0.1).bitPattern, (1e308).bitPattern, (3.0).bitPattern,
            (9_007_199_254_740_993.0).bitPattern,
        ]
        return Double(bitPattern: bits.randomElement(using: &generator) ?? 0)
    }

    // MARK: Tensors

    private mutating func tensor() -> Tensor {
        let tensor =
            switch generator.number(in: 0...9) {
            case 0: made.randomElement(using: &generator) ?? fresh()
            case 1, 2: view() ?? fresh()
            case 3: strided()
            default: fresh()
            }
        made.append(tensor)
        return tensor
    }

    private mutating func shape(rank: Int, lengths: ClosedRange<Int>) -> [Int] {
        (0..<rank).map { _ in generator.number(in: lengths) }
    }

    /// A contiguous tensor with storage of its own; all dtypes, scalars and empty ones among them.
    package mutating func fresh() -> Tensor {
        let dtype = DType.allCases.randomElement(using: &generator) ?? .float32
        var shape = shape(rank: generator.number(in: 0...4), lengths: 0...4)
        // Elements below a byte must fill the last byte.
        if dtype.byteWidth == nil { shape.append(4) }
        return unwrapped { generator in
            let count = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
            return try Tensor(bytes: generator.bytes(count), dtype: dtype, shape: shape)
        }
    }

    /// A lone tensor whose elements are permuted, repeated or have gaps.
    private mutating func strided() -> Tensor {
        let dtype: DType =
            [.uint8, .float32, .bfloat16, .complex128].randomElement(using: &generator) ?? .uint8
        let shape = shape(rank: generator.number(in: 1...3), lengths: 1...4)
        let strides: [Int]
        switch generator.number(in: 0...2) {
        case 0: strides = TensorGeometry.contiguousStrides(shape.reversed()).reversed()
        case 1: strides = shape.map { _ in generator.number(in: 0...3) }
        default: strides = TensorGeometry.contiguousStrides(shape).map { $0 * 2 }
        }
        return unwrapped { generator in
            let offset = generator.number(in: 0...3)
            let span = try TensorGeometry.span(dtype: dtype, shape: shape, strides: strides, offset: offset)
            let storage = generator.bytes(span.upperBound + 5).withUnsafeBytes { Storage(copying: $0) }
            return try Tensor(storage: storage, dtype: dtype, shape: shape, strides: strides, offset: offset)
        }
    }

    /// Another view of a storage that is there already, perhaps as another type.
    private mutating func view() -> Tensor? {
        guard let storage = made.randomElement(using: &generator)?.storage, storage.byteCount > 0 else {
            return nil
        }
        for _ in 0..<8 {
            let dtype: DType =
                [.uint8, .int16, .float32, .float64, .complex128].randomElement(using: &generator) ?? .uint8
            let shape = shape(rank: generator.number(in: 0...2), lengths: 0...4)
            let strides =
                generator.number(in: 0...1) == 0 ? nil : shape.map { _ in generator.number(in: 0...4) }
            let offset = generator.number(in: 0...8)
            let view = try? Tensor(
                storage: storage, dtype: dtype, shape: shape, strides: strides, offset: offset)
            if let view { return view }
        }
        return nil
    }

    private mutating func unwrapped(_ make: (inout SeededGenerator) throws -> Tensor) -> Tensor {
        do { return try make(&generator) } catch { preconditionFailure("\(error)") }
    }
}
