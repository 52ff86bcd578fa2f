import CModelReg
import FuzzSupport

/// Leaves that an input describes. What their pointers point to is as long as they say; all else is what the input wants.
final class Leaves {
    let count: Int
    let leaves: UnsafeMutablePointer<mr_leaf>
    private var owned: [UnsafeMutableRawPointer] = []

    private static let names = [
        "float32", "bfloat16", "bool", "float4_e2m1fn", "complex128", "float8_e8m0fnu", "uint64", "int3", "",
    ]

    init(_ input: inout FuzzInput, memory: UnsafeMutableRawPointer) {
        count = Int(input.byte() % 5)
        leaves = UnsafeMutablePointer<mr_leaf>.allocate(capacity: max(1, count))
        leaves.initialize(repeating: mr_leaf(), count: max(1, count))
        for index in 0..<count { leaves[index] = leaf(&input, memory) }
    }

    private func leaf(_ input: inout FuzzInput, _ memory: UnsafeMutableRawPointer) -> mr_leaf {
        var leaf = mr_leaf()
        leaf.kind = Int32(Int8(bitPattern: input.byte()))
        leaf.role = Int32(Int8(bitPattern: input.byte()))
        let name = Array(input.choice(of: Leaves.names).utf8CString)
        let dtype = UnsafeMutablePointer<CChar>.allocate(capacity: name.count)
        dtype.initialize(from: name, count: name.count)
        owned.append(UnsafeMutableRawPointer(dtype))
        leaf.dtype = input.byte() == 255 ? nil : UnsafePointer(dtype)
        // A rank that is too high is refused before the shape is looked at.
        let rank = Int(Int8(bitPattern: input.byte()))
        leaf.rank = Int32(rank)
        leaf.shape = numbers(&input, rank)
        leaf.strides = input.byte() % 2 == 0 ? nil : numbers(&input, rank)
        leaf.offset = number(&input)
        leaf.integer = number(&input)
        leaf.number = Double(bitPattern: input.number(byteCount: 8))
        let flag = input.byte()
        // Bytes that are there, or a length that cannot be.
        leaf.bytes = flag == 255 ? nil : UnsafeRawPointer(memory)
        leaf.byte_count = flag >= 254 ? number(&input) : Int64(flag % 65)
        if leaf.bytes != nil, leaf.byte_count > 64 { leaf.byte_count = 64 }
        return leaf
    }

    private func number(_ input: inout FuzzInput) -> Int64 {
        let byte = input.byte()
        return byte == 255 ? Int64(bitPattern: input.number(byteCount: 8)) : Int64(Int8(bitPattern: byte))
    }

    private func numbers(_ input: inout FuzzInput, _ rank: Int) -> UnsafePointer<Int64>? {
        guard input.byte() != 255 else { return nil }
        let count = max(1, min(rank, 64))
        let list = UnsafeMutablePointer<Int64>.allocate(capacity: count)
        for index in 0..<count { (list + index).initialize(to: number(&input)) }
        owned.append(UnsafeMutableRawPointer(list))
        return UnsafePointer(list)
    }

    deinit {
        for pointer in owned { pointer.deallocate() }
        leaves.deallocate()
    }
}
