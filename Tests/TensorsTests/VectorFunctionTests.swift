import Foundation
import Tensors
import Testing

/// Each instruction set's functions against the C library in double precision.
extension KernelTests {
    struct Function: Sendable {
        let name: String
        let range: ClosedRange<Double>
        /// In units in the last place of the result.
        let tolerance: Double
        let ours: @Sendable (Tensor) -> Tensor
        let exact: @Sendable (Double) -> Double
    }

    static let functions: [Function] = [
        .init(name: "exp", range: -80...80, tolerance: 1.5, ours: { $0.exp() }, exact: exp),
        .init(name: "log", range: 1e-6...50, tolerance: 1.5, ours: { $0.log() }, exact: log),
        .init(name: "tanh", range: -5...5, tolerance: 2.5, ours: { $0.tanh() }, exact: tanh),
        .init(name: "erf", range: -5...5, tolerance: 1.5, ours: { $0.erf() }, exact: erf),
        .init(name: "sin", range: -40...40, tolerance: 2, ours: { $0.sin() }, exact: sin),
        .init(name: "cos", range: -40...40, tolerance: 2, ours: { $0.cos() }, exact: cos),
        .init(name: "sin of large", range: -8000...8000, tolerance: 2.5, ours: { $0.sin() }, exact: sin),
        .init(name: "sin of huge", range: -1e7...1e7, tolerance: 1, ours: { $0.sin() }, exact: sin),
        .init(name: "log1p", range: -0.9...20, tolerance: 3, ours: { $0.log1p() }, exact: log1p),
        .init(name: "expm1", range: -20...20, tolerance: 3, ours: { $0.expm1() }, exact: expm1),
        .init(name: "expm1 near 0", range: -1e-3...1e-3, tolerance: 3, ours: { $0.expm1() }, exact: expm1),
        .init(
            name: "pow", range: 0...30, tolerance: 1, ours: { $0.pow(2.7) },
            exact: { pow($0, Double(Float(2.7))) }),
        .init(name: "cube", range: -9...9, tolerance: 1.5, ours: { $0.pow(3) }, exact: { $0 * $0 * $0 }),
    ]

    @Test func everyInstructionSetComputesThem() {
        Self.forEachInstructionSet { set in
            for function in Self.functions {
                let x = RandomGenerator(seed: 5).uniform(
                    [4099], from: function.range.lowerBound, to: function.range.upperBound)
                let results = function.ours(x).doubles()
                var worst = (error: 0.0, at: 0.0)
                for (x, result) in zip(x.doubles(), results) {
                    let exact = function.exact(x)
                    let error = abs(result - exact) / Double(Swift.max(abs(Float(exact)), 1e-30).ulp)
                    if !(error <= worst.error) { worst = (error, x) }
                }
                #expect(worst.error <= function.tolerance, "\(function.name) by \(set) at \(worst.at)")
            }
        }
    }

    /// Zeros with signs, infinities, NaN and powers of negative numbers are those of the C library.
    @Test func specialValuesAreThoseOfTheCLibrary() {
        let special: [Float] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, 2, -2, 0.5, -0.5, 3, -3, .leastNonzeroMagnitude,
            -.leastNonzeroMagnitude, 3e38, 16_777_216,
            1e30, -1e30, 7.5,
        ]
        func same(_ a: Float, _ b: Float) -> Bool {
            a.isNaN && b.isNaN || (abs(a - b) <= 2 * b.ulp || a == b) && a.sign == b.sign
        }
        Self.forEachInstructionSet { set in
            for y in special {
                let powers: [Float] = Tensor(special).pow(Tensor([y])).scalars()
                for (x, power) in zip(special, powers) {
                    #expect(same(power, powf(x, y)), "pow(\(x), \(y)) is \(power) by \(set)")
                }
            }
            let functions: [(String, Tensor, (Float) -> Float)] = [
                ("sin", Tensor(special).sin(), sinf), ("cos", Tensor(special).cos(), cosf),
                ("erf", Tensor(special).erf(), erff), ("log1p", Tensor(special).log1p(), log1pf),
                ("expm1", Tensor(special).expm1(), expm1f), ("tanh", Tensor(special).tanh(), tanhf),
            ]
            for (name, results, exact) in functions {
                for (x, result) in zip(special, results.scalars(as: Float.self)) {
                    #expect(same(result, exact(x)), "\(name)(\(x)) is \(result) by \(set)")
                }
            }
        }
    }
}
