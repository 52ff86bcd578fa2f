import Checkpoints
import Foundations
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct CheckpointLeavesTests {
    @Test func assemblingUndoesDisassembling() throws {
        for seed in 0..<200 as Range<UInt64> {
            var random = RandomCheckpoints(seed: seed)
            let checkpoint = random.checkpoint(depth: 5)
            let (structure, leaves) = try checkpoint.disassembled()
            #expect(
                structure.leafCount == leaves.count && structure.leafPaths.count == leaves.count, "seed \(seed)"
            )
            let assembled = try #require(try structure.assembled(from: leaves), "seed \(seed)")
            #expect(
                try differences(between: checkpoint, and: assembled, comparesStrides: false) == [],
                "seed \(seed)")
        }
    }

    private let nested = Checkpoint.dictionary(
        CheckpointDictionary(
            [
                .string("model"): .dictionary(
                    CheckpointDictionary(
                        [.string("w"): .integer(1), .string("b"): .integer(2)], kind: .ordered)),
                .string("losses"): .list([.number(0.5), .number(0.25)]),
                .string("betas"): .tuple([.integer(3)]),
                .string("empty"): .list([]),
            ]))

    @Test func partialAssemblyLeavesOutContainersThatBecomeEmpty() throws {
        let (structure, leaves) = try nested.disassembled()
        let part = try #require(
            try structure.assembled(from: [nil, leaves[1], nil, leaves[3], nil]))
        let text = try part.disassembled().structure.json
        #expect(
            text
                == #"{"dict":[["model",{"ordered_dict":[["b","value"]]}],["losses",{"list":["value"]}],["empty",{"list":[]}]]}"#
        )
    }

    @Test func assemblyOfNothingIsNothing() throws {
        let structure = Structure.dictionary(
            [.init(key: .string("w"), structure: .list([.tensor]))], kind: .plain)
        #expect(try structure.assembled(from: [nil]) == nil)
        #expect(try Structure.list([]).assembled(from: []) != nil)
    }

    @Test(arguments: [0, 4, 6])
    func assemblyRefusesAnotherNumberOfLeaves(count: Int) throws {
        let structure = try nested.disassembled().structure
        #expect(throws: CheckpointError.leafCount(expected: 5, found: count)) {
            try structure.assembled(from: [CheckpointLeaf<Tensor>?](repeating: nil, count: count))
        }
        #expect(
            "\(CheckpointError.leafCount(expected: 5, found: count))"
                == "structure has room for 5 values, but there are \(count)")
    }

    @Test func deepNestingIsRefused() throws {
        func nested(_ depth: Int) -> Checkpoint {
            (0..<depth).reduce(.none) { inner, level in
                switch level % 3 {
                case 0: .list([inner])
                case 1: .tuple([inner])
                default: .dictionary(CheckpointDictionary([.string("k"): inner]))
                }
            }
        }
        #expect(try nested(Checkpoint.maximumDepth).disassembled().leaves.count == 1)
        let error = #expect(throws: CheckpointError.self) {
            try nested(Checkpoint.maximumDepth + 1).disassembled()
        }
        #expect(error.map { "\($0)" }?.hasPrefix("containers nested more than 128 deep at \"k/0/0/k/") == true)
        #expect(throws: CheckpointError.self) { try SavePlan(nested(1000)) }
    }

    @Test func keysOfDifferentTypesStayApart() throws {
        let checkpoint = Checkpoint.dictionary(
            CheckpointDictionary([
                .string("1"): .integer(1), .integer(1): .integer(2), .boolean(true): .integer(3),
                .string("true"): .integer(4),
                .string("\u{E9}"): .integer(5), .string("e\u{301}"): .integer(6),
            ]))
        let (structure, leaves) = try checkpoint.disassembled()
        #expect(leaves.count == 6)
        #expect(structure.leafPaths.map(\.text) == ["1", "1", "true", "true", "\u{E9}", "e\u{301}"])
    }
}
