import Checkpoints
import Tensors

/// A value on the stack of a ``PickleMachine``.
///
/// Containers and objects are numbers of entries in a ``PickleHeap``, never nested values: so values that contain each
/// other, or are nested a million deep, cost nothing when they are copied or let go.
enum PickleValue {
    case none
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    /// A whole number of more than 64 bits.
    case bigInteger(Int32)
    /// A text in UTF-8, where it lies in the pickle.
    case text(PickleText)
    /// A text that had to be decoded.
    case decodedText(Int32)
    /// Python's `bytes`, where they lie in the pickle.
    case bytes(PickleText)
    /// `str` of Python 2: a text where it is UTF-8, else bytes.
    case byteText(PickleText)
    /// The bytes that a text in UTF-8 has in Latin-1: how pickles before protocol 3 spell `bytes`.
    case latin1(PickleText)
    /// Python's `bytes` that had to be decoded.
    case decodedBytes(Int32)
    /// A list, tuple or dictionary.
    case container(Int32)
    /// A class or function.
    case global(Int32)
    case storage(Int32)
    case tensor(Int32, TensorRole)
    case object(Int32)
}

/// Where a text lies within a pickle.
struct PickleText {
    let offset: UInt32
    let byteCount: UInt32

    init(_ range: Range<Int>) {
        offset = UInt32(range.lowerBound)
        byteCount = UInt32(range.count)
    }

    var range: Range<Int> { Int(offset)..<Int(offset) + Int(byteCount) }
}
