import CModelReg
import Foundation
import ModelRegC
import TestSupport
import Testing

/// Structures that no checkpoint has, and numbers that no tensor has: an answer each, never the end of the process.
@Suite struct HostileStructureTests {
    let registry: CRegistry
    let memory = LeafMemory()

    init() throws { registry = try CRegistry() }

    /// Structures with one tensor, or none.
    static let structures = [
        #"{"reference":0}"#, #"{"list":[{"reference":0},"tensor"]}"#,
        #"{"list":[{"reference":9223372036854775807}]}"#,
        #"{"object":["a:b","view",null,["value","tensor"]]}"#, #"{"object":["a:b","view",null]}"#,
        #"{"object":["a:b","view",null,["state","tensor"]]}"#,
        #"{"object":["numpy:ndarray","view",0,["value",{"list":["tensor",{"reference":0}]}]]}"#,
        #"{"object":["numpy:float32","view",null,["value","tensor"],["items",{"list":[]}]]}"#,
        #"{"object":["torch._utils:_rebuild_from_type_v2","view",0,["value","tensor"],["state",{"reference":0}]]}"#,
        #"{"object":["torch._utils:_rebuild_parameter_with_state","view",null,["value","tensor"]]}"#,
        #"{"object":["torch:FloatStorage","view",null,["value","tensor"]]}"#,
        #"{"object":["torch.storage:UntypedStorage","view",null,["value","tensor"]]}"#,
        #"{"object":["a:b","apply",null,["arguments",{"tuple":[]}]]}"#, #"{"object":["a:b","apply",null]}"#,
        #"{"object":["a:b","call",5,["arguments",{"tuple":[{"reference":5},"tensor"]}]]}"#,
        #"{"object":["a:b","new",null,["arguments","tensor"]]}"#,
        #"{"object":["a:b","persistent",null,["arguments","tensor"]]}"#,
        #"{"object":["builtins:set","call",null,["items","tensor"]]}"#,
        #"{"object":["modelreg:file","view",null,["value","tensor"]]}"#,
        #"{"list":[{"object":["a:b","new",1,["state","tensor"]]},{"object":["a:b","new",1]}]}"#,
        #"{"dict":[["","tensor"],[{"tuple":[]},{"dict":[]}],[{"number":"7ff8000000000000"},{"list":[]}]]}"#,
        #"{"ordered_dict":[["__metadata__","tensor"]]}"#, #""tensor""#,
        String(repeating: #"{"list":["#, count: 128) + #""tensor""# + String(repeating: "]}", count: 128),
    ]

    private func useAll(_ model: String) {
        for format in ["pytorch", "safetensors", "npz", "npy", "gguf"] {
            let arguments =
                #"{"reference":"\#(model)","path":"\#(registry.folder)/out","format":"\#(format)","force":true,"flatten":true}"#
            #expect([0, 64, 65, 73, 74].contains(registry.call("export", arguments).code))
        }
        var layout: UInt64 = 0
        let opened = Answer { result, error in
            mr_layout_open(registry.handle, model, nil, nil, &layout, &result, &error)
        }
        #expect(opened.code == 0, "\(opened.message ?? "")")
        let counts = opened["storages"] as? [Int] ?? []
        let blocks = counts.map { memory.copy([UInt8](repeating: 0, count: $0)) }
        let buffers = zip(blocks, counts).map { mr_buffer(bytes: $0, byte_count: Int64($1)) }
        #expect(mr_read(layout, Int64(buffers.count), buffers, 1, nil, nil, nil, nil) == 0)
        _ = mr_layout_close(layout, nil)
        #expect(registry.call("diff", #"{"old":"\#(model)","new":"\#(model)"}"#).code == 0)
    }

    @Test(arguments: structures) func structuresThatNoCheckpointHasAreAnswered(_ structure: String) {
        let leaf = memory.tensor([1, 2, 3, 4], shape: [2, 2])
        let leaves = structure.contains("\"tensor\"") ? [leaf] : []
        let saved = registry.save(leaves, structure: structure)
        #expect([0, 64, 65].contains(saved.code), "\(saved.message ?? "")")
        if saved.code == 0 { useAll("m") }
        #expect(registry.call("verify")["is_intact"] as? Bool == true)
    }

    @Test func randomArgumentsAreAnswered() {
        let seed: UInt64 = 20_261_128
        var random = SeededGenerator(seed: seed)
        let numbers: [Int64] = [0, 1, 2, 3, 4, -1, 64, 65, .max, .min, 1 << 31, 1 << 32, 1 << 62, 7]
        func number() -> Int64 { numbers[random.number(in: 0...numbers.count - 1)] }
        let dtypes = ["float32", "float4_e2m1fn", "float6_e2m3fn", "complex128", "bool", "none", ""]
        for round in 0..<2000 {
            var leaf = memory.tensor([1, 2, 3, 4], shape: [2, 2])
            let rank = random.number(in: 0...4)
            leaf.kind = Int32(truncatingIfNeeded: random.number(in: 0...9) == 0 ? number() : 0)
            leaf.role = Int32(truncatingIfNeeded: random.number(in: 0...9) == 0 ? number() : 0)
            leaf.dtype = memory.text(dtypes[random.number(in: 0...dtypes.count - 1)])
            leaf.rank = Int32(rank)
            leaf.shape = UnsafePointer(memory.copy((0..<rank).map { _ in number() }))
            if random.number(in: 0...1) == 0 {
                leaf.strides = UnsafePointer(memory.copy((0..<rank).map { _ in number() }))
            }
            leaf.offset = number()
            // Within what is there: more would be the caller's lie.
            leaf.byte_count = Int64(random.number(in: 0...16))
            let saved = registry.save([leaf], structure: "\"tensor\"", as: "random")
            #expect([0, 64, 65].contains(saved.code), "seed \(seed), round \(round): \(saved.message ?? "")")
        }
        if !(registry.call("ls").result ?? "[]").elementsEqual("[]") { useAll("random") }
        #expect(registry.call("verify")["is_intact"] as? Bool == true)
    }

    @Test func brokenTextsAreAnswered() {
        let seed: UInt64 = 7
        var random = SeededGenerator(seed: seed)
        let leaf = memory.tensor([1, 2, 3, 4], shape: [2, 2])
        for round in 0..<3000 {
            var bytes = Array(
                HostileStructureTests.structures[
                    random.number(in: 0...HostileStructureTests.structures.count - 1)
                ].utf8)
            for _ in 0...random.number(in: 0...3) {
                let position = random.number(in: 0...bytes.count - 1)
                switch random.number(in: 0...2) {
                case 0: bytes[position] = UInt8(random.number(in: 1...255))
                case 1: bytes.insert(UInt8(random.number(in: 1...127)), at: position)
                default: if bytes.count > 1 { bytes.remove(at: position) }
                }
            }
            let text = memory.copy(bytes.map { CChar(bitPattern: $0) } + [0])
            let answer = withUnsafePointer(to: leaf) { leaf in
                Answer { result, error in
                    mr_save(
                        registry.handle, "broken", text, 1, leaf, nil, nil, nil, nil, &result, &error)
                }
            }
            #expect([0, 64, 65].contains(answer.code), "seed \(seed), round \(round): \(answer.message ?? "")")
        }
    }
}
