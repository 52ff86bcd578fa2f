/// Pieces of pickles, named after the operations in Python's `pickletools`.
enum Pickle {
    static let stop = Array(".".utf8)
    static let mark = Array("(".utf8)
    static let tuple = Array("t".utf8)
    static let reduce = Array("R".utf8)
    static let none = Array("N".utf8)
    static let emptyList = Array("]".utf8)
    static let emptyDict = Array("}".utf8)
    static let emptyTuple = Array(")".utf8)
    static let setItem = Array("s".utf8)
    static let append = Array("a".utf8)
    static let persistentID = Array("Q".utf8)

    static func text(_ text: String) -> [UInt8] {
        Array("X".utf8) + bytes(of: UInt32(text.utf8.count)) + Array(text.utf8)
    }

    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    static func integer(_ value: Int64) -> [UInt8] { [0x8A, 8] + bytes(of: value) }

    static func tuple(_ items: [UInt8]...) -> [UInt8] { mark + items.flatMap { $0 } + tuple }

    static func integers(_ values: [Int64]) -> [UInt8] { mark + values.flatMap(integer) + tuple }

    static func call(_ module: String, _ name: String, _ arguments: [UInt8]...) -> [UInt8] {
        global(module, name) + mark + arguments.flatMap { $0 } + tuple + reduce
    }

    static func storage(_ key: String, _ type: String, count: Int64) -> [UInt8] {
        tuple(text("storage"), global("torch", type), text(key), text("cpu"), integer(count)) + persistentID
    }

    /// A tensor as `torch.save` writes it.
    static func tensor(
        _ key: String, _ type: String = "FloatStorage", count: Int64, offset: Int64 = 0, shape: [Int64],
        strides: [Int64]
    ) -> [UInt8] {
        call(
            "torch._utils", "_rebuild_tensor_v2", storage(key, type, count: count), integer(offset),
            integers(shape), integers(strides), [0x89], call("collections", "OrderedDict"))
    }
}
