import Foundations
import Tensors
import Testing
import WeightDiff

@Suite struct TensorDifferenceTests {
    private func difference(_ old: Tensor, _ new: Tensor) throws -> TensorDifference {
        try #require(
            old.withUnsafeBytes { oldBytes in
                new.withUnsafeBytes { TensorDifference(from: oldBytes, old.dtype, to: $0, new.dtype) }
            })
    }

    @Test func everyStatisticByHand() throws {
        let found = try difference(Tensor([Float(3), 4, 0, 1]), Tensor([Float(3), 4.5, 0, -1]))
        #expect(found.elementCount == 4 && found.finiteCount == 4)
        #expect(found.changedCount == 2 && found.changedShare == 0.5)
        #expect(found.l2Norm == (0.25 + 4).squareRoot())
        #expect(found.oldL2Norm == Double(26).squareRoot())
        #expect(found.newL2Norm == (9 + 20.25 + 1).squareRoot())
        #expect(found.relativeL2 == (4.25).squareRoot() / Double(26).squareRoot())
        #expect(found.maximumAbsolute == 2 && found.maximumPosition == 3)
        #expect(found.mean == -0.375 && found.meanAbsolute == 0.625)
        let cosine = (9 + 18 - 1) / (Double(26).squareRoot() * (30.25).squareRoot())
        #expect(abs(try #require(found.cosineSimilarity) - cosine) < 1e-15)
        // 4 -> 4.5 is 2^20 floats of 2^-21; 1 -> -1 is twice the 127 * 2^23 floats between 0 and 1.
        var histogram = [Int](repeating: 0, count: 32)
        (histogram[0], histogram[21], histogram[31]) = (2, 1, 1)
        #expect(found.ulpHistogram == histogram)
    }

    @Test func whatIsNotFiniteIsCountedAndComparedWithNothing() throws {
        let infinity = Float.infinity
        let found = try difference(
            Tensor([1, .nan, .nan, 2, infinity, infinity, 5]),
            Tensor([1, .nan, 7, .nan, infinity, 3, infinity]))
        #expect(found.finiteCount == 1 && found.l2Norm == 0 && found.maximumPosition == nil)
        // The two NaN have the same bits.
        #expect(found.changedCount == 4)
        #expect(found.oldNaNCount == 2 && found.newNaNCount == 2)
        #expect(found.appearedNaNCount == 1 && found.goneNaNCount == 1)
        #expect(found.oldInfinityCount == 2 && found.newInfinityCount == 2)
        #expect(found.appearedInfinityCount == 1 && found.goneInfinityCount == 1)
        // Norms are over all that is finite in one, as a registry stores them.
        #expect(found.oldL2Norm == Double(1 + 4 + 25).squareRoot())
        #expect(found.newL2Norm == Double(1 + 49 + 9).squareRoot())
    }

    @Test func zerosOfOtherSignAreOtherBitsAtTheSamePlace() throws {
        let found = try difference(Tensor([Float(0), 1]), Tensor([-Float(0), 1]))
        #expect(found.changedCount == 1 && found.l2Norm == 0 && found.relativeL2 == 0)
        #expect(found.ulpHistogram == [2])
    }

    @Test func aDifferenceFromNothingIsInfinitelyLarge() throws {
        let found = try difference(Tensor([Float(0), 0]), Tensor([Float(0), 2]))
        #expect(found.relativeL2 == .infinity && found.cosineSimilarity == nil)
        let none = try difference(Tensor([Float]()), Tensor([Float]()))
        #expect(none.mean == nil && none.relativeL2 == 0 && none.changedShare == 0 && none.ulpHistogram == [])
    }

    @Test func subnormalsAreNeighbours() throws {
        let least = Float.leastNonzeroMagnitude
        let found = try difference(Tensor([-least, 0, least]), Tensor([least, least, least.nextUp.nextUp]))
        #expect(found.ulpHistogram == [0, 1, 2])
        #expect(found.maximumAbsolute == Double(least) * 2 && found.maximumPosition == 0)
    }

    @Test func integersAreComparedByTheirDifference() throws {
        let found = try difference(Tensor([Int64.min, 5, 7]), Tensor([Int64.max, 5, 4]))
        #expect(found.ulpHistogram.count == 65 && found.ulpHistogram[64] == 1)
        #expect(found.ulpHistogram[0] == 1 && found.ulpHistogram[2] == 1)
        #expect(found.maximumAbsolute == 0x1p64)
        let flags = try difference(Tensor([true, false]), Tensor([true, true]))
        #expect(flags.changedCount == 1 && flags.l2Norm == 1)
    }

    @Test func typesAreComparedByValue() throws {
        let single = Tensor([Float(1), 0.1, .nan, -0.0])
        let half = single.to(.bfloat16)
        let found = try difference(single, half)
        #expect(found.changedCount == 1 && found.finiteCount == 3 && found.ulpHistogram == [])
        #expect(found.appearedNaNCount == 0 && found.maximumPosition == 1)
        let back = half.to(.float32).scalars(as: Float.self)[1]
        #expect(found.maximumAbsolute == abs(Double(back) - Double(Float(0.1))))
    }

    @Test func someTypesHaveNoValuesToCompare() {
        #expect(TensorDifference(from: .float4e2m1fn, to: .float4e2m1fn) == nil)
        #expect(TensorDifference(from: .complex64, to: .float32) == nil)
        #expect(TensorDifference(from: .complex64, to: .complex128) != nil)
    }

    @Test func complexNumbersAreTwo() throws {
        let parts: [Float] = [1, 2, 3, 4]
        let old = try parts.withUnsafeBytes { try Tensor(bytes: $0, dtype: .complex64, shape: [2]) }
        let new = try ([1, 2, 3, 5] as [Float]).withUnsafeBytes {
            try Tensor(bytes: $0, dtype: .complex64, shape: [2])
        }
        let found = try difference(old, new)
        #expect(found.elementCount == 4 && found.changedCount == 1 && found.maximumPosition == 3)
    }
}
