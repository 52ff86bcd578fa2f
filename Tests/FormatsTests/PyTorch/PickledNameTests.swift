import Checkpoints
import Formats
import Testing

/// What loading a pickle would run elsewhere. Here nothing runs.
struct PickledNameTests {
    /// Each operation that names code, asking for the same harm.
    @Test(arguments: [
        // GLOBAL, as Python writes it on Linux and as it is usually spelled; then REDUCE.
        ("cposix\nsystem\n(X\u{2}\0\0\0lst R.", "posix.system"),
        ("cos\nsystem\n(X\u{2}\0\0\0lst R.", "os.system"),
        ("cbuiltins\neval\n)R.", "eval"),
        ("c__builtin__\nexec\n)R.", "exec"),
        ("csubprocess\nPopen\n)R.", "subprocess.Popen"),
        ("crunpy\n_run_code\n)R.", "runpy._run_code"),
        // A lookup of what nobody says, and one of what is hidden.
        ("cbuiltins\ngetattr\n)R.", "getattr"),
        ("cbuiltins\ngetattr\n(ca\nb\nX\u{B}\0\0\0__globals__tR.", "getattr"),
        // What a lookup gives is called.
        ("cbuiltins\ngetattr\n(ca\nb\nX\u{1}\0\0\0ctR)R.", "operator.call"),
        ("ctorch.storage\n_load_from_bytes\n)R.", "torch.storage._load_from_bytes"),
        ("ctorch\nload\n)R.", "torch.load"),
        // A name with dots, which protocol 4 would look up step by step.
        ("ctorch\nserialization.os.system\n)R.", "torch.serialization.os.system"),
        // INST, OBJ, NEWOBJ.
        ("(X\u{2}\0\0\0lsios\nsystem\n.", "os.system"),
        ("(cos\nsystem\nX\u{2}\0\0\0lso.", "os.system"),
        ("csubprocess\nPopen\n)\u{81}.", "subprocess.Popen"),
        // STACK_GLOBAL.
        ("\u{8C}\u{2}os\u{8C}\u{6}system\u{93})R.", "os.system"),
        // Named, and not called here.
        ("cos\nsystem\n.", "os.system"),
        // Made, and thrown away.
        ("cos\nsystem\n(X\u{2}\0\0\0lst R0N.", "os.system"),
    ])
    func dangerousNamesAreMarked(pickle: String, name: String) throws {
        // The texts spell bytes, one per scalar; blanks are for the eye.
        let bytes = pickle.unicodeScalars.filter { $0 != " " }.map { UInt8($0.value) }
        let names = try read(torchFile(bytes)).pickledNames
        #expect(names.filter { $0.risk == .dangerous }.map(\.name.description) == [name])
    }

    @Test(arguments: [
        ("ccollections\nOrderedDict\n)R.", PickleRisk.harmless),
        ("ctorch\ndevice\nX\u{3}\0\0\0cpu\u{85}R.", .harmless),
        ("ctorch\nfloat32\n.", .harmless), ("ctorch.nn.modules.linear\nLinear\n)\u{81}.", .code),
        ("cnumpy._core.multiarray\nscalar\n)R.", .code), ("c__main__\nNet\n)\u{81}.", .code),
        ("cmylib.osmosis\nsystem\n)R.", .code),
        // A member of an enumeration, as Python 3.11 writes it.
        ("cbuiltins\ngetattr\n(cenumeration\nColour\nX\u{3}\0\0\0REDtR.", .code),
    ])
    func risksAreThoseOfWeightsOnly(pickle: String, risk: PickleRisk) throws {
        let names = try read(torchFile(pickle.unicodeScalars.map { UInt8($0.value) })).pickledNames
        #expect(names.map(\.risk).max() == risk)
    }

    @Test func namesThatAreCalledAreToldApart() throws {
        let pickle = Pickle.tuple(Pickle.global("a", "f"), Pickle.call("a", "g")) + Pickle.stop
        #expect(try read(torchFile(pickle)).pickledNames.map(\.isCalled) == [false, true])
    }
}
