import Checkpoints
import Foundations
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct ManifestTests {
    private func dictionary(_ entries: OrderedDictionary<CheckpointKey, Checkpoint>) -> Checkpoint {
        .dictionary(CheckpointDictionary(entries))
    }

    private func id(_ checkpoint: Checkpoint) throws -> ContentID { try Manifest(of: checkpoint).contentID }

    // The id is by Python's hashlib, of this very text.
    @Test func canonicalBytesAreThisText() throws {
        let manifest = try Manifest(
            of: dictionary([
                .string("w"): .tensor(Tensor([UInt8(1), 2, 3])), .string("lr"): .number(0.1),
                .integer(1): .list([.string("a\n\"b\""), .integer(-7), .boolean(true), .none]),
            ]))
        #expect(
            String(decoding: manifest.canonicalBytes, as: UTF8.self) == #"""
                modelreg manifest 1
                {"dict":[["w","tensor"],["lr","value"],[1,{"list":["value","value","value","value"]}]]}
                tensor 789b8319fd849d1d862910c9a17199312abba6185c2e0750064702b55695086c
                number 3fb999999999999a
                string "a\u000a\"b\""
                integer -7
                boolean true
                none

                """#)
        #expect(manifest.contentID.hex == "1c16a7b4a0ca5de1ab2851c074bb69d420a42557ca89ca3644b5560c8b421901")
        #expect(manifest.tensorCount == 1)
        #expect(manifest.byteCount == 3)
    }

    @Test func tiesAreInTheText() throws {
        let tensor = Tensor([UInt8(1), 2, 3])
        let tail = try Tensor(storage: tensor.storage, dtype: .uint8, shape: [2], offset: 1)
        let manifest = try Manifest(of: .list([.tensor(tensor), .tensor(tail)]))
        #expect(
            String(decoding: manifest.canonicalBytes, as: UTF8.self) == """
                modelreg manifest 1
                {"list":["tensor","tensor"]}
                tensor 789b8319fd849d1d862910c9a17199312abba6185c2e0750064702b55695086c storage 0 at 0 strides [1]
                tensor 2bef6714d4fd66182f7e652eb0805d3ef22b51f55e3511777119cca5f94bd60f storage 0 at 1 strides [1]

                """)
        #expect(manifest.byteCount == 5)
    }

    @Test func sameWeightsHaveTheSameIDHoweverTheyLieInMemory() throws {
        let packed = Tensor([Float(1), 2, 3, 4], shape: [2, 2])
        let columns = try Tensor(
            storage: Tensor([Float(1), 3, 2, 4]).storage, dtype: .float32, shape: [2, 2], strides: [1, 2])
        let gaps = try Tensor(
            storage: Tensor([Float(9), 1, 9, 2, 9, 3, 9, 4]).storage, dtype: .float32, shape: [2, 2],
            strides: [4, 2],
            offset: 1)
        let slice = try Tensor(
            storage: Tensor([Float(9), 1, 2, 3, 4, 9]).storage, dtype: .float32, shape: [2, 2], offset: 1)
        let ids = try [packed, columns, gaps, slice].map { try id(dictionary([.string("w"): .tensor($0)])) }
        #expect(Set(ids).count == 1)
    }

    @Test func rolesAreNotInTheID() throws {
        let tensor = Tensor([Float(1)])
        #expect(try id(.tensor(tensor, role: .parameter)) == id(.tensor(tensor, role: .buffer)))
    }

    @Test func orderTiesKeysAndContainersAreInTheID() throws {
        let x = Tensor([Float(1)])
        let y = Tensor([Float(1)])
        let checkpoints: [Checkpoint] = [
            dictionary([.string("x"): .tensor(x), .string("y"): .tensor(y)]),
            dictionary([.string("y"): .tensor(x), .string("x"): .tensor(y)]),
            dictionary([.string("x"): .tensor(x), .string("y"): .tensor(x)]),
            .dictionary(
                CheckpointDictionary([.string("x"): .tensor(x), .string("y"): .tensor(y)], kind: .ordered)),
            .list([.tensor(x), .tensor(y)]), .tuple([.tensor(x), .tensor(y)]), .tensor(x), .list([.tensor(x)]),
            dictionary([.string("0"): .none]), dictionary([.integer(0): .none]),
            dictionary([.boolean(false): .none]),
            .integer(0), .number(0), .number(-0.0), .boolean(false), .none, .string(""), .string("none"),
            .list([]), .tuple([]),
            dictionary([:]), .dictionary(CheckpointDictionary(kind: .ordered)), .number(.nan),
            .number(Double(bitPattern: 0x7ff8_0000_0000_0001)), .integer(.min), .string("\u{E9}"),
            .string("e\u{301}"),
        ]
        #expect(try Set(checkpoints.map { try id($0) }).count == checkpoints.count)
    }

    // Only what a user could have typed differently makes two manifests equal.
    @Test func textsThatLookTheSameAreDifferentLeaves() {
        #expect(PlainValue.string("\u{E9}") != .string("e\u{301}"))
        #expect(CheckpointKey.string("\u{E9}") != .string("e\u{301}"))
    }

    @Test func aCheckpointPutTogetherAgainHasTheSameManifest() throws {
        for seed in 0..<100 as Range<UInt64> {
            var random = RandomCheckpoints(seed: seed)
            let checkpoint = random.checkpoint()
            let (structure, leaves) = try checkpoint.disassembled()
            let again = try #require(try structure.assembled(from: leaves))
            #expect(
                try Manifest(of: checkpoint).canonicalBytes == Manifest(of: again).canonicalBytes,
                "seed \(seed)")
        }
    }
}
