import Checkpoints
import Tensors

/// A value on the stack of a ``PickleMachine``.
///
/// Containers are numbers of entries in a ``PickleHeap``, never nested values: so values that contain each other,
/// or are nested a million deep, cost nothing when they are copied or let go.
enum PickleValue {
    case none
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case text(PickleText)
    /// Python's `bytes`, which a checkpoint cannot hold; what they are is not kept.
    case bytes
    /// A list, tuple or dictionary.
    case container(Int32)
    case global(TorchGlobal)
    case storage(Int32)
    case tensor(Int32, TensorRole)
}

/// Where a text lies within a pickle.
struct PickleText {
    let offset: UInt32
    let byteCount: UInt32

    var range: Range<Int> { Int(offset)..<Int(offset) + Int(byteCount) }
}

/// What a pickle has built.
struct PickleHeap {
    enum ContainerKind {
        case list
        case tuple
        case dictionary
        case orderedDictionary
    }

    struct Container {
        let kind: ContainerKind
        /// The elements; keys and values by turns in a dictionary.
        var items: [PickleValue]
    }

    /// A storage by the name it has in the file.
    struct Storage {
        let key: PickleText
        /// What PyTorch counts it in; bytes where the file does not say.
        let dtype: DType
        /// Number of elements that the pickle claims.
        let elementCount: Int64
    }

    /// A view of a storage, as the file has it: nothing of it is checked.
    struct Tensor {
        let storage: Int32
        let offset: Int64
        let shape: [Int64]
        let strides: [Int64]
        let dtype: TorchDType
    }

    var containers: [Container] = []
    var storages: [Storage] = []
    var tensors: [Tensor] = []

    /// Bytes that are used, by estimate.
    private var spentByteCount = 0

    /// Memory that any pickle may use.
    static let baseByteCount = 48 << 20

    /// Memory that a pickle may use beyond, per byte of its own. A state dict takes about nine.
    static let byteCountPerPickleByte = 16

    /// Accounts for memory before it is used.
    ///
    /// - Parameter readByteCount: How much of the pickle was read so far.
    /// - Returns: Whether that justifies so much.
    mutating func spend(_ byteCount: Int, readByteCount: Int) -> Bool {
        spentByteCount += byteCount
        return spentByteCount <= PickleHeap.baseByteCount + PickleHeap.byteCountPerPickleByte * readByteCount
    }

    /// What is spent for a container, and for each item in it.
    static let containerByteCount = 64
    static let itemByteCount = 24
    /// What is spent for a tensor or storage, its share of the checkpoint included.
    static let objectByteCount = 512
}
