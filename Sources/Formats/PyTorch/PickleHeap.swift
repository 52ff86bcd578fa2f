import Checkpoints
import Tensors

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
        /// The attributes of an ordered dictionary, such as `_metadata` of a state dict.
        var attributes: PickleValue?
    }

    /// A name that the pickle looks up.
    struct Global {
        let name: QualifiedName
        /// Its meaning, where the machine knows it.
        let known: TorchGlobal?
        /// Whether the pickle calls it, or makes an object of it.
        var isCalled = false
        /// Whether it is called in a way that hides what runs.
        var isSuspicious = false
    }

    /// A storage by the name it has in the file.
    struct Storage {
        let key: PickleText
        /// What PyTorch counts it in; bytes where the file does not say.
        let dtype: DType
        /// Number of elements that the pickle claims.
        let elementCount: Int64
        /// The class of the storage.
        let type: Int32
        /// Where the bytes are, if that is in the pickle itself.
        var inline: InlineBytes?
    }

    /// Bytes in the pickle itself.
    enum InlineBytes {
        /// Where they lie.
        case range(PickleText)
        /// Those that had to be decoded, and which of them.
        case decoded(Int32, Range<Int>)

        /// Some of the bytes.
        func part(_ range: Range<Int>) -> InlineBytes {
            switch self {
            case .range(let text):
                .range(
                    PickleText(
                        text.range.lowerBound + range.lowerBound..<text.range.lowerBound + range.upperBound))
            case .decoded(let index, let whole):
                .decoded(index, whole.lowerBound + range.lowerBound..<whole.lowerBound + range.upperBound)
            }
        }
    }

    /// A view of a storage, as the file has it: nothing of it is checked.
    struct Tensor {
        let storage: Int32
        let offset: Int64
        let shape: [Int64]
        let strides: [Int64]
        let dtype: TorchDType
    }

    /// An object of a class that the machine does not know, or a call of such a function.
    struct Object {
        /// The class or function.
        let global: Int32
        let construction: ObjectConstruction
        var arguments: [PickleValue] = []
        var keywords: PickleValue?
        var items: [PickleValue] = []
        /// Keys and values by turns.
        var entries: [PickleValue] = []
        var state: PickleValue?
        /// The tensor of a view.
        var value: PickleValue?
    }

    var containers: [Container] = []
    var storages: [Storage] = []
    var tensors: [Tensor] = []
    var objects: [Object] = []
    var globals: [Global] = []
    var decodedTexts: [String] = []
    var decodedBytes: [[UInt8]] = []
    var bigIntegers: [BigInteger] = []

    private var globalNumbers: [QualifiedName: Int32] = [:]

    /// The number of the name `name`.
    mutating func global(_ name: QualifiedName) -> Int32 {
        let fresh = Int32(globals.count)
        let number = globalNumbers[name, default: fresh]
        if number == fresh {
            globals.append(Global(name: name, known: TorchGlobal("\(name.module).\(name.name)")))
            globalNumbers[name] = fresh
        }
        return number
    }

    /// The names, in the order in which the pickle first has them, with what they risk.
    var pickledNames: [PickledName] {
        globals.filter { $0.name != PickleMachine.persistentName }.map {
            PickledName($0.name, isCalled: $0.isCalled, isSuspicious: $0.isSuspicious)
        }
    }

    // MARK: Memory

    /// Bytes that are used, by estimate.
    private var spentByteCount = 0

    /// Memory that any pickle may use.
    static let baseByteCount = 48 << 20

    /// Memory that a pickle may use beyond, per byte of its own. A state dict of many small tensors takes about twenty.
    static let byteCountPerPickleByte = 24

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
    /// What is spent for a tensor, storage or object, its share of the checkpoint included.
    static let objectByteCount = 512
}
