import Checkpoints
import Formats
import Foundations
import OrderedCollections
import Tensors
import Testing

struct SafetensorsLayoutTests {
    /// Bytes that safetensors 0.8.0 wrote: `save({'é"\\\n\x01\x7f/\u2028😀b': zeros(2, 0), '': tensor(1.)},
    /// metadata={'a\x1f\t': 'b'})`.
    @Test func headerIsWhatTheReferenceImplementationWrites() throws {
        let layout = try SafetensorsLayout(
            [
                .init(name: "é\"\\\n\u{1}\u{7F}/\u{2028}😀b", dtype: .float32, shape: [2, 0]),
                .init(name: "", dtype: .float32, shape: []),
            ], metadata: ["a\u{1F}\t": "b"])
        let json =
            #"{"__metadata__":{"a\u001f\t":"b"},"":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"#
            + "\"é\\\"\\\\\\n\\u0001\u{7F}/\u{2028}😀b\":{\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[4,4]}}     "
        #expect(layout.header == [0xA8, 0, 0, 0, 0, 0, 0, 0] + Array(json.utf8))
        #expect(layout.ranges == [180..<180, 176..<180])
        #expect(layout.byteCount == 180)
    }

    @Test func nothingIsWrittenAsTheReferenceImplementationDoes() throws {
        let layout = try SafetensorsLayout([])
        #expect(layout.header == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
        #expect(layout.byteCount == 16)
    }

    /// All dtypes, and metadata in the order in which the file has it.
    @Test(arguments: ["dtypes.safetensors", "mlp-step-100.safetensors"])
    func examplesAreWrittenAsTheyAre(name: String) throws {
        let file = try CheckpointFile.read(path: Examples.path(name))
        let tensors = try SafetensorsLayout.tensors(of: file.checkpoint)
        // In another order than they are in the file.
        let entries = tensors.sorted { $0.key > $1.key }
            .map { SafetensorsLayout.Entry(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape) }
        let layout = try SafetensorsLayout(entries, metadata: file.metadata)
        var written = layout.header + [UInt8](repeating: 0, count: layout.byteCount - layout.header.count)
        for (entry, range) in zip(entries, layout.ranges) {
            written.replaceSubrange(range, with: try #require(tensors[entry.name]).bytes)
        }
        #expect(written == (try Examples.bytes(name)))
    }

    @Test func saysWhatCannotBeHeld() {
        let instead = "; save it as a PyTorch file"
        let nested = Checkpoint.dictionary(CheckpointDictionary())
        let cases: [(Checkpoint, String)] = [
            (.list([]), "safetensors holds named tensors only, this is a list"),
            (.tensor(Tensor([1.0])), "safetensors holds named tensors only, this is a tensor without a name"),
            (
                .dictionary(CheckpointDictionary([.integer(3): .none])),
                "safetensors holds names only, and the key 3 is not a name"
            ),
            (
                .dictionary(CheckpointDictionary([.string("epoch"): .integer(3)])),
                "safetensors holds tensors only, \"epoch\" is a whole number"
            ),
            (
                .dictionary(CheckpointDictionary([.string("model"): nested])),
                "safetensors holds tensors only, \"model\" is a dictionary"
            ),
        ]
        for (checkpoint, expected) in cases {
            #expect {
                try SafetensorsLayout.tensors(of: checkpoint)
            } throws: {
                "\($0)" == expected + instead
            }
        }
    }

    /// A precomposed é, and an e with an accent.
    @Test func namesThatOnlyLookTheSameAreTwoTensors() throws {
        let names = ["\u{E9}", "e\u{301}"]
        let layout = try SafetensorsLayout(names.map { .init(name: $0, dtype: .uint8, shape: [1]) })
        guard case .dictionary(let read) = try read(layout.header + [1, 2]).checkpoint else {
            Issue.record("no dictionary")
            return
        }
        #expect(read.entries.keys.map { Array($0.description.utf8) } == [[0x65, 0xCC, 0x81], [0xC3, 0xA9]])
        // By name alone they cannot be told apart.
        #expect {
            try SafetensorsLayout.tensors(of: .dictionary(read))
        } throws: {
            "\($0)".hasPrefix("two names look the same, \"\u{E9}\"")
        }
    }

    @Test func saysThatTensorsAreTied() throws {
        let tensor = Tensor([1.0, 2.0])
        let state = Checkpoint.dictionary(
            CheckpointDictionary([.string("a"): .tensor(tensor), .string("b"): .tensor(tensor)]))
        #expect { try SafetensorsLayout.tensors(of: state) } throws: {
            "\($0)" == "safetensors holds no tied tensors, \"a\" and \"b\" are; save it as a PyTorch file"
        }
        #expect(try SafetensorsLayout.tensors(of: state, separatingTied: true).count == 2)
    }

    @Test(arguments: [
        (["a", "a"], DType.bool, "two tensors are called \"a\""),
        (["__metadata__"], .bool, "safetensors keeps the name \"__metadata__\" for itself"),
        (["z"], .complex128, "safetensors has no complex128, which \"z\" is; save it as a PyTorch file"),
    ])
    func refusesEntriesThatCannotBe(names: [String], dtype: DType, expected: String) {
        let entries = names.map { SafetensorsLayout.Entry(name: $0, dtype: dtype, shape: [1]) }
        #expect { try SafetensorsLayout(entries) } throws: { "\($0)" == expected }
    }

    @Test func refusesSizesThatOverflow() {
        // One tensor has as many bits as an integer holds, at most; nine have too many bytes.
        let entries = (0..<9).map {
            SafetensorsLayout.Entry(name: "\($0)", dtype: .uint8, shape: [Int.max / 8])
        }
        #expect(throws: SafetensorsLayoutError.tooLarge) { try SafetensorsLayout(entries) }
        #expect(throws: SafetensorsLayoutError.tensor(path: "a", .overflow(shape: [Int.max]))) {
            try SafetensorsLayout([.init(name: "a", dtype: .uint8, shape: [Int.max])])
        }
        #expect(throws: SafetensorsLayoutError.tensor(path: "a", .negativeLength(shape: [-1]))) {
            try SafetensorsLayout([.init(name: "a", dtype: .uint8, shape: [-1])])
        }
    }
}
