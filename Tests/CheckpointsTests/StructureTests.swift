import Checkpoints
import TestSupport
import Testing

struct StructureTests {
    @Test func writesCanonicalJSON() throws {
        let structure = Structure.dictionary(
            [
                .init(key: .string("a\"\n"), structure: .tensor),
                .init(key: .integer(-1), structure: .list([.value, .tuple([])])),
                .init(key: .boolean(true), structure: .dictionary([], kind: .plain)),
            ], kind: .ordered)
        let json =
            #"{"ordered_dict":[["a\"\u000a","tensor"],[-1,{"list":["value",{"tuple":[]}]}],[true,{"dict":[]}]]}"#
        #expect(structure.json == json)
        #expect(try Structure(json: json) == structure)
    }

    @Test func readsBackWhatItWrites() throws {
        for seed in 0..<300 as Range<UInt64> {
            var random = RandomCheckpoints(seed: seed)
            let structure = try random.checkpoint(depth: 6).disassembled().structure
            let json = structure.json
            #expect(try Structure(json: json) == structure, "seed \(seed)")
            #expect(try Structure(json: json).json.utf8.elementsEqual(json.utf8), "seed \(seed)")
        }
    }

    /// What a state dict has beside its tensors: text in the structure, and no leaf.
    @Test func attributesOfADictionaryAreNoLeaves() throws {
        let json =
            #"{"ordered_dict":[["w","tensor"]],"attributes":{"dict":["#
            + #"["_metadata",{"ordered_dict":[["",{"dict":[["version",1]]}]]}],"#
            + #"["rest",{"list":[null,true,-1,"a",{"integer":"9223372036854775808"},{"number":"3ff8000000000000"},"#
            + #"{"bytes":"ff"},{"name":"torch:float32"},{"tuple":[{"tuple":[]}]}]}]]}}"#
        let structure = try Structure(json: json)
        #expect(structure.json == json)
        #expect(structure.leafPaths.map(\.text) == ["w"])
        #expect(structure.kind == .stateDict)
    }

    @Test(arguments: [
        (#"{"dict":[],"attributes":null}"#, 10), (#"{"ordered_dict":[],"attributes":}"#, 32),
        (#"{"ordered_dict":[],"attributes":"tensor","attributes":1}"#, 40),
        (#"{"ordered_dict":[],"attributes":{"integer":"1"}}"#, 46),
        (#"{"ordered_dict":[],"attributes":{"integer":"09223372036854775808"}}"#, 65),
    ])
    func refusesAttributesThatItWouldNotWrite(json: String, offset: Int) {
        #expect(throws: StructureError.unexpected(byteOffset: offset)) { try Structure(json: json) }
    }

    @Test(arguments: [
        ("", 0), ("tensor", 0), (#""tensor"#, 0), (#""tensor" "#, 8), (#" "tensor""#, 0), (#""other""#, 0),
        ("{}", 0),
        ("[]", 0), (#"{"list":["tensor""#, 17), (#"{"list":["tensor",]}"#, 18), (#"{"list":[,"tensor"]}"#, 9),
        (#"{"list":["tensor" ,"tensor"]}"#, 17), (#"{"list":[]"#, 9), (#"{"list":[]}}"#, 11),
        (#"{"set":[]}"#, 0),
        (#"{"dict":[["a"]]}"#, 13), (#"{"dict":[["a","tensor","tensor"]]}"#, 22),
        (#"{"dict":["a","tensor"]}"#, 9),
        (#"{"dict":[["a","tensor"#, 14), (#"{"dict":[["a"#, 12), (#"{"dict":[[nul,"tensor"]]}"#, 10),
        (#"{"dict":[[01,"tensor"]]}"#, 10), (#"{"dict":[[+1,"tensor"]]}"#, 10),
        (#"{"dict":[[-0,"tensor"]]}"#, 10),
        (#"{"dict":[[1.0,"tensor"]]}"#, 11), (#"{"dict":[[1e3,"tensor"]]}"#, 11),
        (#"{"dict":[[-,"tensor"]]}"#, 10),
        (#"{"dict":[[9223372036854775808,"tensor"]]}"#, 10), (#"{"dict":[[True,"tensor"]]}"#, 10),
        (#"{"dict":[["\n","tensor"]]}"#, 11), (#"{"dict":[["\u000A","tensor"]]}"#, 15),
        (#"{"dict":[["\u0041","tensor"]]}"#, 15), (#"{"dict":[["\u00e9","tensor"]]}"#, 15),
        (#"{"dict":[["\u0100","tensor"]]}"#, 11), (#"{"dict":[["\u00+1","tensor"]]}"#, 15),
        (#"{"dict":[["\u00-0","tensor"]]}"#, 15), (#"{"dict":[["\u00"#, 15), (#"{"dict":[["\u000"#, 15),
        (#"{"dict":[["\/","tensor"]]}"#, 11), (#"{"dict":[["\ud83d\ude00","tensor"]]}"#, 11),
        ("{\"dict\":[[\"\n\",\"tensor\"]]}", 11), ("{\"dict\":[[\"\u{1F}\",\"tensor\"]]}", 11),
    ])
    func refusesWhatItWouldNotWrite(json: String, offset: Int) {
        #expect(throws: StructureError.unexpected(byteOffset: offset)) { try Structure(json: json) }
    }

    @Test func refusesEveryTruncation() throws {
        let json =
            #"{"ordered_dict":[["a\"\u000aü","tensor"],[-12,{"list":["value",{"tuple":[]}]}],[true,"value"]]}"#
        _ = try Structure(json: json)
        for count in 0..<json.utf8.count {
            let part = String(decoding: json.utf8.prefix(count), as: UTF8.self)
            #expect(throws: StructureError.self, "first \(count) bytes") { try Structure(json: part) }
        }
    }

    @Test(arguments: [#""a""#, "1", "true"])
    func refusesDuplicateKeys(key: String) {
        #expect(throws: StructureError.duplicateKey(key.filter { $0 != "\"" })) {
            try Structure(json: "{\"dict\":[[\(key),\"tensor\"],[\(key),\"value\"]]}")
        }
    }

    // Swift's texts are equal when they look the same: one of the two keys was lost.
    @Test func keysThatLookTheSameAreTwo() throws {
        let json = "{\"dict\":[[\"\u{E9}\",\"tensor\"],[\"e\u{301}\",\"value\"]]}"
        #expect(try Structure(json: json).leafCount == 2)
    }

    @Test func refusesDeepNesting() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "{\"list\":[", count: depth) + "\"tensor\""
                + String(repeating: "]}", count: depth)
        }
        #expect(try Structure(json: nested(Checkpoint.maximumDepth)).leafCount == 1)
        #expect(throws: StructureError.tooDeep) { try Structure(json: nested(Checkpoint.maximumDepth + 1)) }
        #expect(throws: StructureError.tooDeep) { try Structure(json: nested(100_000)) }
    }

    @Test func errorsSayWhatIsWrong() {
        #expect("\(StructureError.unexpected(byteOffset: 7))" == "stored structure is damaged at byte 7")
        #expect("\(StructureError.tooDeep)" == "stored structure is nested more than 128 deep")
        #expect("\(StructureError.duplicateKey("w"))" == "stored structure has the key \"w\" twice")
    }

    @Test func numbersLeavesDepthFirst() throws {
        let structure = try Structure(
            json: #"{"dict":[["b","tensor"],["a",{"list":["value",{"dict":[["x/y","tensor"]]}]}],[0,"value"]]}"#
        )
        #expect(structure.leafPaths.map(\.text) == ["b", "a/0", "a/1/x~1y", "0"])
        #expect(structure.leafCount == 4)
    }

    @Test(arguments: [
        (#""tensor""#, CheckpointKind.tensor), (#""value""#, .value), (#"{"list":[]}"#, .list),
        (#"{"tuple":[]}"#, .tuple),
        (#"{"ordered_dict":[["w","tensor"]]}"#, .stateDict), (#"{"dict":[["w","tensor"]]}"#, .stateDict),
        (#"{"dict":[[0,"tensor"]]}"#, .dictionary), (#"{"dict":[["w","value"]]}"#, .dictionary),
        (#"{"dict":[["w",{"dict":[]}]]}"#, .dictionary),
    ])
    func knowsWhatPeopleCallIt(json: String, kind: CheckpointKind) throws {
        #expect(try Structure(json: json).kind == kind)
    }
}
