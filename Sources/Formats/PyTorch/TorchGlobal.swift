import Tensors

/// A dtype as PyTorch has it.
struct TorchDType {
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

/// The functions and classes that a pickle may name. There are no others, and none of them runs foreign code: each
/// is a case that ``PickleMachine`` knows what to do for.
enum TorchGlobal {
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
    case size
    case orderedDictionary
    case counter
    case defaultDictionary
    /// `_codecs.encode`: how old pickle protocols write `bytes`.
    case encode
    /// A type that is only ever the default of a `defaultdict`.
    case plainType

    /// What `name`, a module and the name in it joined by a dot, stands for.
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
        "torch.Size": .size,
        "collections.OrderedDict": .orderedDictionary,
        "collections.Counter": .counter,
        "collections.defaultdict": .defaultDictionary,
        "_codecs.encode": .encode,
        "builtins.dict": .plainType, "__builtin__.dict": .plainType,
        "builtins.list": .plainType, "__builtin__.list": .plainType,
        "builtins.int": .plainType, "__builtin__.int": .plainType,
        "builtins.float": .plainType, "__builtin__.float": .plainType,
    ]

    /// What a name that is known but not supported stands for, to say so in better words.
    static func unsupported(_ name: String) -> String? {
        switch name {
        case "torch._utils._rebuild_qtensor", "torch._utils._rebuild_qtensor_v2": "a quantised tensor"
        case "torch.QUInt8Storage", "torch.QInt8Storage", "torch.QInt32Storage", "torch.QUInt4x2Storage",
            "torch.QUInt2x4Storage":
            "a quantised storage"
        case "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor": "a sparse tensor"
        case "torch._utils._rebuild_nested_tensor": "a nested tensor"
        case "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without data"
        case "torch._utils._rebuild_wrapper_subclass": "a tensor of a class of its own"
        case "torch._utils._rebuild_device_tensor_from_numpy",
            "torch._utils._rebuild_device_tensor_from_cpu_tensor":
            "a tensor of another kind of device"
        case "torch.device": "a device"
        case "builtins.set", "__builtin__.set", "builtins.frozenset": "a set"
        case "builtins.complex", "__builtin__.complex": "a complex number"
        case "builtins.bytearray", "__builtin__.bytearray": "a byte array"
        case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar": "a NumPy number"
        case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct": "a NumPy array"
        default: nil
        }
    }
}
