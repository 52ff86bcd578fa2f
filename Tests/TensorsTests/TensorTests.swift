import Foundation
import Tensors
import Testing

struct TensorTests {
    private let x = Tensor((0..<12).map(Float.init), shape: [3, 4])

    @Test func slicesAreViewsOfRangesStepsAndIndices() {
        #expect(x[1].doubles() == [4, 5, 6, 7])
        #expect(x[-1, -1].item() == 11)
        #expect(x[0..<2, 1].doubles() == [1, 5])
        #expect(x[1..., ...1].doubles() == [4, 5, 8, 9])
        #expect(x[..., 3].doubles() == [3, 7, 11])
        #expect(x[stride(from: 0, to: 3, by: 2), stride(from: 1, to: 4, by: 2)].doubles() == [1, 3, 9, 11])
        #expect(x[NewAxis(), 1].shape == [1, 4])
        #expect(x[1].storage === x.storage)
    }

    @Test func assignmentWritesThroughViews() {
        let x = x.copied()
        x[0, 0] = 42
        x[1..., 1] = 0
        x[..., 3] += 1
        x.data[...] += 1
        #expect(x.doubles() == [43, 2, 3, 5, 5, 1, 7, 9, 9, 1, 11, 13])
        x[x .> 5] = -1
        #expect(x.doubles() == [-1, 2, 3, 5, 5, 1, -1, -1, -1, 1, -1, -1])
    }

    @Test func overlappingAssignmentReadsOldValues() {
        let x = Tensor([1.0, 2, 3, 4])
        x[1...] = x[..<3]
        #expect(x.doubles() == [1, 1, 2, 3])
    }

    @Test func variableOfATensorIsNotChangedByCompoundAssignment() {
        var y = x
        y += 1
        #expect(x[0, 0].item() == 0 && y[0, 0].item() == 1)
    }

    @Test func broadcastingAlignsTheLastAxes() {
        #expect((x + Tensor([Float(10), 20, 30], shape: [3, 1]))[2].doubles() == [38, 39, 40, 41])
        #expect((x.t + Tensor([Float(1), 2, 3]))[0].doubles() == [1, 6, 11])
        #expect((Tensor.ones([2, 1, 3]) * Tensor.ones([4, 1])).shape == [2, 4, 3])
    }

    @Test func numbersKeepTheDtypeOfTensors() {
        #expect((x * 0.1).dtype == .float32)
        #expect((x.to(.float64) * 0.1)[0, 1].item() == 0.1)
        #expect((x.to(.bfloat16) + 1).dtype == .bfloat16)
        #expect((Tensor([Int64(1)]) + 1).dtype == .int64)
        #expect((Tensor([Int64(1)]) + 0.5).dtype == .float32)
        #expect((Tensor([Int64(1)]) / 2).item() == 0.5)
        #expect((Tensor([Int32(1)]) + Tensor([Int64(1)])).dtype == .int64)
        #expect((x + Tensor([1.0])).dtype == .float64)
        #expect((x + Tensor([1.0], shape: [])).dtype == .float32)
    }

    @Test func reductionsAlongAxes() {
        #expect(x.sum().item() == 66)
        #expect(x.sum(alongAxis: 0).doubles() == [12, 15, 18, 21])
        #expect(x.mean(alongAxis: -1, keepingAxes: true).shape == [3, 1])
        #expect(x.t.max(alongAxis: 0).doubles() == [3, 7, 11])
        #expect(x.variance().item() == 13)
        #expect(Tensor([true, true, false]).sum().scalars(as: Int64.self) == [2])
        #expect(Tensor.zeros([0]).sum().item() == 0)
        #expect(Tensor.zeros([2, 0]).sum(alongAxis: 1).doubles() == [0, 0])
    }

    @Test func reductionsLetNaNWin() {
        let x = Tensor([Float(1), .nan, 3])
        #expect(x.max().item().isNaN && x.min().item().isNaN && x.argmax().item() == 1)
    }

    /// 10 million terms: a plain float32 sum would be off by 1e-2 relative.
    @Test func longSumsKeepTheirPrecision() {
        #expect(abs(Tensor.full([10_000_000], 0.1).sum().item() - 1_000_000.0149) < 0.1)
        #expect(abs(Tensor.full([100_000, 2], 0.1).sum(alongAxis: 0)[0].item() - 10_000) < 0.01)
    }

    @Test func argmaxTakesTheFirstOfEqualOnes() {
        let x = Tensor([Float(1), 3, 3, 0, 5, 5], shape: [2, 3])
        #expect(x.argmax(alongAxis: 1).scalars(as: Int64.self) == [1, 1])
        #expect(x.argmax().item() == 4)
    }

    @Test func topKIsSortedAndNamesIndices() {
        let (values, indices) = Tensor([Float(1), 5, 3, 5]).topK(3)
        #expect(values.doubles() == [5, 5, 3])
        #expect(indices.scalars(as: Int64.self) == [1, 3, 2])
    }

    @Test func matmulTakesViewsAndStacks() {
        let a = Tensor([[1.0, 2], [3, 4]])
        #expect(a.matmul(a.t).doubles() == [5, 11, 11, 25])
        #expect(a.matmul(Tensor([1.0, 1])).doubles() == [3, 7])
        #expect(Tensor.ones([2, 1, 3, 4]).matmul(Tensor.ones([5, 4, 6])).shape == [2, 5, 3, 6])
        #expect(Tensor.ones([2, 0]).matmul(Tensor.ones([0, 3])).doubles() == [0, 0, 0, 0, 0, 0])
    }

    @Test func wrongShapesTrapWithBothShapes() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor.ones([2, 3]).matmul(Tensor.ones([2, 3]))
        }
        let text = standardError(result)
        #expect(text.contains("matmul of shapes [2, 3] and [2, 3]: inner dimensions differ"))
    }

    @Test func wrongIndicesTrapWithIndexAndShape() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor.ones([2, 3]).indexSelect(0, Tensor([Int64(2)]))
        }
        #expect(
            standardError(result)
                .contains("index 2 of axis 0 of a tensor of shape [2, 3]"))
    }

    @Test func joiningAndSplittingAreInverse() {
        let parts = x.split([1, 3], alongAxis: 1)
        #expect(Tensor.concatenate(parts, alongAxis: 1).isIdentical(to: x))
        #expect(Tensor.stack([x, x]).shape == [2, 3, 4])
        #expect(x.chunked(2).map { $0.shape[0] } == [2, 1])
    }

    @Test func comparisonsMakeMasks() {
        #expect((x .>= 11).sum().item() == 1)
        #expect(((x .> 2) .& !(x .> 4))[0, 3].item() == 1)
        #expect((x .== x).all() && !(x .!= x).any())
        #expect(Tensor([Float.nan]).isNaN.all())
        #expect(x.sum() > 65)
    }

    @Test func halvesRoundAsPyTorchDoes() throws {
        struct Halves: Decodable {
            let values: [Double]
            let float16: [Int16]
            let bfloat16: [Int16]
        }
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fixtures/engine/halves.json")
        let text = try String(contentsOf: path, encoding: .utf8).replacingOccurrences(
            of: "1e999", with: "1e308")
        let halves = try JSONDecoder().decode(Halves.self, from: Data(text.utf8))
        let values = Tensor(halves.values.map { $0 == 1e308 ? Float.infinity : Float($0) })
        for (dtype, expected) in [(DType.float16, halves.float16), (.bfloat16, halves.bfloat16)] {
            let narrow = values.to(dtype)
            let bits = narrow.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
            #expect(bits == expected, "\(dtype)")
            #expect(narrow.to(.float32).to(dtype).isIdentical(to: narrow))
        }
    }

    @Test func everyHalfSurvivesTheWayThroughFloat32() {
        let all = (0...UInt16.max).map { $0 }
        for dtype in [DType.float16, .bfloat16] {
            let halves = all.withUnsafeBytes { try? Tensor(bytes: $0, dtype: dtype, shape: [all.count]) }
            let back = halves?.to(.float32).to(dtype)
            // NaNs are made quiet; all others keep their bits.
            let isNaN = halves?.isNaN.scalars(as: Bool.self) ?? []
            let bits = back?.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) } ?? []
            #expect(zip(all, bits).enumerated().allSatisfy { $1.0 == $1.1 || isNaN[$0] })
        }
    }

    @Test func conversionsToIntegersTruncateAndSaturate() {
        let x = Tensor([Float(1.9), -1.9, 300, -300, .nan, .infinity])
        #expect(x.to(.int8).scalars(as: Int8.self) == [1, -1, 127, -128, 0, 127])
        #expect(x.to(.uint8).scalars(as: UInt8.self) == [1, 0, 255, 0, 0, 255])
        #expect(x.to(.bool).scalars(as: Bool.self) == [true, true, true, true, true, true])
        #expect(Tensor([Int64.max]).to(.int64).scalars(as: Int64.self) == [.max])
    }

    @Test func printsAsPyTorchDoes() {
        #expect(
            "\(Tensor([[Float(1), 2.5], [3, 4]]))" == "tensor([[1.0000, 2.5000],\n        [3.0000, 4.0000]])")
        #expect("\(Tensor([Int64(1), 2]))" == "tensor([1, 2])")
        #expect("\(Tensor([1.0], shape: []))" == "tensor(1.0000, dtype=float64)")
    }

    @Test func numbersOfSwiftMeetTensors() {
        let x = Tensor([Float(2), 3])
        let n = 2
        #expect((x / n).doubles() == [1, 1.5] && (n / x).doubles() == [1, 2.0 / 3].map { Double(Float($0)) })
        #expect((x * n + n - 1).doubles() == [5, 7])
        #expect((x / n).dtype == .float32)
        #expect(x.pow(2).doubles() == [4, 9])
        #expect(x.pow(n).doubles() == [4, 9] && x.pow(-1).doubles()[0] == 0.5)
        let single: Float = x[0].item()
        #expect(single == 2)
        #expect(Tensor([2.75]).item(as: Int.self) == 2)
        // An integer beyond 2^53, which is no double.
        #expect(Tensor([Int64.max]).item(as: Int.self) == Int(Int64.max))
        #expect(x.reshaped(to: 2, 1).shape == [2, 1])
    }

    @Test func negativeBoundsCountFromTheEnd() {
        let x = Tensor.arange(0..<6)
        func numbers(_ t: Tensor) -> [Double] { t.doubles() }
        #expect(numbers(x[-3 ..< -1]) == [3, 4])
        #expect(numbers(x[(-2)...]) == [4, 5])
        #expect(numbers(x[..<(-4)]) == [0, 1])
        #expect(numbers(x[...(-4)]) == [0, 1, 2])
        #expect(numbers(x[...(-1)]) == [0, 1, 2, 3, 4, 5])
        #expect(numbers(x[-3...(-1)]) == [3, 4, 5])
        #expect(numbers(x[stride(from: -5, through: -1, by: 2)]) == [1, 3, 5])
        #expect(numbers(x[-4 ..< -4]) == [])
    }
}
