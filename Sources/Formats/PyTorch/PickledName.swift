public import Checkpoints

/// A class or function that a pickle names, and the risk that loading the pickle with Python brings by it.
///
/// Nothing here runs it. The file can still be loaded elsewhere, where it is run.
public struct PickledName: Hashable, Sendable {
    /// The class or function.
    public let name: QualifiedName

    /// Whether loading the pickle calls it, or makes an object of the class; otherwise it is only looked up.
    public let isCalled: Bool

    /// What loading the pickle risks by it.
    public let risk: PickleRisk

    /// Assesses a name.
    ///
    /// - Parameter isSuspicious: Whether it is used in a way that hides what is called.
    init(_ name: QualifiedName, isCalled: Bool, isSuspicious: Bool) {
        self.name = name
        self.isCalled = isCalled
        risk = isSuspicious ? .dangerous : PickleRisk(name)
    }
}

/// What loading a pickle with Python risks by one of the names in it.
public enum PickleRisk: String, Sendable, Comparable {
    /// PyTorch's `weights_only` loads it.
    case harmless
    /// Code of a library, which PyTorch's `weights_only` refuses by itself.
    case code
    /// It can run commands, load code or change files: no checkpoint needs it.
    case dangerous

    /// More risk is greater.
    public static func < (left: PickleRisk, right: PickleRisk) -> Bool { left.order < right.order }

    private var order: Int {
        switch self {
        case .harmless: 0
        case .code: 1
        case .dangerous: 2
        }
    }

    /// The risk of a name, from the name alone.
    init(_ name: QualifiedName) {
        if DangerousNames.contains(name) {
            self = .dangerous
        } else {
            self = HarmlessNames.contains(name) ? .harmless : .code
        }
    }
}

/// The names that `torch.load(weights_only=True)` knows; source: `torch/_weights_only_unpickler.py` of PyTorch 2.13.
private enum HarmlessNames {
    static func contains(_ name: QualifiedName) -> Bool {
        let text = "\(name.module).\(name.name)"
        if names.contains(text) { return true }
        guard name.module == "torch" || name.module.hasPrefix("torch.cuda") || name.module == "torch.sparse"
        else {
            return false
        }
        return storageEndings.contains { name.name.hasSuffix($0) } || torchNames.contains(String(name.name))
            || name.module == "torch" && TorchDType(name: name.name) != nil
    }

    private static let storageEndings = ["Storage", "Tensor"]

    private static let torchNames: Set<String> = [
        "Size", "device", "bits16", "bits1x8", "bits2x4", "bits4x2", "bits8", "int1", "int2", "int3", "int4",
        "int5",
        "int6", "int7", "uint1", "uint2", "uint3", "uint4", "uint5", "uint6", "uint7", "qint8", "qint32",
        "quint8",
        "quint4x2", "quint2x4", "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine",
        "per_channel_symmetric", "per_channel_affine_float_qparams",
    ]

    private static let names: Set<String> = [
        "_codecs.encode", "builtins.bytearray", "builtins.complex", "builtins.set",
        "collections.Counter", "collections.OrderedDict", "torch._tensor._rebuild_from_type_v2",
        "torch._utils._rebuild_device_tensor_from_cpu_tensor", "torch._utils._rebuild_device_tensor_from_numpy",
        "torch._utils._rebuild_meta_tensor_no_storage", "torch._utils._rebuild_nested_tensor",
        "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
        "torch._utils._rebuild_qtensor", "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_wrapper_subclass", "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout", "torch.storage.TypedStorage", "torch.storage.UntypedStorage",
    ]
}

/// Names that no checkpoint needs, and attacks use; after those that scanners of pickles look for.
private enum DangerousNames {
    static func contains(_ name: QualifiedName) -> Bool {
        let components = "\(name.module).\(name.name)".split(separator: ".")
        if components.count > 1, modules.contains(String(components[0])) { return true }
        if functions.contains("\(name.module).\(name.name)") { return true }
        // A module that another one has imported: `logging.os.system`.
        return components.dropFirst().contains { inner.contains(String($0)) }
    }

    /// Modules of which all is dangerous.
    private static let modules: Set<String> = [
        "os", "posix", "nt", "subprocess", "sys", "socket", "socketserver", "shutil", "runpy", "pty",
        "commands",
        "popen2", "importlib", "imp", "pip", "ensurepip", "venv", "webbrowser", "httplib", "http", "urllib",
        "urllib2",
        "requests", "aiohttp", "ftplib", "telnetlib", "smtplib", "ssl", "ctypes", "_ctypes", "cffi", "asyncio",
        "code",
        "codeop", "pdb", "bdb", "timeit", "trace", "profile", "cProfile", "doctest", "pydoc", "site", "marshal",
        "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "shelve", "joblib", "multiprocessing",
        "threading",
        "_thread", "signal", "tempfile", "zipimport", "pkgutil", "distutils", "lib2to3", "idlelib",
        "_posixsubprocess",
        "platform", "linecache", "inspect", "gc", "atexit", "sched",
    ]

    /// Modules that are dangerous wherever a name leads through them.
    private static let inner: Set<String> = [
        "os", "posix", "nt", "subprocess", "sys", "builtins", "__builtin__", "importlib", "shutil", "socket",
        "runpy",
        "pty", "__globals__", "__builtins__", "__subclasses__", "__import__",
    ]

    private static let functions: Set<String> = [
        "builtins.eval", "builtins.exec", "builtins.execfile", "builtins.compile", "builtins.open",
        "builtins.file",
        "builtins.input", "builtins.raw_input", "builtins.__import__", "builtins.breakpoint",
        "builtins.globals",
        "builtins.locals", "builtins.vars", "builtins.setattr", "builtins.delattr", "builtins.apply",
        "builtins.exit",
        "builtins.quit", "builtins.map", "builtins.filter", "io.open", "io.FileIO", "_io.open", "_io.FileIO",
        "codecs.open", "pathlib.Path.write_text", "pathlib.Path.write_bytes", "pathlib.Path.unlink",
        "operator.attrgetter", "operator.methodcaller", "operator.call", "types.CodeType", "types.FunctionType",
        "types.LambdaType", "types.ModuleType", "functools.reduce", "itertools.starmap", "torch.load",
        "torch.save",
        "torch.serialization.load", "torch.hub.load",
        "torch.hub.load_state_dict_from_url",
        "torch.jit.load", "torch.ops.load_library", "torch._inductor.codecache.compile_file",
        "torch.utils._config_module.ConfigModule.load_config",
        "torch.utils.data.datapipes.utils.decoder.basichandlers",
        "torch.distributed.rpc.api.rpc_sync",
        "torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression",
        "torch._dynamo.guards.GuardBuilder.get", "torch.utils.collect_env.run", "numpy.load", "numpy.save",
        "numpy.savetxt",
        "numpy.fromfile", "numpy.lib.npyio.load", "numpy.testing._private.utils.runstring",
        "numpy.f2py.crackfortran.getlincoef", "numpy.f2py.crackfortran.myeval",
        "numpy.distutils.exec_command.exec_command",
        "pandas.read_pickle", "pandas.io.pickle.read_pickle", "pandas.eval", "tensorflow.io.read_file",
        "tensorflow.io.write_file", "keras.models.load_model", "logging.config.fileConfig",
        "logging.config.listen",
        "yaml.load", "yaml.unsafe_load",
    ]
}
