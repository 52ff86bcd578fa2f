import Tensors
import Testing

struct OrderTests {
    /// Against a stable sort, with many equal elements, NaN, infinities and both zeros; few wanted take another way than
    /// many.
    @Test(arguments: [DType.float32, .float64, .int64, .bfloat16, .uint8])
    func bestOfEachRowAreThoseOfAStableSort(_ dtype: DType) {
        let generator = RandomGenerator(seed: 9)
        let x = generator.integers(in: -40..<41, [5, 700]).to(.float32)
        if dtype.isFloatingPoint {
            x[0, 3] = Tensor([Float.nan], shape: [])
            x[0, 90] = Tensor([Float.nan], shape: [])
            x[1, 7] = Tensor([-Float.infinity], shape: [])
            x[2, 2] = Tensor([Float(-0.0)], shape: [])
        }
        let tensor = (dtype == .uint8 ? x.abs() : x).to(dtype)
        let rows = tensor.doubles()
        for count in [0, 1, 5, 80, 200, 700] {
            for largest in [true, false] {
                let (values, indices) = tensor.topK(count, largest: largest)
                var expected: [Int64] = []
                for row in 0..<5 {
                    let numbers = Array(rows[row * 700..<(row + 1) * 700])
                    let order = numbers.indices.sorted { a, b in
                        let (x, y) = (numbers[a], numbers[b])
                        if x == y || (x.isNaN && y.isNaN) { return a < b }
                        if x.isNaN || y.isNaN { return x.isNaN == largest }
                        return largest ? x > y : x < y
                    }
                    expected += order.prefix(count).map(Int64.init)
                }
                #expect(
                    indices.scalars(as: Int64.self) == expected, "\(count) of \(dtype), largest: \(largest)")
                #expect(values.isIdentical(to: tensor.gather(1, indices)))
            }
        }
    }

    @Test func orderAlongAnotherAxis() {
        let x = Tensor([[3.0, 1], [2, 5], [9, 4]])
        let (values, indices) = x.sorted(alongAxis: 0)
        #expect(values.doubles() == [2, 1, 3, 4, 9, 5] && indices.doubles() == [1, 0, 0, 2, 2, 1])
        #expect(x.topK(1, alongAxis: 0).values.doubles() == [9, 5])
    }

    /// Long rows take the way with vectors, columns another.
    @Test func placesOfExtremesAreTheFirst() {
        let generator = RandomGenerator(seed: 2)
        let x = generator.integers(in: 0..<50, [6, 333]).to(.float32)
        x[2, 200] = Tensor([Float.nan], shape: [])
        x[2, 300] = Tensor([Float.nan], shape: [])
        for tensor in [x, x.to(.float64), x.t.contiguous().t] {
            let byRow = tensor.argmax(alongAxis: 1).doubles()
            let byColumn = tensor.t.contiguous().argmax(alongAxis: 0).doubles()
            #expect(byRow == byColumn && byRow[2] == 200)
            for row in [0, 1, 3, 4, 5] {
                let numbers = x[row].doubles()
                #expect(byRow[row] == Double(numbers.firstIndex(of: numbers.max() ?? 0) ?? -1))
                let least: Double = tensor.argmin(alongAxis: 1).doubles()[row]
                #expect(least == Double(numbers.firstIndex(of: numbers.min() ?? 0) ?? -1))
            }
        }
    }
}
