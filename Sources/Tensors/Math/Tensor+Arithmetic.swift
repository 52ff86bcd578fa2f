internal import CKernels

extension Tensor {
    /// Converts operands to the type that the expression is computed in, and the result to the expression's type.
    static func inCommonType(_ a: Tensor, _ b: Tensor, _ compute: (Tensor, Tensor) -> Tensor) -> Tensor {
        if a.dtype == b.dtype, a.dtype == .float32 || a.dtype == .float64, !a.isWeakScalar, !b.isWeakScalar {
            return compute(a, b)
        }
        let common = DType.ofExpression(a, b)
        let type = common.computeType
        let result = compute(a.to(type), b.to(type))
        return result.dtype == type ? result.to(common) : result
    }

    /// Adds elementwise, with broadcasting.
    ///
    /// - Precondition: Shapes broadcast.
    public static func + (a: Tensor, b: Tensor) -> Tensor {
        inCommonType(a, b) { a, b in
            let result = apply(MR_ADD, a, b)
            guard a.isRecorded || b.isRecorded else { return result }
            let (aShape, bShape) = (a.shape, b.shape)
            let (needsA, needsB) = (a.requiresGrad, b.requiresGrad)
            return result.recorded("addition", [a, b]) { g in
                [needsA ? g.summed(to: aShape) : nil, needsB ? g.summed(to: bShape) : nil]
            }
        }
    }

    /// Subtracts elementwise, with broadcasting.
    ///
    /// - Precondition: Shapes broadcast.
    public static func - (a: Tensor, b: Tensor) -> Tensor {
        inCommonType(a, b) { a, b in
            let result = apply(MR_SUBTRACT, a, b)
            guard a.isRecorded || b.isRecorded else { return result }
            let (aShape, bShape) = (a.shape, b.shape)
            let (needsA, needsB) = (a.requiresGrad, b.requiresGrad)
            return result.recorded("subtraction", [a, b]) { g in
                [needsA ? g.summed(to: aShape) : nil, needsB ? apply(MR_NEGATE, g).summed(to: bShape) : nil]
            }
        }
    }

    /// Multiplies elementwise, with broadcasting.
    ///
    /// - Precondition: Shapes broadcast.
    public static func * (a: Tensor, b: Tensor) -> Tensor {
        inCommonType(a, b) { a, b in
            let result = apply(MR_MULTIPLY, a, b)
            guard a.isRecorded || b.isRecorded else { return result }
            let (aShape, bShape) = (a.shape, b.shape)
            let savedA = b.requiresGrad ? SavedTensor(a, for: "multiplication") : nil
            let savedB = a.requiresGrad ? SavedTensor(b, for: "multiplication") : nil
            return result.recorded("multiplication", [a, b]) { g in
                [
                    savedB.map { apply(MR_MULTIPLY, g, $0.value).summed(to: aShape) },
                    savedA.map { apply(MR_MULTIPLY, g, $0.value).summed(to: bShape) },
                ]
            }
        }
    }

    /// Divides elementwise, with broadcasting. Integers are divided as float32.
    ///
    /// - Precondition: Shapes broadcast.
    public static func / (a: Tensor, b: Tensor) -> Tensor {
        if !a.dtype.isFloatingPoint && (!b.dtype.isFloatingPoint || b.isWeakScalar) {
            return a.to(.float32) / b
        }
        return inCommonType(a, b) { a, b in
            let result = apply(MR_DIVIDE, a, b)
            guard a.isRecorded || b.isRecorded else { return result }
            let (aShape, bShape) = (a.shape, b.shape)
            let needsA = a.requiresGrad
            let savedB = SavedTensor(b, for: "division")
            let savedResult = b.requiresGrad ? SavedTensor(result, for: "division") : nil
            return result.recorded("division", [a, b]) { g in
                let quotient = apply(MR_DIVIDE, g, savedB.value)
                return [
                    needsA ? quotient.summed(to: aShape) : nil,
                    // d(a/b)/db = -(a/b)/b
                    savedResult.map {
                        apply(MR_NEGATE, apply(MR_MULTIPLY, quotient, $0.value)).summed(to: bShape)
                    },
                ]
            }
        }
    }

    /// Negates each element.
    public static prefix func - (x: Tensor) -> Tensor {
        x.unary("negation", MR_NEGATE) { _, _ in { apply(MR_NEGATE, $0) } }
    }

    /// Adds a number to each element.
    public static func + (a: Tensor, b: Double) -> Tensor { a + weak(b) }
    /// Adds a number to each element.
    public static func + (a: Double, b: Tensor) -> Tensor { weak(a) + b }
    /// Subtracts a number from each element.
    public static func - (a: Tensor, b: Double) -> Tensor { a - weak(b) }
    /// Subtracts each element from a number.
    public static func - (a: Double, b: Tensor) -> Tensor { weak(a) - b }
    /// Multiplies each element by a number.
    public static func * (a: Tensor, b: Double) -> Tensor { a * weak(b) }
    /// Multiplies each element by a number.
    public static func * (a: Double, b: Tensor) -> Tensor { weak(a) * b }
    /// Divides each element by a number.
    public static func / (a: Tensor, b: Double) -> Tensor { a / weak(b) }
    /// Divides a number by each element.
    public static func / (a: Double, b: Tensor) -> Tensor { weak(a) / b }

    /// Adds a number to each element.
    public static func + (a: Tensor, b: Int) -> Tensor { a + weak(Double(b)) }
    /// Adds a number to each element.
    public static func + (a: Int, b: Tensor) -> Tensor { weak(Double(a)) + b }
    /// Subtracts a number from each element.
    public static func - (a: Tensor, b: Int) -> Tensor { a - weak(Double(b)) }
    /// Subtracts each element from a number.
    public static func - (a: Int, b: Tensor) -> Tensor { weak(Double(a)) - b }
    /// Multiplies each element by a number.
    public static func * (a: Tensor, b: Int) -> Tensor { a * weak(Double(b)) }
    /// Multiplies each element by a number.
    public static func * (a: Int, b: Tensor) -> Tensor { weak(Double(a)) * b }
    /// Divides each element by a number.
    public static func / (a: Tensor, b: Int) -> Tensor { a / weak(Double(b)) }
    /// Divides a number by each element.
    public static func / (a: Int, b: Tensor) -> Tensor { weak(Double(a)) / b }

    /// Lets the variable refer to the sum: a new tensor, so other references keep the old values.
    public static func += (a: inout Tensor, b: Tensor) { a = a + b }
    /// Lets the variable refer to the difference, a new tensor.
    public static func -= (a: inout Tensor, b: Tensor) { a = a - b }
    /// Lets the variable refer to the product, a new tensor.
    public static func *= (a: inout Tensor, b: Tensor) { a = a * b }
    /// Lets the variable refer to the quotient, a new tensor.
    public static func /= (a: inout Tensor, b: Tensor) { a = a / b }
    /// Lets the variable refer to the sum, a new tensor.
    public static func += <Number: BinaryFloatingPoint>(a: inout Tensor, b: Number) { a = a + Double(b) }
    /// Lets the variable refer to the difference, a new tensor.
    public static func -= <Number: BinaryFloatingPoint>(a: inout Tensor, b: Number) { a = a - Double(b) }
    /// Lets the variable refer to the product, a new tensor.
    public static func *= <Number: BinaryFloatingPoint>(a: inout Tensor, b: Number) { a = a * Double(b) }
    /// Lets the variable refer to the quotient, a new tensor.
    public static func /= <Number: BinaryFloatingPoint>(a: inout Tensor, b: Number) { a = a / Double(b) }

    /// Raises each element to a power, elementwise and with broadcasting.
    public func pow(_ exponent: Tensor) -> Tensor {
        Tensor.inCommonType(self, exponent) { a, b in
            let result = Tensor.apply(MR_POWER, a.floating, b.floating)
            guard a.isRecorded || b.isRecorded else { return result }
            let (aShape, bShape) = (a.shape, b.shape)
            let (needsA, needsB) = (a.requiresGrad, b.requiresGrad)
            let (savedA, savedB) = (SavedTensor(a, for: "pow"), SavedTensor(b, for: "pow"))
            let savedResult = SavedTensor(result, for: "pow")
            return result.recorded("pow", [a, b]) { g in
                let (a, b) = (savedA.value, savedB.value)
                // 0 where the exponent is 0, also at a = 0.
                let slope = (b .== 0).select(b.zerosLike(), b * a.pow(b - 1))
                // a^b · log a is 0 at a = 0 for b > 0.
                let logSlope = (a .== 0).select(a.zerosLike(), savedResult.value * a.log())
                return [
                    needsA ? (g * slope).summed(to: aShape) : nil,
                    needsB ? (g * logSlope).summed(to: bShape) : nil,
                ]
            }
        }
    }

    /// Raises each element to a power.
    public func pow(_ exponent: Double) -> Tensor {
        if exponent == 2 { return square() }
        return pow(Tensor.weak(exponent))
    }

    /// Raises each element to a power.
    public func pow(_ exponent: Int) -> Tensor { pow(Double(exponent)) }

    /// The larger of each two elements, with broadcasting; NaN wins. Equal ones share the gradient.
    public func maximum(_ other: Tensor) -> Tensor { extreme("maximum", MR_MAXIMUM, MR_GREATER, other) }

    /// The smaller of each two elements, with broadcasting; NaN wins. Equal ones share the gradient.
    public func minimum(_ other: Tensor) -> Tensor { extreme("minimum", MR_MINIMUM, MR_LESS, other) }

    private func extreme(
        _ name: StaticString, _ operation: mr_operation, _ beats: mr_operation, _ other: Tensor
    ) -> Tensor {
        Tensor.inCommonType(self, other) { a, b in
            let result = Tensor.apply(operation, a, b)
            guard a.isRecorded || b.isRecorded else { return result }
            let (aShape, bShape) = (a.shape, b.shape)
            let (needsA, needsB) = (a.requiresGrad, b.requiresGrad)
            let (savedA, savedB) = (SavedTensor(a, for: name), SavedTensor(b, for: name))
            return result.recorded(name, [a, b]) { g in
                let (a, b) = (savedA.value, savedB.value)
                let tie = Tensor.apply(MR_EQUAL, a, b).to(g.dtype) * 0.5
                let wins = { (x: Tensor, y: Tensor) in Tensor.apply(beats, x, y).to(g.dtype) + tie }
                return [
                    needsA ? (g * wins(a, b)).summed(to: aShape) : nil,
                    needsB ? (g * wins(b, a)).summed(to: bShape) : nil,
                ]
            }
        }
    }

    /// Limits elements to `range`. No gradient flows where the limit took effect.
    public func clamped(to range: ClosedRange<Double>) -> Tensor {
        let limits = (
            Tensor.full([], range.lowerBound, dtype: dtype), Tensor.full([], range.upperBound, dtype: dtype)
        )
        return maximum(limits.0).minimum(limits.1)
    }

    /// This tensor, or its elements as float32 where they are integers or booleans.
    var floating: Tensor { dtype.isFloatingPoint ? self : to(.float32) }
}
