import CKernels
import TestSupport
import Testing

/// The kernel of differences, against what its definition says, element by element.
@Suite struct DifferenceKernelTests {
    static let types: [(type: mr_health_type, width: Int)] = [
        (MR_HEALTH_UINT8, 1), (MR_HEALTH_INT8, 1), (MR_HEALTH_UINT16, 2), (MR_HEALTH_INT16, 2),
        (MR_HEALTH_UINT32, 4), (MR_HEALTH_INT32, 4), (MR_HEALTH_UINT64, 8), (MR_HEALTH_INT64, 8),
        (MR_HEALTH_FLOAT16, 2), (MR_HEALTH_BFLOAT16, 2), (MR_HEALTH_FLOAT32, 4), (MR_HEALTH_FLOAT64, 8),
        (MR_HEALTH_FLOAT8_E4M3FN, 1), (MR_HEALTH_FLOAT8_E4M3FNUZ, 1), (MR_HEALTH_FLOAT8_E5M2, 1),
        (MR_HEALTH_FLOAT8_E5M2FNUZ, 1), (MR_HEALTH_FLOAT8_E8M0FNU, 1),
    ]

    private static func bytes(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    @Test(arguments: 0..<17) func everyLevelIsEqualToTheLastBit(_ index: Int) {
        let (type, width) = Self.types[index]
        let (otherType, otherWidth) = Self.types[(index + 5) % 17]
        var generator = SeededGenerator(seed: UInt64(index))
        for count in [Int](0...20) + [1023, 1024, 1025, 5001] {
            let old = Self.bytes(count * width, &generator)
            // One byte further than the elements: kernels read at any address.
            let new = [0] + Self.bytes(count * width, &generator)
            let other = Self.bytes(count * otherWidth, &generator)
            new.withUnsafeBytes { new in
                let new = UnsafeRawBufferPointer(rebasing: new.dropFirst())
                let expected = mr_difference_of(MR_CPU_PORTABLE, type, old, type, new.baseAddress, count)
                let mixed = mr_difference_of(MR_CPU_PORTABLE, type, old, otherType, other, count)
                #expect(expected.element_count == UInt64(count))
                for level in [MR_CPU_AVX2, MR_CPU_AVX512] {
                    let found = mr_difference_of(level, type, old, type, new.baseAddress, count)
                    #expect(Self.isIdentical(found, expected), "\(count) elements, seed \(index)")
                    let foundMixed = mr_difference_of(level, type, old, otherType, other, count)
                    #expect(Self.isIdentical(foundMixed, mixed), "\(count) elements, seed \(index)")
                }
            }
        }
    }

    private static func isIdentical(_ left: mr_difference, _ right: mr_difference) -> Bool {
        withUnsafeBytes(of: left) { left in withUnsafeBytes(of: right) { left.elementsEqual($0) } }
    }

    @Test func partsAddUpToTheWhole() {
        var generator = SeededGenerator(seed: 1)
        let old = (0..<9000).map { _ in Float.random(in: -1...1, using: &generator) }
        var new = old.map { $0 + Float.random(in: -0.1...0.1, using: &generator) }
        new[7000] = 50
        var whole = mr_difference_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT32, old, MR_HEALTH_FLOAT32, new, 9000)
        var total = mr_difference_empty()
        for start in stride(from: 0, to: 9000, by: 2048) {
            let count = min(2048, 9000 - start)
            var part = mr_difference_of(
                MR_CPU_IN_USE, MR_HEALTH_FLOAT32, Array(old[start..<start + count]), MR_HEALTH_FLOAT32,
                Array(new[start..<start + count]), count)
            mr_difference_add(&total, &part, UInt64(start))
        }
        // Parts are multiples of a block, but sums of sums are rounded elsewhere.
        #expect(abs(mr_sum_value(total.squares) / mr_sum_value(whole.squares) - 1) < 1e-15)
        whole.squares = total.squares
        (whole.difference, whole.absolute, whole.products) = (total.difference, total.absolute, total.products)
        (whole.old_squares, whole.new_squares) = (total.old_squares, total.new_squares)
        #expect(Self.isIdentical(whole, total))
        #expect(total.maximum_position == 7000)
    }

    @Test func sumsKeepWhatRoundingLoses() {
        // 1, then 1e16 as often up as down: a plain sum forgets the 1.
        var new = [Double](repeating: 0, count: 3 * 1024)
        new[0] = 1
        for index in 1024..<2048 { (new[index], new[index + 1024]) = (1e16, -1e16) }
        let old = [Double](repeating: 0, count: new.count)
        let found = mr_difference_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT64, old, MR_HEALTH_FLOAT64, new, new.count)
        #expect(mr_sum_value(found.difference) == 1)
    }
}
