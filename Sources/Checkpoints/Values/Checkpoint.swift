public import Tensors

/// A value that can be saved: tensors in lists, tuples, dictionaries and objects, with the plain values beside them.
public enum Checkpoint {
    /// A tensor, and what it is to its module where that is known.
    case tensor(Tensor, role: TensorRole = .unspecified)
    /// A list: Python's `list`.
    case list([Checkpoint])
    /// A tuple: Python's `tuple`.
    case tuple([Checkpoint])
    /// A dictionary that keeps its order.
    case dictionary(CheckpointDictionary)
    /// A text.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// A floating-point number. Every bit is kept, NaN payloads included.
    case number(Double)
    /// True or false.
    case boolean(Bool)
    /// Nothing: Python's `None`.
    case none
    /// Python's `bytes`.
    case bytes([UInt8])
    /// A whole number of more than 64 bits.
    case bigInteger(BigInteger)
    /// A class or function, by its name alone.
    case name(QualifiedName)
    /// A Python object of another class.
    indirect case object(CheckpointObject)
    /// The object with this ``ObjectForm/label``, which is elsewhere in the checkpoint, or around this place.
    case reference(Int)
}

extension Checkpoint {
    /// Containers within containers, at most. Bounds recursion on values that came from a file.
    public static let maximumDepth = 128
}

/// What a tensor is to the module that it belongs to.
public enum TensorRole: String, Sendable {
    /// Not known: most files do not say.
    case unspecified
    /// Trained.
    case parameter
    /// Saved but not trained.
    case buffer
    /// A parameter that is not trained now: PyTorch's `requires_grad` is off.
    case frozenParameter = "frozen_parameter"
    /// No parameter, but trained: PyTorch's `requires_grad` is on.
    case requiresGrad = "requires_grad"
}
