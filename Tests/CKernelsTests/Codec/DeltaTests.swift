import CKernels
import TestSupport
import Testing

@Suite struct DeltaTests {
    private static let formats: [(format: mr_float_format, width: Int, mantissa: Int, exponent: Int)] = [
        (MR_FLOAT16, 2, 10, 5), (MR_BFLOAT16, 2, 7, 8), (MR_FLOAT32, 4, 23, 8), (MR_FLOAT64, 8, 52, 11),
    ]

    @Test(arguments: 0..<4) func floatDeltasAreEqualAtEveryLevel(_ index: Int) {
        let (format, width, mantissa, exponent) = Self.formats[index]
        var generator = SeededGenerator(seed: UInt64(index))
        for count in [Int](0...40) + [1000, 1027, 4095, 4096, 12_289, 40_003] {
            for spread in [1, 3, 1 << exponent] {
                let base = (0..<count).map { _ in
                    // A few exponents, each with either sign and any mantissa.
                    generator.next() & ~(UInt64((1 << exponent) - 1) << UInt64(mantissa))
                        | UInt64(Int.random(in: 0..<spread, using: &generator)) << UInt64(mantissa)
                }
                let chunk = base.map { $0 &+ UInt64.random(in: 0...999, using: &generator) &- 500 }
                let baseBytes = bytes(of: base, width: width)
                let chunkBytes = bytes(of: chunk, width: width)
                let expected = differences(chunkBytes, baseBytes, width, mantissa, exponent)
                for level in allLevels {
                    var classes = mr_delta_classes()
                    baseBytes.withCopy(misalignedBy: 1) { base in
                        mr_delta_classify(format, base.baseAddress, count, &classes)
                        // Elements of up to eight bytes in memory that is aligned for them.
                        var sorted = [UInt64](repeating: 0, count: count + 1)
                        chunkBytes.withCopy(misalignedBy: 3) {
                            mr_float_delta(
                                level, format, $0.baseAddress, base.baseAddress, count, &classes, &sorted)
                        }
                        #expect(sorted.withUnsafeBytes { [UInt8]($0[..<(count * width)]) } == expected)
                        var restored = [UInt8](repeating: 0, count: count * width)
                        mr_float_undelta(level, format, sorted, base.baseAddress, count, &classes, &restored)
                        #expect(restored == chunkBytes)
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 2, 4, 8]) func integerDeltasAreEqualAtEveryLevel(width: Int) {
        var generator = SeededGenerator(seed: UInt64(width))
        for count in [Int](0...80) + [1000, 4097] {
            let chunk = bytes(of: (0..<count).map { _ in generator.next() }, width: width)
            let base = bytes(of: (0..<count).map { _ in generator.next() }, width: width)
            let expected = (0..<count).flatMap { i in
                bytes(
                    of: [zigzag(element(chunk, i, width) &- element(base, i, width), width: width)],
                    width: width)
            }
            for level in allLevels {
                var differences = [UInt8](repeating: 0, count: count * width)
                chunk.withCopy(misalignedBy: 3) {
                    mr_integer_delta(level, $0.baseAddress, base, count, width, &differences)
                }
                #expect(differences == expected)
                var restored = [UInt8](repeating: 0, count: count * width)
                mr_integer_undelta(level, differences, base, count, width, &restored)
                #expect(restored == chunk)
            }
        }
    }

    @Test func classesHaveAtLeast4096Elements() {
        // 5000 with exponent 0, 3000 with 1, 2000 with 2, 4000 with 3: the last are too few for a class.
        let exponents = [(0, 5000), (1, 3000), (2, 2000), (3, 4000)]
        let base = exponents.flatMap { exponent, count in
            [UInt32](repeating: UInt32(exponent) << 23, count: count)
        }
        var classes = mr_delta_classes()
        mr_delta_classify(MR_FLOAT32, base, base.count, &classes)
        #expect(classes.class_count == 2)
        #expect(classes.counts.0 == 5000)
        #expect(classes.counts.1 == 9000)
    }

    @Test func thereAreAtMost32Classes() {
        let base = (0..<256 as Range<UInt32>).flatMap { [UInt32](repeating: $0 << 23, count: 4096) }
        var classes = mr_delta_classes()
        mr_delta_classify(MR_FLOAT32, base, base.count, &classes)
        #expect(classes.class_count == 32)
        #expect(classes.counts.30 == 4096)
        #expect(classes.counts.31 == 4096 * 225)
    }

    /// The definition, in the plainest way.
    private func differences(
        _ chunk: [UInt8], _ base: [UInt8], _ width: Int, _ mantissa: Int, _ exponent: Int
    ) -> [UInt8] {
        let count = chunk.count / width
        let exponents = (0..<count).map { i in
            Int(element(base, i, width) >> UInt64(mantissa)) & ((1 << exponent) - 1)
        }
        var sizes = [Int](repeating: 0, count: 1 << exponent)
        for exponent in exponents { sizes[exponent] += 1 }
        var classOf = sizes
        var size = 0
        var remaining = count
        var current = 0
        for exponent in sizes.indices {
            if size >= 4096, remaining >= 4096, current < 31 { (size, current) = (0, current + 1) }
            classOf[exponent] = current
            size += sizes[exponent]
            remaining -= sizes[exponent]
        }
        let order = (0..<count).sorted { (classOf[exponents[$0]], $0) < (classOf[exponents[$1]], $1) }
        return bytes(
            of: order.map { i in
                zigzag(
                    folded(element(chunk, i, width), width: width)
                        &- folded(element(base, i, width), width: width), width: width)
            }, width: width)
    }

    private func element(_ bytes: [UInt8], _ i: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 | UInt64(bytes[i * width + $1]) << UInt64(8 * $1) }
    }

    private func bytes(of elements: [UInt64], width: Int) -> [UInt8] {
        elements.flatMap { element in
            (0..<width).map { UInt8(truncatingIfNeeded: element >> UInt64(8 * $0)) }
        }
    }

    private func signExtended(_ element: UInt64, width: Int) -> Int64 {
        Int64(bitPattern: element << UInt64(64 - 8 * width)) >> Int64(64 - 8 * width)
    }

    private func zigzag(_ element: UInt64, width: Int) -> UInt64 {
        let x = signExtended(element, width: width)
        return UInt64(bitPattern: x << 1 ^ x >> 63)
    }

    private func folded(_ element: UInt64, width: Int) -> UInt64 {
        let x = signExtended(element, width: width)
        return UInt64(bitPattern: x >= 0 ? x : x ^ (Int64.max >> Int64(64 - 8 * width)))
    }
}
