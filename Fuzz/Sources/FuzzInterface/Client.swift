import CModelReg
import FuzzSupport
import Glibc
import ModelRegC

/// One registry in memory, which is made anew from time to time, and the calls that are made of an input.
final class Client {
    nonisolated(unsafe) static let shared = Client()

    private var registry: UInt64 = 0
    private var age = 0
    private let path = FuzzFile.inFolder("models.db", [])
    /// What tensors lie in.
    private let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

    private init() { memory.initializeMemory(as: UInt8.self, repeating: 7, count: 64) }

    /// Opens the registry; a new one where the last has been used often.
    func begin() {
        age += 1
        if registry != 0, age < 100 { return }
        age = 0
        if registry != 0 { require(mr_close(registry, nil) == 0, "the registry does not close") }
        for ending in ["", "-journal", "-wal", "-shm"] { unlink(path + ending) }
        require(mr_open(path, 1, 0, 0, 0, &registry, nil) == 0, "no registry can be made in memory")
        let saved = Answer { result, error in
            withLeaf { leaf in
                mr_save(registry, "m", "\"tensor\"", 1, leaf, nil, nil, nil, nil, &result, &error)
            }
        }
        require(saved.code == 0, "a tensor cannot be saved")
    }

    private func withLeaf(_ body: (UnsafePointer<mr_leaf>) -> Int32) -> Int32 {
        var leaf = mr_leaf()
        leaf.bytes = UnsafeRawPointer(memory)
        leaf.byte_count = 16
        let shape: [Int64] = [2, 2]
        leaf.rank = 2
        return shape.withUnsafeBufferPointer { shape in
            "float32".withCString { name in
                leaf.shape = shape.baseAddress
                leaf.dtype = name
                return body(&leaf)
            }
        }
    }

    /// A text up to a NUL, with a length before it; `nil` for NULL.
    private func text(_ input: inout FuzzInput) -> [CChar]? {
        let count = Int(input.byte())
        return count == 255 ? nil : input.bytes(count).map(CChar.init(bitPattern:)) + [0]
    }

    private func with<Result>(_ text: [CChar]?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let text else { return body(nil) }
        return text.withUnsafeBufferPointer { body($0.baseAddress) }
    }

    // MARK: Saving

    /// Leaves of all kinds, and a structure that may fit them.
    func save(_ input: inout FuzzInput) {
        let made = Leaves(&input, memory: memory)
        let count = input.byte() == 255 ? Int64(bitPattern: input.number(byteCount: 8)) : Int64(made.count)
        // More than there are is for the caller to answer for.
        guard count <= made.count else { return }
        let structure = text(&input)
        let options = text(&input)
        let answer = with(structure) { structure in
            with(options) { options in
                Answer { result, error in
                    mr_save(
                        registry, "m", structure, count, made.leaves, options, nil, nil, nil, &result, &error)
                }
            }
        }
        require((answer.code == 0) == (answer.result != nil), "a version without a description")
        if answer.code == 0 { checkLoad("m", options: nil) }
    }

    // MARK: Loading

    /// A reference, and options, that may name something.
    func load(_ input: inout FuzzInput) {
        let reference = text(&input)
        let options = text(&input)
        with(reference) { reference in with(options) { checkLoad(reference, options: $0) } }
    }

    /// Opens a layout and fills it; with other destinations it is refused.
    private func checkLoad(_ reference: UnsafePointer<CChar>?, options: UnsafePointer<CChar>?) {
        var layout: UInt64 = 7
        let opened = Answer { result, error in
            mr_layout_open(registry, reference, options, nil, &layout, &result, &error)
        }
        require((opened.code == 0) == (layout != 0), "a layout that is none")
        guard let text = opened.result else { return }
        defer { require(mr_layout_close(layout, nil) == 0, "a layout does not close") }
        let lengths = storages(in: text)
        guard lengths.reduce(0, +) <= 1 << 20 else { return }
        var buffers = lengths.map { length in
            mr_buffer(
                bytes: UnsafeMutableRawPointer.allocate(byteCount: max(1, length), alignment: 64),
                byte_count: Int64(length))
        }
        defer { for buffer in buffers { buffer.bytes.deallocate() } }
        let read = mr_read(layout, Int64(buffers.count), &buffers, 1, nil, nil, nil, nil)
        require(read == 0, "what is there cannot be read: \(read)")
        require(
            mr_read(layout, Int64(buffers.count) + 1, &buffers, 0, nil, nil, nil, nil) == 64, "one too many")
        guard let first = buffers.first else { return }
        buffers[0].byte_count = first.byte_count + 1
        require(mr_read(layout, Int64(buffers.count), &buffers, 0, nil, nil, nil, nil) == 64, "one too long")
    }

    /// The numbers of `"storages":[…]`, which no text in the description can look like: its quotes would be escaped.
    private func storages(in text: String) -> [Int] {
        let mark = Array("\"storages\":[".utf8)
        let bytes = Array(text.utf8)
        guard
            let start = (0...max(0, bytes.count - mark.count)).first(where: { bytes[$0...].starts(with: mark) })
        else { fail("no storages in \(text)") }
        let list = bytes[(start + mark.count)...].prefix { $0 != UInt8(ascii: "]") }
        return list.split(separator: UInt8(ascii: ",")).map { digits in
            guard let length = Int(String(decoding: digits, as: UTF8.self)) else {
                fail("no length in \(text)")
            }
            return length
        }
    }

    // MARK: Commands and handles

    /// Commands that reach no file and no network, and words that are none.
    private static let commands = [
        "ls", "log", "version", "history", "blame", "lineage", "diff", "alias set", "alias rm", "alias ls",
        "rm", "prune",
        "gc", "verify", "sql", "wait", "run start", "run log", "run set", "run finish", "run ls", "remote ls",
        "remote rm",
        "remote add", "", "lss",
    ]

    /// A command with arguments that may be JSON.
    func call(_ input: inout FuzzInput) {
        let command = input.choice(of: Client.commands)
        let answer = with(text(&input)) { arguments in
            Answer { result, error in mr_call(registry, command, arguments, nil, nil, nil, &result, &error) }
        }
        require((answer.code == 0) == (answer.result != nil), "\(command) answers nothing")
    }

    /// Numbers that are no handles, or handles of something else.
    func useHandles(_ input: inout FuzzInput) {
        var number = input.number(byteCount: 8)
        if number == registry { number += 1 }
        require(mr_close(number, nil) == 64, "what is closed is none")
        require(mr_layout_close(number, nil) == 64, "what is closed is no layout")
        require(mr_layout_close(registry, nil) == 64, "a registry is no layout")
        require(mr_read(number, 0, nil, 0, nil, nil, nil, nil) == 64, "what is read is no layout")
        let answer = Answer { result, error in mr_call(number, "ls", nil, nil, nil, nil, &result, &error) }
        require(answer.code == 64, "what is asked is no registry")
    }
}
