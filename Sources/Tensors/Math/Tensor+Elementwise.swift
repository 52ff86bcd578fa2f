internal import CKernels
import Foundations

extension Tensor {
    /// Records an operation of one element. `makeBackward` gets what the gradient may need, and is called only when a
    /// gradient is wanted.
    func unary(
        _ name: StaticString, _ operation: mr_operation,
        _ makeBackward: (_ input: Tensor, _ result: Tensor) -> (Tensor) -> Tensor
    ) -> Tensor {
        let type = dtype.computeType
        if type != dtype {
            return to(type).unary(name, operation, makeBackward).to(dtype)
        }
        let result = Tensor.apply(operation, self)
        guard isRecorded else { return result }
        let backward = makeBackward(self, result)
        return result.recorded(name, [self]) { [backward($0)] }
    }

    /// A function of floating-point numbers; integers become float32.
    private func function(
        _ name: StaticString, _ operation: mr_operation,
        _ makeBackward: (_ input: Tensor, _ result: Tensor) -> (Tensor) -> Tensor
    ) -> Tensor {
        floating.unary(name, operation, makeBackward)
    }

    /// A function whose slope is a kernel of the gradient and the result.
    private func function(_ name: StaticString, _ operation: mr_operation, slopeOfResult: mr_operation)
        -> Tensor
    {
        function(name, operation) { _, result in
            let saved = SavedTensor(result, for: name)
            return { Tensor.apply(slopeOfResult, $0, saved.value) }
        }
    }

    /// A function whose slope is a kernel of the gradient and the input.
    private func function(_ name: StaticString, _ operation: mr_operation, slopeOfInput: mr_operation) -> Tensor
    {
        function(name, operation) { input, _ in
            let saved = SavedTensor(input, for: name)
            return { Tensor.apply(slopeOfInput, $0, saved.value) }
        }
    }

    /// A function with a slope that is an expression in the input.
    private func function(
        _ name: StaticString, _ operation: mr_operation, slope: @escaping (_ input: Tensor) -> Tensor
    ) -> Tensor {
        function(name, operation) { input, _ in
            let saved = SavedTensor(input, for: name)
            return { $0 * slope(saved.value) }
        }
    }

    /// A function that is constant almost everywhere.
    private func step(_ name: StaticString, _ operation: mr_operation) -> Tensor {
        unary(name, operation) { _, _ in { $0.zerosLike() } }
    }

    /// The absolute value of each element. The slope at 0 is 0.
    public func abs() -> Tensor {
        unary("abs", MR_ABS) { input, _ in
            let saved = SavedTensor(input, for: "abs")
            return { Tensor.apply(MR_ABS_SLOPE, $0, saved.value) }
        }
    }
    /// -1, 0 or 1 for each element.
    public func sign() -> Tensor { step("sign", MR_SIGN) }
    /// e to the power of each element.
    public func exp() -> Tensor { function("exp", MR_EXP, slopeOfResult: MR_MULTIPLY) }
    /// The natural logarithm of each element.
    public func log() -> Tensor { function("log", MR_LOG, slopeOfInput: MR_DIVIDE) }
    /// log(1 + x), precise near 0.
    public func log1p() -> Tensor { function("log1p", MR_LOG1P) { 1 / ($0 + 1) } }
    /// exp(x) - 1, precise near 0.
    public func expm1() -> Tensor { function("expm1", MR_EXPM1) { $0.exp() } }
    /// The square root of each element.
    public func sqrt() -> Tensor {
        function("sqrt", MR_SQRT) { _, result in
            let saved = SavedTensor(result, for: "sqrt")
            return { $0 / (saved.value * 2) }
        }
    }
    /// 1 / sqrt(x).
    public func rsqrt() -> Tensor { sqrt().reciprocal() }
    /// 1 / x.
    public func reciprocal() -> Tensor {
        function("reciprocal", MR_RECIPROCAL) { _, result in
            let saved = SavedTensor(result, for: "reciprocal")
            return { -($0 * saved.value.square()) }
        }
    }
    /// x · x.
    public func square() -> Tensor { function("square", MR_SQUARE) { $0 * 2 } }
    /// The sine of each element, in radians.
    public func sin() -> Tensor { function("sin", MR_SIN) { $0.cos() } }
    /// The cosine of each element, in radians.
    public func cos() -> Tensor { function("cos", MR_COS) { -$0.sin() } }
    /// The hyperbolic tangent of each element.
    public func tanh() -> Tensor { function("tanh", MR_TANH, slopeOfResult: MR_TANH_SLOPE) }
    /// The error function of each element.
    public func erf() -> Tensor {
        function("erf", MR_ERF) { (-$0.square()).exp() * (2 / 1.772_453_850_905_516) }
    }
    /// 1 / (1 + exp(-x)).
    public func sigmoid() -> Tensor { function("sigmoid", MR_SIGMOID, slopeOfResult: MR_SIGMOID_SLOPE) }
    /// log(1 + exp(x)), without overflow.
    public func softplus() -> Tensor { function("softplus", MR_SOFTPLUS) { $0.sigmoid() } }
    /// max(0, x). The slope at 0 is 0.
    public func relu() -> Tensor {
        unary("relu", MR_RELU) { _, result in
            let saved = SavedTensor(result, for: "relu")
            return { Tensor.apply(MR_RELU_SLOPE, $0, saved.value) }
        }
    }
    /// x · Φ(x), with the normal distribution's Φ, or the approximation of it with tanh.
    ///
    /// Source: Hendrycks & Gimpel 2016.
    public func gelu(approximatedByTanh: Bool = false) -> Tensor {
        approximatedByTanh
            ? function("gelu", MR_GELU_TANH, slopeOfInput: MR_GELU_TANH_SLOPE)
            : function("gelu", MR_GELU, slopeOfInput: MR_GELU_SLOPE)
    }
    /// x · sigmoid(x), also called swish.
    public func silu() -> Tensor { function("silu", MR_SILU, slopeOfInput: MR_SILU_SLOPE) }
    /// x where it is positive, else `slope` · x.
    public func leakyRelu(slope: Double = 0.01) -> Tensor {
        let x = floating
        let type = x.dtype.computeType
        if type != x.dtype { return x.to(type).leakyRelu(slope: slope).to(x.dtype) }
        let factor = Tensor.full([], slope, dtype: type)
        let result = Tensor.apply(MR_LEAKY_RELU, x, factor)
        guard x.isRecorded else { return result }
        let saved = SavedTensor(x, for: "leakyRelu")
        return result.recorded("leakyRelu", [x]) {
            [$0 * Tensor.apply(MR_LEAKY_RELU_FACTOR, saved.value, factor)]
        }
    }
    /// x where it is positive, else `alpha` · (exp(x) - 1).
    public func elu(alpha: Double = 1) -> Tensor {
        // Limited to negative numbers, so that a large x does not overflow in the branch that is not chosen.
        (self .> 0).select(self, minimum(zerosLike()).expm1() * alpha)
    }
    /// x · tanh(softplus(x)).
    ///
    /// Source: Misra 2019.
    public func mish() -> Tensor { self * softplus().tanh() }
    /// x limited to 0 through 6.
    public func relu6() -> Tensor { clamped(to: 0...6) }
    /// A sigmoid of straight lines: (x + 3) / 6 limited to 0 through 1.
    public func hardSigmoid() -> Tensor { (self + 3).clamped(to: 0...6) / 6 }
    /// x · (x + 3) / 6, with the second factor limited to 0 through 1.
    ///
    /// Source: Howard et al. 2019.
    public func hardSwish() -> Tensor { self * hardSigmoid() }
    /// ELU with the constants that keep mean and variance.
    ///
    /// Source: Klambauer et al. 2017.
    public func selu() -> Tensor { elu(alpha: 1.673_263_242_354_377_2) * 1.050_700_987_355_480_5 }
    /// One half of the axis times the sigmoid of the other.
    ///
    /// Source: Dauphin et al. 2017.
    /// - Precondition: The axis has an even length.
    public func glu(alongAxis axis: Int = -1) -> Tensor {
        let length = shape[TensorGeometry.axis(axis, rank: rank)]
        require(length % 2 == 0, "glu along axis \(axis) of shape \(shape), which has no halves")
        let halves = split(length / 2, alongAxis: axis)
        return halves[0] * halves[1].sigmoid()
    }
    /// log(sigmoid(x)), without overflow.
    public func logSigmoid() -> Tensor { -((-self).softplus()) }
    /// The tangent of each element, in radians.
    public func tan() -> Tensor { sin() / cos() }

    /// The next whole number below.
    public func floor() -> Tensor { step("floor", MR_FLOOR) }
    /// The next whole number above.
    public func ceil() -> Tensor { step("ceil", MR_CEIL) }
    /// The nearest whole number; halves go to the even one.
    public func round() -> Tensor { step("round", MR_ROUND) }
}

/// max(0, x) of each element.
public func relu(_ x: Tensor) -> Tensor { x.relu() }
/// The hyperbolic tangent of each element.
public func tanh(_ x: Tensor) -> Tensor { x.tanh() }
/// 1 / (1 + exp(-x)) of each element.
public func sigmoid(_ x: Tensor) -> Tensor { x.sigmoid() }
/// x · Φ(x) of each element.
public func gelu(_ x: Tensor) -> Tensor { x.gelu() }
