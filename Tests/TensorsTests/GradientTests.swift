import Tensors
import Testing

/// A function of tensors, to be differentiated in float64.
struct DifferentiableCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let shapes: [[Int]]
    /// U[low, high) is where the function is smooth.
    let range: Range<Double>
    let function: @Sendable ([Tensor]) -> Tensor

    init(
        _ name: String, _ shapes: [[Int]], in range: Range<Double> = -2..<2,
        _ function: @escaping @Sendable ([Tensor]) -> Tensor
    ) {
        (testDescription, self.shapes, self.range, self.function) = (name, shapes, range, function)
    }
}

private let m = [3, 4]

/// Every differentiable operation, with broadcasting where it broadcasts.
private let cases: [DifferentiableCase] = [
    .init("add", [m, [4]]) { $0[0] + $0[1] },
    .init("subtract", [[3, 1], m]) { $0[0] - $0[1] },
    .init("multiply", [m, [1, 4]]) { $0[0] * $0[1] },
    .init("divide", [m, [3, 1]], in: 0.5..<2) { $0[0] / $0[1] },
    .init("scalars", [m]) { 2 - ($0[0] * 3 + 1) / 4 },
    .init("negate", [m]) { -$0[0] },
    .init("pow", [m, [4]], in: 0.5..<2) { $0[0].pow($0[1]) },
    .init("pow of a number", [m], in: 0.5..<2) { $0[0].pow(2.5) },
    .init("maximum", [m, m]) { $0[0].maximum($0[1]) },
    .init("minimum", [m, [4]]) { $0[0].minimum($0[1]) },
    .init("clamped", [m]) { $0[0].clamped(to: -1.03...0.97) },
    .init("abs", [m]) { $0[0].abs() },
    .init("exp", [m]) { $0[0].exp() },
    .init("log", [m], in: 0.5..<3) { $0[0].log() },
    .init("log1p", [m], in: -0.5..<3) { $0[0].log1p() },
    .init("expm1", [m]) { $0[0].expm1() },
    .init("sqrt", [m], in: 0.5..<3) { $0[0].sqrt() },
    .init("rsqrt", [m], in: 0.5..<3) { $0[0].rsqrt() },
    .init("reciprocal", [m], in: 0.5..<3) { $0[0].reciprocal() },
    .init("square", [m]) { $0[0].square() },
    .init("sin", [m]) { $0[0].sin() },
    .init("cos", [m]) { $0[0].cos() },
    .init("tanh", [m]) { $0[0].tanh() },
    .init("erf", [m]) { $0[0].erf() },
    .init("sigmoid", [m]) { $0[0].sigmoid() },
    .init("softplus", [m]) { $0[0].softplus() },
    .init("relu", [m]) { $0[0].relu() },
    .init("gelu", [m]) { $0[0].gelu() },
    .init("gelu tanh", [m]) { $0[0].gelu(approximatedByTanh: true) },
    .init("silu", [m]) { $0[0].silu() },
    .init("leakyRelu", [m]) { $0[0].leakyRelu(slope: 0.1) },
    .init("elu", [m]) { $0[0].elu() },
    .init("sum", [m]) { $0[0].sum() },
    .init("sum along an axis", [[2, 3, 4]]) { $0[0].sum(alongAxis: 1) },
    .init("sum along axes apart", [[2, 3, 4]]) { $0[0].sum(alongAxes: [0, 2], keepingAxes: true) },
    .init("mean", [[2, 3, 4]]) { $0[0].mean(alongAxes: [1, 2]) },
    .init("variance", [m]) { $0[0].variance(alongAxes: [1]) },
    .init("standardDeviation", [m]) { $0[0].standardDeviation() },
    .init("product", [m]) { $0[0].product(alongAxes: [1]) },
    .init("product of all", [[2, 2]]) { $0[0].product() },
    .init("max", [m]) { $0[0].max(alongAxis: 0) },
    .init("min", [m]) { $0[0].min() },
    .init("norm", [m]) { $0[0].norm() },
    .init("logSumExp", [m]) { $0[0].logSumExp(alongAxis: 1) },
    .init("softmax", [m]) { $0[0].softmax() },
    .init("softmax along the first axis", [[2, 3, 4]]) { $0[0].softmax(alongAxis: 0) },
    .init("logSoftmax", [m]) { $0[0].logSoftmax() },
    .init("reshaped", [m]) { $0[0].reshaped(to: [2, -1]) * 2 },
    .init("permuted", [[2, 3, 4]]) { $0[0].permuted([2, 0, 1]).square() },
    .init("transposed and reshaped", [m]) { $0[0].t.reshaped(to: [12]).square() },
    .init("unsqueezed and squeezed", [m]) { $0[0].unsqueezed(1).square().squeezed(1) },
    .init("broadcast", [[3, 1]]) { $0[0].broadcast(to: [2, 3, 4]).square() },
    .init("slices", [[5, 4]]) { $0[0][1..<4, 2].square() },
    .init("slices with steps", [[5, 6]]) { $0[0][stride(from: 0, to: 5, by: 2), 1..<5].square() },
    .init("copied", [m]) { $0[0].t.copied().square() },
    .init("masked", [m]) { $0[0][Tensor([true, false, true, true])] },
    .init("rows by index", [m]) { $0[0][Tensor([Int64(2), 0, 2])] },
    .init("matmul", [[3, 4], [4, 2]]) { $0[0].matmul($0[1]) },
    .init("matmul of vectors", [[4], [4]]) { $0[0].matmul($0[1]) },
    .init("matmul vector by matrix", [[4], [4, 3]]) { $0[0].matmul($0[1]) },
    .init("matmul batched, broadcast", [[2, 1, 3, 4], [5, 4, 2]]) { $0[0].matmul($0[1]) },
    .init("matmul of a stack by a matrix", [[2, 3, 4], [4, 2]]) { $0[0].matmul($0[1]) },
    .init("matmul transposed", [[4, 3], [2, 4]]) { $0[0].t.matmul($0[1].t) },
    .init("linear", [[2, 3, 4], [5, 4], [5]]) { $0[0].linear($0[1], bias: $0[2]) },
    .init("where", [m, [4]]) { Tensor.where(Tensor([true, false, false, true]), $0[0], $0[1]) },
    .init("indexSelect", [m]) { $0[0].indexSelect(1, Tensor([Int64(3), 0, 0, -1])) },
    .init("gather", [m]) { $0[0].gather(1, Tensor([Int64(0), 0, 3, 1], shape: [2, 2])) },
    .init("scatterAdd", [m, [3, 2]]) {
        $0[0].scatterAdd(1, Tensor([Int64(0), 0, 3, 1, 2, 2], shape: [3, 2]), $0[1])
    },
    .init("topK", [m]) { $0[0].topK(2).values },
    .init("concatenate", [m, [2, 4]]) { Tensor.concatenate($0) },
    .init("stack", [m, m]) { Tensor.stack($0, alongAxis: 1) },
    .init("split", [[5, 2]]) { $0[0].split(2)[1] * $0[0].split([2, 3])[0] },
    .init("tiled", [m]) { $0[0].tiled([2, 1]).square() },
    .init("triangle", [m]) { $0[0].lowerTriangle() + $0[0].upperTriangle(diagonal: 1) * 2 },
    .init("to float32 and back would lose digits; to itself", [m]) { $0[0].to(.float64).square() },
    .init("rowCrossEntropy", [m]) { $0[0].rowCrossEntropy(Tensor([Int64(1), -100, 3])) },
    .init("layerNorm", [[2, 3, 4], [3, 4], [3, 4]]) {
        $0[0].layerNorm(axisCount: 2, weight: $0[1], bias: $0[2])
    },
    .init("layerNorm without weight", [m]) { $0[0].layerNorm(weight: nil, bias: nil) },
    .init("conv2d", [[2, 3, 5, 4], [4, 3, 3, 2], [4]]) {
        $0[0].conv2d(
            $0[1], bias: $0[2],
            windows: Windows(kernel: (3, 2), stride: (2, 1), padding: (1, 0), dilation: (1, 2)))
    },
    .init("conv2d in groups", [[1, 4, 4, 4], [2, 2, 2, 2]]) {
        $0[0].conv2d(
            $0[1], bias: nil, windows: Windows(kernel: (2, 2), stride: (1, 1), padding: (0, 0)), groups: 2)
    },
    .init("maxPool2d", [[1, 2, 5, 5]]) {
        $0[0].maxPool2d(Windows(kernel: (2, 2), stride: (2, 2), padding: (1, 1)))
    },
    .init("avgPool2d", [[1, 2, 5, 5]]) {
        $0[0].avgPool2d(Windows(kernel: (3, 2), stride: (2, 2), padding: (1, 1)), countsPadding: false)
    },
    .init("adaptiveAvgPool2d", [[1, 2, 5, 7]]) { $0[0].adaptiveAvgPool2d(2, 3) },
    .init("assignment to a slice", [m, [2]]) {
        let y = $0[0] * 1
        y[1, 1..<3] = $0[1]
        return y.square()
    },
    .init("assignment to a mask", [m, [4]]) {
        let y = $0[0] * 2
        y[Tensor([true, false, false, true])] = $0[1]
        return y.square()
    },
    .init("one tensor in many places", [m]) { ($0[0] * $0[0] + $0[0]).matmul($0[0].t) },
]

struct GradientTests {
    /// Central differences with a step of 1e-5 are right to about 1e-9 for functions of this size; 1e-7 leaves room
    /// for steep ones.
    @Test(arguments: cases) func gradientAgreesWithCentralDifferences(_ test: DifferentiableCase) {
        let generator = RandomGenerator(seed: 11)
        let inputs = test.shapes.map {
            generator.uniform($0, from: test.range.lowerBound, to: test.range.upperBound, dtype: .float64)
        }
        let leaves = inputs.map { $0.copied().requiringGrad() }
        let result = test.function(leaves)
        let weights = generator.uniform(result.shape, from: -1, to: 1, dtype: .float64)
        result.backward(gradient: weights)
        for (position, input) in inputs.enumerated() {
            let gradient = leaves[position].grad?.doubles() ?? []
            #expect(gradient.count == input.elementCount)
            let values: [Double] = input.scalars()
            for index in values.indices {
                let h = 1e-5
                let sides = [h, -h].map { shift in
                    var shifted = values
                    shifted[index] += shift
                    var arguments = inputs.map { $0.copied() }
                    arguments[position] = Tensor(shifted, shape: input.shape)
                    return (test.function(arguments) * weights).sum().item()
                }
                let expected = (sides[0] - sides[1]) / (2 * h)
                #expect(
                    abs(gradient[index] - expected) <= 1e-7 * max(1, abs(expected)),
                    "input \(position), element \(index): \(gradient[index]), expected \(expected)")
            }
        }
    }
}
