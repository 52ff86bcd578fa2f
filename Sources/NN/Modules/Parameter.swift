public import Tensors

/// `Tensor` and `Tensor?`: what ``Parameter`` and ``Buffer`` may wrap.
public protocol TensorOrNil {
    /// The tensor, where there is one.
    var tensor: Tensor? { get }
}

extension Tensor: TensorOrNil {
    /// The tensor itself.
    public var tensor: Tensor? { self }
}

extension Optional: TensorOrNil where Wrapped == Tensor {
    /// The tensor, where there is one.
    public var tensor: Tensor? { self }
}

/// What reflection looks for: a property wrapper that declares a tensor.
protocol TensorSlot: AnyObject {
    var content: Member.Content? { get }
}

/// Declares a stored tensor as learnable: trained, saved, and listed by ``Module/namedParameters()``.
///
/// The parameter is the tensor itself, a leaf that requires a gradient: two layers that hold one tensor are tied.
@propertyWrapper
public final class Parameter<Value: TensorOrNil>: TensorSlot {
    /// The tensor.
    public var wrappedValue: Value {
        didSet { wrappedValue.tensor?.requiresGrad = true }
    }

    /// Declares `wrappedValue`, and lets it require a gradient.
    public init(wrappedValue: Value) {
        self.wrappedValue = wrappedValue
        wrappedValue.tensor?.requiresGrad = true
    }

    var content: Member.Content? { wrappedValue.tensor.map { .parameter($0) } }
}

/// Declares a stored tensor that is not trained, and saved unless `@Buffer(isPersistent: false)`.
@propertyWrapper
public final class Buffer<Value: TensorOrNil>: TensorSlot {
    /// The tensor.
    public var wrappedValue: Value

    /// Whether the tensor is in the state dict.
    public let isPersistent: Bool

    /// Declares `wrappedValue`.
    public init(wrappedValue: Value, isPersistent: Bool = true) {
        self.wrappedValue = wrappedValue
        self.isPersistent = isPersistent
    }

    var content: Member.Content? { wrappedValue.tensor.map { .buffer($0, isPersistent: isPersistent) } }
}
