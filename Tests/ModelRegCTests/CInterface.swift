import CModelReg
import Foundation
import Glibc
import ModelRegC
import Testing

/// A registry in a folder of its own, used through the C interface.
final class CRegistry {
    let folder: String
    private(set) var handle: UInt64 = 0

    var path: String { folder + "/models.db" }

    init() throws {
        var template = Array("/tmp/modelreg-c-XXXXXX".utf8CString)
        folder = String(cString: try #require(mkdtemp(&template)))
        #expect(mr_open(path, 1, 0, -1, 0, &handle, nil) == 0)
    }

    deinit {
        _ = mr_close(handle, nil)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Carries out a command.
    func call(_ command: String, _ arguments: String = "{}") -> Answer {
        Answer { result, error in mr_call(handle, command, arguments, nil, nil, nil, &result, &error) }
    }

    /// Saves leaves.
    func save(
        _ leaves: [mr_leaf], structure: String, as model: String? = "m", options: String? = nil,
        count: Int64? = nil, cancelled: UnsafePointer<Int32>? = nil
    ) -> Answer {
        leaves.withUnsafeBufferPointer { leaves in
            Answer { result, error in
                mr_save(
                    handle, model, structure, count ?? Int64(leaves.count), leaves.baseAddress, options,
                    cancelled,
                    nil, nil, &result, &error)
            }
        }
    }
}

/// What a function of the C interface answered.
struct Answer {
    let code: Int32
    let result: String?
    let message: String?

    init(
        _ body: (inout UnsafeMutablePointer<CChar>?, inout mr_error) -> Int32
    ) {
        var result: UnsafeMutablePointer<CChar>?
        var error = mr_error()
        code = body(&result, &error)
        self.result = result.map { String(cString: $0) }
        message = error.message.map { String(cString: $0) }
        #expect(error.code == code)
        #expect((code == 0) == (error.message == nil), "a failure has a message, and nothing else has")
        mr_free(result)
        mr_free(error.message)
    }

    /// The member of a result that is an object.
    subscript(key: String) -> Any? {
        let object = result.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) }
        return (object as? [String: Any])?[key]
    }
}

/// Memory that leaves point to, for as long as a test runs.
final class LeafMemory {
    private var blocks: [UnsafeMutableRawPointer] = []

    deinit { for block in blocks { free(block) } }

    func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let count = max(1, elements.count * MemoryLayout<Element>.stride)
        guard let block = malloc(count) else { preconditionFailure("no memory") }
        blocks.append(block)
        elements.withUnsafeBytes { source in
            if let address = source.baseAddress { memcpy(block, address, source.count) }
        }
        return block.assumingMemoryBound(to: Element.self)
    }

    func text(_ text: String) -> UnsafePointer<CChar> { UnsafePointer(copy(Array(text.utf8CString))) }

    /// A tensor of float32.
    func tensor(
        _ elements: [Float], shape: [Int64], strides: [Int64]? = nil, offset: Int64 = 0,
        dtype: String = "float32"
    ) -> mr_leaf {
        var leaf = mr_leaf()
        leaf.kind = Int32(MR_TENSOR.rawValue)
        leaf.dtype = text(dtype)
        leaf.rank = Int32(shape.count)
        leaf.shape = UnsafePointer(copy(shape))
        leaf.strides = strides.map { UnsafePointer(copy($0)) }
        leaf.offset = offset
        leaf.bytes = UnsafeRawPointer(copy(elements))
        leaf.byte_count = Int64(elements.count * 4)
        return leaf
    }

    /// A leaf whose content are bytes.
    func content(_ kind: mr_leaf_kind, _ bytes: [UInt8]) -> mr_leaf {
        var leaf = mr_leaf()
        leaf.kind = Int32(kind.rawValue)
        leaf.bytes = UnsafeRawPointer(copy(bytes))
        leaf.byte_count = Int64(bytes.count)
        return leaf
    }
}
