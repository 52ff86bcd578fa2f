import Tensors

/// A dtype as PyTorch has it.
struct TorchDType: Equatable {
    let dtype: DType
    /// Whether PyTorch counts bytes of two elements each, as it does for `float4_e2m1fn_x2`.
    let isPairPacked: Bool

    init(_ dtype: DType, isPairPacked: Bool = false) {
        self.dtype = dtype
        self.isPairPacked = isPairPacked
    }

    /// What PyTorch calls it, without `torch.`.
    var name: String { isPairPacked ? TorchDType.pairPackedName : dtype.rawValue }

    private static let pairPackedName = "float4_e2m1fn_x2"

    /// The dtype that PyTorch calls `torch.` and `name`.
    init?(name: some StringProtocol) {
        if name == TorchDType.pairPackedName {
            self.init(.float4e2m1fn, isPairPacked: true)
        } else if let dtype = DType(rawValue: String(name)), dtype.byteWidth != nil {
            self.init(dtype)
        } else {
            return nil
        }
    }
}

extension DType {
    /// What PyTorch calls a storage of this type. Types that came later have none: their storages are bytes.
    var torchStorageName: String? {
        switch self {
        case .bool: "BoolStorage"
        case .uint8: "ByteStorage"
        case .int8: "CharStorage"
        case .int16: "ShortStorage"
        case .int32: "IntStorage"
        case .int64: "LongStorage"
        case .float16: "HalfStorage"
        case .bfloat16: "BFloat16Storage"
        case .float32: "FloatStorage"
        case .float64: "DoubleStorage"
        case .complex64: "ComplexFloatStorage"
        case .complex128: "ComplexDoubleStorage"
        default: nil
        }
    }

    fileprivate static let byTorchStorageName: [String: DType] = Dictionary(
        uniqueKeysWithValues: allCases.compactMap { dtype in dtype.torchStorageName.map { ($0, dtype) } })
}

/// The functions and classes whose meaning ``PickleMachine`` knows. All others are names without a meaning. None of
/// them is ever run.
enum TorchGlobal: Equatable {
    case rebuildTensor
    case rebuildTensorV2
    case rebuildTensorV3
    case rebuildParameter
    case rebuildParameterWithState
    case rebuildFromType
    case tensorType
    case parameterType
    case bufferType
    case storageType(DType)
    case untypedStorage
    case dtype(TorchDType)
    case dictionary
    case orderedDictionary
    case counter
    /// A class that one list or tuple is the only argument of: a set, or `torch.Size`.
    case collection
    /// `_codecs.encode`: how old pickle protocols write `bytes`.
    case encode
    case bytes
    /// `torch.storage._load_from_bytes`: a storage as a file of its own.
    case nestedStorage
    /// `object` itself.
    case plainObject
    /// `copyreg._reconstructor`, and the two functions that stand for NEWOBJ.
    case reconstruct
    case newObject
    case newObjectWithKeywords

    /// The meaning of `name`, a module and the name in it joined by a dot.
    init?(_ name: String) {
        if let known = TorchGlobal.names[name] {
            self = known
        } else if name.hasPrefix("torch."), let dtype = TorchDType(name: name.dropFirst(6)) {
            self = .dtype(dtype)
        } else if name.hasPrefix("torch."), let dtype = DType.byTorchStorageName[String(name.dropFirst(6))] {
            self = .storageType(dtype)
        } else {
            return nil
        }
    }

    private static let names: [String: TorchGlobal] = [
        "torch._utils._rebuild_tensor": .rebuildTensor,
        "torch._utils._rebuild_tensor_v2": .rebuildTensorV2,
        "torch._utils._rebuild_tensor_v3": .rebuildTensorV3,
        "torch._utils._rebuild_parameter": .rebuildParameter,
        "torch._utils._rebuild_parameter_with_state": .rebuildParameterWithState,
        "torch._tensor._rebuild_from_type_v2": .rebuildFromType,
        "torch.Tensor": .tensorType,
        "torch.nn.parameter.Parameter": .parameterType,
        "torch.nn.parameter.Buffer": .bufferType,
        "torch.UntypedStorage": .untypedStorage,
        "torch.storage.UntypedStorage": .untypedStorage,
        // Quantised elements are integers with a scale beside them.
        "torch.QInt8Storage": .storageType(.int8), "torch.QUInt8Storage": .storageType(.uint8),
        "torch.QInt32Storage": .storageType(.int32), "torch.QUInt4x2Storage": .storageType(.uint8),
        "torch.QUInt2x4Storage": .storageType(.uint8),
        "torch.Size": .collection, "builtins.set": .collection, "builtins.frozenset": .collection,
        "collections.OrderedDict": .orderedDictionary,
        "collections.Counter": .counter,
        "builtins.dict": .dictionary,
        "_codecs.encode": .encode,
        "builtins.bytes": .bytes,
        "torch.storage._load_from_bytes": .nestedStorage,
        "builtins.object": .plainObject,
        "copyreg._reconstructor": .reconstruct,
        "copyreg.__newobj__": .newObject,
        "copyreg.__newobj_ex__": .newObjectWithKeywords,
    ]
}
