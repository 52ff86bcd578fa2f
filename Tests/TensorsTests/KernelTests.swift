import CKernels
import Foundation
import Tensors
import Testing

/// The instruction set is a setting of the whole process: these run one after the other, and leave the widest.
@Suite(.serialized) struct KernelTests {
    static func forEachInstructionSet(_ body: (Compute.InstructionSet) -> Void) {
        let widest = Compute.instructionSet
        for set in Compute.InstructionSet.allCases where set.rawValue <= widest.rawValue {
            Compute.limit(to: set)
            body(set)
        }
        Compute.limit(to: widest)
    }

    /// Small integers: every order of summation gives the same result, so any difference is a mistake.
    @Test func productsAreExactForIntegersOfAnyShapeAndStride() {
        let generator = RandomGenerator(seed: 3)
        let sizes = [1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 17, 31, 33, 64, 100, 257]
        Self.forEachInstructionSet { set in
            for dtype in [DType.float32, .float64] {
                for _ in 0..<40 {
                    let picks = generator.integers(in: 0..<sizes.count, [3]).scalars(as: Int64.self)
                    let (m, n, k) = (sizes[Int(picks[0])], sizes[Int(picks[1])], sizes[Int(picks[2])])
                    let a = generator.integers(in: -3..<4, [m, k]).to(dtype)
                    let b = generator.integers(in: -3..<4, [k, n]).to(dtype)
                    let expected = (a.unsqueezed(2) * b.unsqueezed(0)).sum(alongAxis: 1)
                    let turnedA = a.t.copied().t
                    let turnedB = b.t.copied().t
                    for (x, y) in [(a, b), (turnedA, b), (a, turnedB), (turnedA, turnedB)] {
                        #expect(x.matmul(y).isIdentical(to: expected), "\(set) \(dtype) \(m) x \(n) x \(k)")
                    }
                }
            }
        }
    }

    @Test func productsDoNotDependOnTheThreads() {
        let generator = RandomGenerator(seed: 4)
        let a = generator.integers(in: -3..<4, [150, 300]).to(.float32)
        let b = generator.integers(in: -3..<4, [300, 200]).to(.float32)
        let before = Compute.threadCount
        defer { Compute.threadCount = before }
        Compute.threadCount = 1
        let single = a.matmul(b)
        for count in [2, 3, 5] {
            Compute.threadCount = count
            #expect(a.matmul(b).isIdentical(to: single))
        }
    }

    /// float32 functions against float64: 3e-7 relative is 2.5 units in the last place.
    @Test func functionsAreAccurateToTheLastDigits() {
        let x = Tensor.linspace(-20, 20, count: 40_001).to(.float32)
        let wide = x.to(.float64)
        let positive = Tensor.linspace(-80, 80, count: 40_001, dtype: .float64).exp().to(.float32)
        Self.forEachInstructionSet { set in
            func check(_ name: String, _ got: Tensor, _ expected: Tensor, absolute: Double = 1e-38) {
                #expect(
                    got.isClose(to: expected.to(.float32), relative: 3e-7, absolute: absolute), "\(set) \(name)"
                )
            }
            check("exp", x.exp(), wide.exp())
            check("tanh", x.tanh(), wide.tanh())
            check("sigmoid", x.sigmoid(), wide.sigmoid())
            check("softplus", x.softplus(), wide.softplus())
            check("log", positive.log(), positive.to(.float64).log(), absolute: 1e-7)
            // Where Φ is small, x · Φ(x) is a difference of numbers near 1.
            check("gelu", x.gelu(), wide.gelu(), absolute: 2e-6)
            check("silu", x.silu(), wide.silu())
        }
    }

    @Test func functionsKeepSpecialValues() {
        let special = Tensor([Float.nan, .infinity, -.infinity, 0, -0.0, 200, -200])
        Self.forEachInstructionSet { set in
            let exp: [Float] = special.exp().scalars()
            #expect(
                exp[0].isNaN && exp[1] == .infinity && exp[2] == 0 && exp[3] == 1 && exp[5] == .infinity,
                "\(set)")
            let log: [Float] = special.log().scalars()
            #expect(log[0].isNaN && log[1] == .infinity && log[2].isNaN && log[3] == -.infinity, "\(set)")
            let tanh: [Float] = special.tanh().scalars()
            #expect(tanh[0].isNaN && tanh[1] == 1 && tanh[2] == -1 && tanh[4].sign == .minus, "\(set)")
            #expect((special.relu() .== special.relu()).sum().item() == 6, "\(set)")
        }
    }

    @Test func reductionsAgreeAcrossInstructionSets() {
        let x = RandomGenerator(seed: 5).normal([37, 1001])
        let expected = x.to(.float64).sum(alongAxis: 1).to(.float32)
        let columns = x.to(.float64).sum(alongAxis: 0).to(.float32)
        Self.forEachInstructionSet { set in
            #expect(x.sum(alongAxis: 1).isClose(to: expected, relative: 1e-6, absolute: 2e-5), "\(set)")
            #expect(x.sum(alongAxis: 0).isClose(to: columns, relative: 1e-6, absolute: 2e-6), "\(set)")
            #expect(x.max(alongAxis: 1).isIdentical(to: x.t.copied().max(alongAxis: 0)), "\(set)")
        }
    }

    /// The limit is one for all kernels: that of CRC-32 takes no bytes without its instruction.
    @Test func theLimitHoldsForCodecAndHashes() {
        let bytes = [UInt8](repeating: 7, count: 1000)
        Self.forEachInstructionSet { set in
            #expect(mr_available_level(MR_CPU_IN_USE).rawValue == set.rawValue)
            if set == .portable {
                var checksum: UInt32 = 0
                #expect(mr_crc32_fold(&checksum, bytes, bytes.count) == 0)
                #expect(!mr_has_instruction(MR_CPU_CRC32C) && !mr_has_instruction(MR_CPU_SHA256))
            }
            // A level that a test asks for is that of the processor, whatever the limit.
            #expect(mr_available_level(MR_CPU_PORTABLE) == MR_CPU_PORTABLE)
            #expect(mr_available_level(MR_CPU_AVX512).rawValue >= set.rawValue)
        }
    }

    @Test func hashesDoNotDependOnTheInstructionSet() {
        let first = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let second = (0..<333).map { UInt8(truncatingIfNeeded: $0 &* 17) }
        var pairs: [[UInt64]] = []
        var checksums: [UInt32] = []
        Self.forEachInstructionSet { _ in
            var digests = [UInt64](repeating: 0, count: 8)
            digests.withUnsafeMutableBytes { digests in
                let start = digests.baseAddress
                mr_sha256_pair(first, first.count, second, second.count, start, start.map { $0 + 32 })
            }
            pairs.append(digests)
            checksums.append(mr_crc32c(0, first, first.count))
        }
        #expect(Set(pairs).count == 1)
        #expect(Set(checksums).count == 1)
    }
}
