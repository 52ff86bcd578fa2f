import CKernels
import TestSupport
import Testing

@Suite struct HealthTests {
    private static let types: [(type: mr_health_type, width: Int)] = [
        (MR_HEALTH_UINT8, 1), (MR_HEALTH_INT8, 1), (MR_HEALTH_UINT16, 2), (MR_HEALTH_INT16, 2),
        (MR_HEALTH_UINT32, 4), (MR_HEALTH_INT32, 4), (MR_HEALTH_UINT64, 8), (MR_HEALTH_INT64, 8),
        (MR_HEALTH_FLOAT16, 2), (MR_HEALTH_BFLOAT16, 2), (MR_HEALTH_FLOAT32, 4), (MR_HEALTH_FLOAT64, 8),
        (MR_HEALTH_FLOAT8_E4M3FN, 1), (MR_HEALTH_FLOAT8_E4M3FNUZ, 1), (MR_HEALTH_FLOAT8_E5M2, 1),
        (MR_HEALTH_FLOAT8_E5M2FNUZ, 1), (MR_HEALTH_FLOAT8_E8M0FNU, 1),
    ]

    @Test(arguments: 0..<17) func everyLevelIsEqualToTheLastBit(_ index: Int) {
        let (type, width) = Self.types[index]
        var generator = SeededGenerator(seed: UInt64(index))
        for count in [Int](0...70) + [511, 512, 513, 1000, 4096, 10_007] {
            let bytes = (0..<(count * width)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let expected = mr_health_of(MR_CPU_PORTABLE, type, bytes, count)
            #expect(expected.element_count == UInt64(count))
            for level in [MR_CPU_AVX2, MR_CPU_AVX512] {
                let health = bytes.withCopy(misalignedBy: 1) {
                    mr_health_of(level, type, $0.baseAddress, count)
                }
                #expect(health.isIdentical(to: expected), "\(count) elements")
            }
        }
    }

    @Test func float32() {
        let elements: [Float] = [1, -2, .nan, .infinity, -.infinity, 0, -0.0, 0x1p-149, -.signalingNaN, 3]
        let health = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT32, elements, elements.count)
        #expect(health.nan_count == 2)
        #expect(health.infinity_count == 2)
        #expect(health.zero_count == 2)
        #expect(health.minimum == -2)
        #expect(health.maximum == 3)
        #expect(health.sum_of_squares == 14)
    }

    @Test func float64() {
        let elements: [Double] = [1e300, -1e-300, .nan, .infinity, 0]
        let health = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT64, elements, elements.count)
        #expect(health.nan_count == 1)
        #expect(health.infinity_count == 1)
        #expect(health.zero_count == 1)
        #expect(health.minimum == -1e-300)
        #expect(health.maximum == 1e300)
        #expect(health.sum_of_squares == .infinity)
    }

    @Test func float16() {
        // 1, -2, the greatest, the least subnormal, -0, infinity, NaN
        let elements: [UInt16] = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0xfe00]
        let health = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT16, elements, elements.count)
        #expect(health.nan_count == 1)
        #expect(health.infinity_count == 1)
        #expect(health.zero_count == 1)
        #expect(health.minimum == -2)
        #expect(health.maximum == 65504)
        #expect(health.sum_of_squares == 5 + 65504 * 65504 + 0x1p-48)
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT16, [0x0001] as [UInt16], 1).maximum == 0x1p-24)
    }

    @Test func bfloat16() {
        let elements: [UInt16] = [0x3f80, 0xc000, 0x7f80, 0x7fc0, 0x8000]
        let health = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_BFLOAT16, elements, elements.count)
        #expect(health.nan_count == 1)
        #expect(health.infinity_count == 1)
        #expect(health.zero_count == 1)
        #expect(health.minimum == -2)
        #expect(health.maximum == 1)
        #expect(health.sum_of_squares == 5)
    }

    @Test func integers() {
        let signed = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_INT64, [-5, 0, 7] as [Int64], 3)
        #expect(signed.minimum == -5)
        #expect(signed.maximum == 7)
        #expect(signed.sum_of_squares == 74)
        #expect(signed.zero_count == 1)
        #expect(signed.nan_count == 0)
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_UINT64, [UInt64.max], 1).maximum == 0x1p64)
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_INT16, [Int16.min], 1).minimum == -32768)
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_UINT16, [UInt16.max], 1).maximum == 65535)
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_UINT32, [UInt32.max], 1).maximum == 4_294_967_295)
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_INT8, [Int8.min], 1).minimum == -128)
    }

    @Test func floatsOfEightBits() {
        // The greatest finite values are those of the OCP specification and of PyTorch's finfo.
        let all = (0...255).map { UInt8($0) }
        let expected: [(type: mr_health_type, nan: UInt64, infinity: UInt64, zero: UInt64, maximum: Double)] = [
            (MR_HEALTH_FLOAT8_E4M3FN, 2, 0, 2, 448), (MR_HEALTH_FLOAT8_E4M3FNUZ, 1, 0, 1, 240),
            (MR_HEALTH_FLOAT8_E5M2, 6, 2, 2, 57344), (MR_HEALTH_FLOAT8_E5M2FNUZ, 1, 0, 1, 57344),
            (MR_HEALTH_FLOAT8_E8M0FNU, 1, 0, 0, 0x1p127),
        ]
        for (type, nan, infinity, zero, maximum) in expected {
            let health = mr_health_of(MR_CPU_IN_USE, type, all, 256)
            #expect(health.nan_count == nan)
            #expect(health.infinity_count == infinity)
            #expect(health.zero_count == zero)
            #expect(health.maximum == maximum)
        }
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT8_E4M3FN, [UInt8(1)], 1).maximum == 0x1p-9)
        #expect(mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT8_E5M2, [UInt8(1)], 1).maximum == 0x1p-16)
    }

    @Test func nothingHasNoRange() {
        let empty = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT32, nil, 0)
        #expect(empty.isIdentical(to: mr_health_empty()))
        #expect(empty.minimum == .infinity)
        #expect(empty.maximum == -.infinity)
    }

    @Test func partsAddUp() {
        let elements = (0..<5000).map { Float($0 % 17) - 8 }
        let whole = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT32, elements, 5000)
        var total = mr_health_empty()
        for part in [elements[..<1234], elements[1234...]] {
            var health = mr_health_of(MR_CPU_IN_USE, MR_HEALTH_FLOAT32, [Float](part), part.count)
            mr_health_add(&total, &health)
        }
        // Sums of small integers are exact.
        #expect(total.isIdentical(to: whole))
    }
}

extension mr_health {
    fileprivate func isIdentical(to other: mr_health) -> Bool {
        element_count == other.element_count && nan_count == other.nan_count
            && infinity_count == other.infinity_count && zero_count == other.zero_count
            && minimum.bitPattern == other.minimum.bitPattern && maximum.bitPattern == other.maximum.bitPattern
            && sum_of_squares.bitPattern == other.sum_of_squares.bitPattern
    }
}
