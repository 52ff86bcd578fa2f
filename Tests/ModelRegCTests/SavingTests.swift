import CModelReg
import Foundation
import ModelRegC
import Testing

@Suite struct SavingTests {
    let registry: CRegistry
    let memory = LeafMemory()

    init() throws { registry = try CRegistry() }

    @Test func whatIsSavedIsRead() throws {
        let leaf = memory.tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        let saved = registry.save([leaf], structure: #"{"dict":[["w","tensor"]]}"#)
        #expect(saved.message == nil)
        #expect((saved["version"] as? [String: Any])?["reference"] as? String == "m:v1")

        var layout: UInt64 = 0
        let opened = Answer { result, error in
            mr_layout_open(registry.handle, "m", nil, nil, &layout, &result, &error)
        }
        #expect(opened.code == 0)
        #expect(opened["paths"] as? [String] == ["w"])
        #expect(opened["storages"] as? [Int] == [24])
        var floats = [Float](repeating: 0, count: 6)
        let code = floats.withUnsafeMutableBytes { bytes in
            var buffer = mr_buffer(bytes: bytes.baseAddress, byte_count: 24)
            return mr_read(layout, 1, &buffer, 1, nil, nil, nil, nil)
        }
        #expect(code == 0)
        #expect(floats == [1, 2, 3, 4, 5, 6])
        #expect(mr_layout_close(layout, nil) == 0)
        #expect(mr_layout_close(layout, nil) == 64, "it is closed already")
    }

    @Test func rowsAreReadAlone() throws {
        #expect(
            registry.save(
                [memory.tensor([1, 2, 3, 4, 5, 6], shape: [3, 2])], structure: #"{"dict":[["w","tensor"]]}"#
            ).code == 0)
        var layout: UInt64 = 0
        let opened = Answer { result, error in
            mr_layout_open(registry.handle, "m", #"{"only":["w"],"rows":[1,2]}"#, nil, &layout, &result, &error)
        }
        #expect(opened["storages"] as? [Int] == [8])
        var floats: [Float] = [0, 0]
        let code = floats.withUnsafeMutableBytes { bytes in
            var buffer = mr_buffer(bytes: bytes.baseAddress, byte_count: 8)
            return mr_read(layout, 1, &buffer, 0, nil, nil, nil, nil)
        }
        #expect(code == 0)
        #expect(floats == [3, 4])
        _ = mr_layout_close(layout, nil)
        for rows in ["[1]", "[2,1]", "[-1,2]", "[0,4]", "[0,1,2]", "{}"] {
            let refused = Answer { result, error in
                mr_layout_open(
                    registry.handle, "m", #"{"only":["w"],"rows":\#(rows)}"#, nil, &layout, &result, &error)
            }
            #expect(refused.code == 64, "\(rows): \(refused.message ?? "")")
            #expect(layout == 0)
        }
    }

    @Test func plainValuesOfEachKindAreSaved() throws {
        var integer = mr_leaf()
        integer.kind = Int32(MR_INTEGER.rawValue)
        integer.integer = .min
        var number = mr_leaf()
        number.kind = Int32(MR_NUMBER.rawValue)
        number.number = -.nan
        var flag = mr_leaf()
        flag.kind = Int32(MR_BOOLEAN.rawValue)
        flag.integer = 1
        var none = mr_leaf()
        none.kind = Int32(MR_NONE.rawValue)
        let leaves = [
            memory.content(MR_STRING, [0x61, 0, 0x62]), memory.content(MR_BYTES, [0, 255]),
            memory.content(MR_BIG_INTEGER, Array("-170141183460469231731687303715884105728".utf8)),
            memory.content(MR_NAME, Array("torch:float32".utf8)), integer, number, flag, none,
        ]
        let places = [String](repeating: "\"value\"", count: leaves.count).joined(separator: ",")
        #expect(registry.save(leaves, structure: "{\"list\":[\(places)]}").message == nil)
        var layout: UInt64 = 0
        let opened = Answer { result, error in
            mr_layout_open(registry.handle, "m", nil, nil, &layout, &result, &error)
        }
        let texts = try #require(opened.result)
        for leaf in [
            #"["string","a\u0000b"]"#, #"["bytes","00ff"]"#,
            #"["big_integer","-170141183460469231731687303715884105728"]"#, #"["name","torch:float32"]"#,
            #"["integer",-9223372036854775808]"#, #"["number","fff8000000000000"]"#, #"["boolean",true]"#,
            #"["none"]"#,
        ] {
            #expect(texts.contains(leaf), "\(leaf) in \(texts)")
        }
        _ = mr_layout_close(layout, nil)
    }

    @Test func tensorsOfOneStorageAreTied() throws {
        let first = memory.tensor([1, 2, 3, 4], shape: [2, 2])
        var second = first
        second.shape = UnsafePointer(memory.copy([Int64(2)]))
        second.rank = 1
        second.offset = 2
        let saved = registry.save([first, second], structure: #"{"dict":[["a","tensor"],["b","tensor"]]}"#)
        #expect(saved.message == nil)
        var layout: UInt64 = 0
        let opened = Answer { result, error in
            mr_layout_open(registry.handle, "m", nil, nil, &layout, &result, &error)
        }
        #expect(opened["storages"] as? [Int] == [16])
        _ = mr_layout_close(layout, nil)
    }

    @Test func tensorsThatCannotBeAreRefused() throws {
        func refused(_ reason: String, _ change: (inout mr_leaf) -> Void) {
            var leaf = memory.tensor([1, 2, 3, 4], shape: [2, 2])
            change(&leaf)
            let answer = registry.save([leaf], structure: #"{"dict":[["w","tensor"]]}"#)
            #expect(answer.code == 64)
            #expect(answer.message?.contains(reason) == true, "\(answer.message ?? "nothing") for \(reason)")
        }
        refused("no such kind: 99") { $0.kind = 99 }
        refused("no such kind: -1") { $0.kind = -1 }
        refused("dtype is NULL") { $0.dtype = nil }
        refused("no such dtype") { $0.dtype = memory.text("float33") }
        refused("dtype is no UTF-8") { $0.dtype = UnsafePointer(memory.copy([CChar(bitPattern: 0xFF), 0])) }
        refused("rank -1") { $0.rank = -1 }
        refused("rank 65") { $0.rank = 65 }
        refused("rank 2147483647") { $0.rank = .max }
        refused("shape is NULL") { $0.shape = nil }
        refused("negative length") { $0.shape = UnsafePointer(memory.copy([Int64(-1), 4])) }
        refused("overflows") { $0.shape = UnsafePointer(memory.copy([Int64.max, 4])) }
        refused("needs 20 bytes") { $0.shape = UnsafePointer(memory.copy([Int64(5), 1])) }
        refused("negative stride") { $0.strides = UnsafePointer(memory.copy([Int64(-2), 1])) }
        refused("overflows") { $0.strides = UnsafePointer(memory.copy([Int64.max, 1])) }
        refused("needs") { $0.strides = UnsafePointer(memory.copy([Int64(100), 1])) }
        refused("negative storage offset") { $0.offset = -1 }
        refused("overflows") { $0.offset = .max }
        refused("needs") { $0.offset = 1 }
        refused("bytes is NULL") { $0.bytes = nil }
        refused("byte_count is -16") { $0.byte_count = -16 }
        refused("do not fit behind their address") {
            $0.byte_count = .max
            $0.bytes = UnsafeRawPointer(bitPattern: UInt.max - 4)
        }
        refused("no such role") { $0.role = 5 }
        #expect(registry.call("ls").result == "[]", "nothing was saved")
    }

    @Test func valuesThatCannotBeAreRefused() throws {
        func refused(_ reason: String, _ leaf: mr_leaf) {
            let answer = registry.save([leaf], structure: #"{"list":["value"]}"#)
            #expect(answer.code == 64)
            #expect(answer.message?.contains(reason) == true, "\(answer.message ?? "nothing") for \(reason)")
        }
        refused("no UTF-8", memory.content(MR_STRING, [0xC0, 0x80]))
        refused("more than 64 bits", memory.content(MR_BIG_INTEGER, Array("12".utf8)))
        refused("more than 64 bits", memory.content(MR_BIG_INTEGER, Array("12x".utf8)))
        refused("no name", memory.content(MR_NAME, Array("os".utf8)))
        refused("no name", memory.content(MR_NAME, Array("os:a\nb".utf8)))
        var flag = mr_leaf()
        flag.kind = Int32(MR_BOOLEAN.rawValue)
        flag.integer = 2
        refused("0 or 1", flag)
    }

    @Test func structuresAndCountsThatDoNotFitAreRefused() throws {
        let leaf = memory.tensor([1], shape: [1])
        for structure in [
            "", "null", "{", #"{"dict":[["w","tensor"],["w","tensor"]]}"#, #"{"dict": []}"#, #""tensor" "#,
            String(repeating: #"{"list":["#, count: 200),
        ] {
            #expect(registry.save([leaf], structure: structure).code == 64)
        }
        #expect(registry.save([leaf, leaf], structure: "\"tensor\"").code == 65)
        #expect(registry.save([], structure: "\"tensor\"").code == 65)
        #expect(registry.save([leaf], structure: "\"tensor\"", count: -1).code == 64)
        #expect(registry.save([leaf], structure: "\"tensor\"", count: .max).code == 64)
        #expect(registry.save([leaf], structure: "\"tensor\"", as: nil).code == 64)
        #expect(registry.save([leaf], structure: "\"tensor\"", as: "a b").code == 64)
        #expect(registry.save([leaf], structure: "\"tensor\"", options: "[]").code == 64)
        #expect(registry.save([leaf], structure: "\"tensor\"", options: #"{"step":-1}"#).code == 64)
        #expect(registry.save([leaf], structure: "\"tensor\"", options: #"{"aliases":["v1"]}"#).code == 64)
        #expect(registry.save([leaf], structure: "\"tensor\"", options: #"{"run":"none"}"#).code == 66)
        #expect(registry.save([leaf], structure: "\"tensor\"", options: #"{"gate":"nan >"}"#).code == 64)
        let answer = Answer { _, error in
            mr_save(registry.handle, "m", "\"tensor\"", 1, nil, nil, nil, nil, nil, nil, &error)
        }
        #expect(answer.message == "leaves is NULL")
        #expect(registry.call("ls").result == "[]", "nothing was saved")
    }

    @Test func aCallThatIsCancelledSavesNothing() throws {
        let leaf = memory.tensor([1], shape: [1])
        var flag: Int32 = 1
        let answer = registry.save([leaf], structure: "\"tensor\"", cancelled: &flag)
        #expect(answer.code == 130)
        #expect(answer.message == "cancelled")
        #expect(registry.call("ls").result == "[]")
        flag = 0
        #expect(registry.save([leaf], structure: "\"tensor\"", cancelled: &flag).code == 0)
    }
}
