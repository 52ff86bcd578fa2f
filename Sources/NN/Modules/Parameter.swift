import Foundations
public import Tensors

/// What ``Parameter`` and ``Buffer`` may wrap: `Tensor`, `Tensor?`, `[Tensor]` and `[String: Tensor]`.
public protocol TensorHolder {
    /// The tensors, and what follows the property's name in the names of each: nothing for a tensor, `.0`, `.1`, … in
    /// an array, and a period and the key in a dictionary.
    var heldTensors: [(suffix: String, tensor: Tensor)] { get }

    /// The same with other tensors in their places.
    func replacingTensors(_ replace: (Tensor) -> Tensor) -> Self
}

extension Tensor: TensorHolder {
    /// The tensor itself.
    public var heldTensors: [(suffix: String, tensor: Tensor)] { [("", self)] }

    /// The other tensor.
    public func replacingTensors(_ replace: (Tensor) -> Tensor) -> Tensor { replace(self) }
}

extension Optional: TensorHolder where Wrapped == Tensor {
    /// The tensor, where there is one.
    public var heldTensors: [(suffix: String, tensor: Tensor)] { map { [("", $0)] } ?? [] }

    /// The other tensor, where there is one.
    public func replacingTensors(_ replace: (Tensor) -> Tensor) -> Tensor? { map(replace) }
}

extension [Tensor]: TensorHolder {
    /// The tensors by index, as of PyTorch's `ParameterList`.
    public var heldTensors: [(suffix: String, tensor: Tensor)] {
        enumerated().map { (".\($0.offset)", $0.element) }
    }

    /// The other tensors.
    public func replacingTensors(_ replace: (Tensor) -> Tensor) -> [Tensor] { map(replace) }
}

extension [String: Tensor]: TensorHolder {
    /// The tensors by key, in the order of the keys, as of PyTorch's `ParameterDict`.
    public var heldTensors: [(suffix: String, tensor: Tensor)] {
        sorted { $0.key < $1.key }.map { (".\($0.key)", $0.value) }
    }

    /// The other tensors.
    public func replacingTensors(_ replace: (Tensor) -> Tensor) -> [String: Tensor] { mapValues(replace) }
}

/// What reflection looks for: a property wrapper that declares tensors.
protocol TensorSlot: AnyObject {
    /// The members that the property called `name` makes.
    func members(named name: String) -> [Member]

    /// Puts other tensors in their places.
    func replaceTensors(_ replace: (Tensor) -> Tensor)
}

/// Declares a stored tensor as learnable: trained, saved, and listed by ``Module/namedParameters()``.
///
/// The parameter is the tensor itself, a leaf that requires a gradient: two layers that hold one tensor are tied.
@propertyWrapper
public final class Parameter<Value: TensorHolder>: TensorSlot {
    /// The tensor, or the tensors.
    public var wrappedValue: Value {
        didSet { requireGradients() }
    }

    /// Declares `wrappedValue`, and lets it require a gradient.
    public init(wrappedValue: Value) {
        self.wrappedValue = wrappedValue
        requireGradients()
    }

    private func requireGradients() {
        for (_, tensor) in wrappedValue.heldTensors { tensor.requiresGrad = true }
    }

    /// A tensor that was not trained is not trained after.
    func replaceTensors(_ replace: (Tensor) -> Tensor) {
        let wasTrained = wrappedValue.heldTensors.map { $0.tensor.requiresGrad }
        wrappedValue = wrappedValue.replacingTensors(replace)
        for ((_, tensor), isTrained) in zip(wrappedValue.heldTensors, wasTrained) {
            tensor.requiresGrad = isTrained
        }
    }

    func members(named name: String) -> [Member] {
        wrappedValue.heldTensors.map { .parameter(name + $0.suffix, $0.tensor) }
    }
}

/// Declares a stored tensor that is not trained, and saved unless `@Buffer(isPersistent: false)`.
///
/// `@Buffer(isPersistent: false) var mask: Tensor` may be assigned in an initialiser once it has called `super.init()`.
@propertyWrapper
public final class Buffer<Value: TensorHolder>: TensorSlot {
    private var stored: Value?

    /// The tensor, or the tensors.
    ///
    /// - Precondition: It has been assigned.
    public var wrappedValue: Value {
        get {
            guard let stored else { trap("a @Buffer is read before it is assigned") }
            return stored
        }
        set { stored = newValue }
    }

    /// Whether the tensor is in the state dict.
    public let isPersistent: Bool

    /// Declares `wrappedValue`.
    public init(wrappedValue: Value, isPersistent: Bool = true) {
        stored = wrappedValue
        self.isPersistent = isPersistent
    }

    /// Declares a tensor that is assigned before it is read.
    public init(isPersistent: Bool) {
        stored = nil
        self.isPersistent = isPersistent
    }

    func replaceTensors(_ replace: (Tensor) -> Tensor) { stored = stored?.replacingTensors(replace) }

    func members(named name: String) -> [Member] {
        (stored?.heldTensors ?? []).map {
            .buffer(name + $0.suffix, $0.tensor, isPersistent: isPersistent)
        }
    }
}
