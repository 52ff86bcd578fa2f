import NN
import Tensors
import Testing

struct InitializerTests {
    private func drawn(_ rule: Initializer, _ shape: [Int] = [200, 300]) -> Tensor {
        let tensor = Tensor.zeros(shape)
        rule(tensor, generator: RandomGenerator(seed: 6))
        return tensor
    }

    /// 60,000 numbers: the standard deviation is known to 0.3 %; 1.5 % leaves 5 standard errors.
    @Test func standardDeviationsFollowTheFormulas() {
        let expected: [(String, Initializer, Double)] = [
            ("normal", .normal(mean: 1, std: 0.5), 0.5),
            ("uniform", .uniform(in: -3..<3), 1.732_05),
            ("xavier uniform", .xavierUniform(), (2.0 / 500).squareRoot()),
            ("xavier normal", .xavierNormal(gain: 2), 2 * (2.0 / 500).squareRoot()),
            ("kaiming uniform", .kaimingUniform(), (2.0 / 300).squareRoot()),
            ("kaiming normal", .kaimingNormal(mode: .fanOut, nonlinearity: .relu), (2.0 / 200).squareRoot()),
            ("kaiming tanh", .kaimingNormal(nonlinearity: .tanh), 5.0 / 3 / 300.squareRoot()),
            // The normal distribution between -2 and 2 standard deviations.
            ("truncated normal", .truncatedNormal(std: 1), 0.879_63),
        ]
        for (name, rule, std) in expected {
            let found = drawn(rule).standardDeviation().item()
            #expect(abs(found - std) < 0.015 * std, "\(name): \(found), expected \(std)")
        }
        #expect(drawn(.truncatedNormal(std: 1)).abs().max().item() <= 2)
    }

    @Test func constantsAreConstant() {
        #expect(
            (drawn(.zeros) .== 0).all() && (drawn(.ones) .== 1).all() && (drawn(.constant(0.5)) .== 0.5).all())
    }

    @Test(arguments: [[20, 50], [50, 20], [6, 2, 3, 3]]) func orthogonalRowsAreOrthonormal(_ shape: [Int]) {
        let matrix = drawn(.orthogonal(gain: 2), shape).reshaped(to: [shape[0], -1])
        let short = matrix.shape[0] <= matrix.shape[1] ? matrix : matrix.t
        #expect(short.matmul(short.t).isClose(to: Tensor.eye(short.shape[0]) * 4, absolute: 1e-5))
    }

    @Test func parametersStayLeavesThatRequireAGradient() {
        let linear = Linear(3, 3)
        linear.weight.initialize(.xavierNormal())
        #expect(linear.weight.isLeaf && linear.weight.requiresGrad)
    }
}
