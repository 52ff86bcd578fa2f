internal import CKernels
import Foundations

/// What one step of stochastic gradient descent does to a parameter.
package struct SGDStep {
    package var learningRate, momentum, dampening, weightDecay: Double
    package var isNesterov, maximizes, isFirst: Bool

    package init(
        learningRate: Double, momentum: Double, dampening: Double, weightDecay: Double, isNesterov: Bool,
        maximizes: Bool, isFirst: Bool
    ) {
        (self.learningRate, self.momentum, self.dampening, self.weightDecay) =
            (learningRate, momentum, dampening, weightDecay)
        (self.isNesterov, self.maximizes, self.isFirst) = (isNesterov, maximizes, isFirst)
    }
}

/// What one step of Adam or AdamW does to a parameter.
package struct AdamStep {
    package var learningRate, beta1, beta2, epsilon, weightDecay, step: Double
    package var decouplesDecay, maximizes: Bool

    package init(
        learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, step: Double,
        decouplesDecay: Bool, maximizes: Bool
    ) {
        (self.learningRate, self.beta1, self.beta2, self.epsilon) = (learningRate, beta1, beta2, epsilon)
        (self.weightDecay, self.step) = (weightDecay, step)
        (self.decouplesDecay, self.maximizes) = (decouplesDecay, maximizes)
    }
}

/// What one step of RMSprop does to a parameter.
package struct RMSpropStep {
    package var learningRate, alpha, epsilon, weightDecay, momentum: Double
    package var maximizes: Bool

    package init(
        learningRate: Double, alpha: Double, epsilon: Double, weightDecay: Double, momentum: Double,
        maximizes: Bool
    ) {
        (self.learningRate, self.alpha, self.epsilon) = (learningRate, alpha, epsilon)
        (self.weightDecay, self.momentum, self.maximizes) = (weightDecay, momentum, maximizes)
    }
}

extension Tensor {
    /// Changes this parameter in place by a step, with its state. State tensors are packed, of this shape and dtype.
    package func take(_ step: SGDStep, gradient: Tensor, momentum: Tensor?) {
        update(gradient, [momentum]) { parameter, g, state in
            var options = mr_sgd_options(
                learning_rate: step.learningRate, momentum: step.momentum, dampening: step.dampening,
                weight_decay: step.weightDecay, nesterov: step.isNesterov ? 1 : 0,
                maximize: step.maximizes ? 1 : 0,
                first: step.isFirst ? 1 : 0)
            if parameter.dtype == .float32 {
                mr_sgd_f32(
                    &options, parameter.elementCount, parameter.pointer(Float.self), g.pointer(Float.self),
                    state[0]?.pointer(Float.self))
            } else {
                mr_sgd_f64(
                    &options, parameter.elementCount, parameter.pointer(Double.self), g.pointer(Double.self),
                    state[0]?.pointer(Double.self))
            }
        }
    }

    /// Changes this parameter in place by a step, with its state. `maximum` is given for AMSGrad.
    package func take(
        _ step: AdamStep, gradient: Tensor, average: Tensor, squareAverage: Tensor, maximum: Tensor?
    ) {
        update(gradient, [average, squareAverage, maximum]) { parameter, g, state in
            var options = mr_adam_options(
                learning_rate: step.learningRate, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon,
                weight_decay: step.weightDecay, step: step.step, decoupled_decay: step.decouplesDecay ? 1 : 0,
                amsgrad: maximum == nil ? 0 : 1, maximize: step.maximizes ? 1 : 0)
            if parameter.dtype == .float32 {
                mr_adam_f32(
                    &options, parameter.elementCount, parameter.pointer(Float.self), g.pointer(Float.self),
                    state[0]?.pointer(Float.self), state[1]?.pointer(Float.self), state[2]?.pointer(Float.self))
            } else {
                mr_adam_f64(
                    &options, parameter.elementCount, parameter.pointer(Double.self), g.pointer(Double.self),
                    state[0]?.pointer(Double.self), state[1]?.pointer(Double.self),
                    state[2]?.pointer(Double.self))
            }
        }
    }

    /// Changes this parameter in place by a step, with its state. `average` is given for the centred variant.
    package func take(
        _ step: RMSpropStep, gradient: Tensor, squareAverage: Tensor, momentum: Tensor?, average: Tensor?
    ) {
        update(gradient, [squareAverage, momentum, average]) { parameter, g, state in
            var options = mr_rmsprop_options(
                learning_rate: step.learningRate, alpha: step.alpha, epsilon: step.epsilon,
                weight_decay: step.weightDecay, momentum: step.momentum, centered: average == nil ? 0 : 1,
                maximize: step.maximizes ? 1 : 0)
            if parameter.dtype == .float32 {
                mr_rmsprop_f32(
                    &options, parameter.elementCount, parameter.pointer(Float.self), g.pointer(Float.self),
                    state[0]?.pointer(Float.self), state[1]?.pointer(Float.self), state[2]?.pointer(Float.self))
            } else {
                mr_rmsprop_f64(
                    &options, parameter.elementCount, parameter.pointer(Double.self), g.pointer(Double.self),
                    state[0]?.pointer(Double.self), state[1]?.pointer(Double.self),
                    state[2]?.pointer(Double.self))
            }
        }
    }

    /// Calls `kernel` with this parameter, gradient and state packed in float32 or float64, and writes back what had
    /// to be converted or copied for that.
    private func update(
        _ gradient: Tensor, _ state: [Tensor?], _ kernel: (_ parameter: Tensor, Tensor, [Tensor?]) -> Void
    ) {
        require(
            gradient.shape == shape, "gradient of shape \(gradient.shape) for a parameter of shape \(shape)")
        let type = dtype.computeType
        require(type != .int64, "an optimiser cannot train a \(dtype) tensor")
        func packed(_ tensor: Tensor) -> Tensor { tensor.detach().to(type).contiguous() }
        storage.version &+= 1
        let (parameter, g) = (packed(self), packed(gradient))
        let packedState = state.map { $0.map(packed) }
        kernel(parameter, g, packedState)
        if parameter.storage !== storage { store(parameter) }
        for case (let original?, let copy?) in zip(state, packedState) where copy.storage !== original.storage {
            original.store(copy)
        }
        withExtendedLifetime((parameter, g, packedState)) {}
    }
}
