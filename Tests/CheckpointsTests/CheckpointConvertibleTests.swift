import Checkpoints
import OrderedCollections
import Tensors
import Testing

struct CheckpointConvertibleTests {
    private let tensor = Tensor([Float(1), 2])

    @Test func aTensorIsItsOwnCheckpoint() throws {
        let loaded = try Tensor(checkpoint: tensor.checkpoint)
        #expect(loaded.storage === tensor.storage)
        #expect(loaded.scalars(as: Float.self) == [1, 2])
    }

    @Test func listsDictionariesAndStateDictsComeBack() throws {
        #expect(try [Tensor](checkpoint: [tensor, tensor].checkpoint).count == 2)
        #expect(try [Tensor](checkpoint: .tuple([.tensor(tensor)])).count == 1)
        #expect(try [String: Tensor](checkpoint: ["x": tensor].checkpoint)["x"] === tensor)
        let state: StateDict = ["b": tensor, "a": tensor]
        #expect(try StateDict(checkpoint: state.checkpoint).names == ["b", "a"])
        guard case .dictionary(let dictionary) = state.checkpoint else {
            throw CheckpointError.tooDeep(path: "")
        }
        #expect(dictionary.kind == .ordered)
    }

    @Test func dictionariesAreOrderedByName() throws {
        let checkpoint = ["c": tensor, "a": tensor, "b": tensor].checkpoint
        #expect(try checkpoint.disassembled().structure.leafPaths.map(\.text) == ["a", "b", "c"])
    }

    @Test func otherTypesAreRefused() {
        let others: [(Checkpoint, String)] = [
            (.list([]), "checkpoint is a list, not a tensor"),
            (.tuple([]), "checkpoint is a tuple, not a tensor"),
            (.string(""), "checkpoint is a string, not a tensor"),
            (.integer(1), "checkpoint is an integer, not a tensor"),
            (.number(1), "checkpoint is a number, not a tensor"),
            (.boolean(true), "checkpoint is a boolean, not a tensor"),
            (.none, "checkpoint is none, not a tensor"),
            (.dictionary(CheckpointDictionary()), "checkpoint is a dictionary, not a tensor"),
        ]
        for (checkpoint, message) in others {
            let error = #expect(throws: CheckpointTypeError.self) { try Tensor(checkpoint: checkpoint) }
            #expect(error?.description == message)
        }
    }

    // Swift's dictionaries take these for one name: one tensor would be lost.
    @Test func namesThatLookTheSameAreRefused() {
        let same = Checkpoint.dictionary(
            CheckpointDictionary([.string("\u{E9}"): .tensor(tensor), .string("e\u{301}"): .tensor(tensor)]))
        let error = #expect(throws: CheckpointTypeError.self) { try StateDict(checkpoint: same) }
        #expect(
            error?.description.hasPrefix("checkpoint is a dictionary, not one of names that all look") == true)
        #expect(throws: CheckpointTypeError.self) { try [String: Tensor](checkpoint: same) }
    }

    @Test func dictionariesOfOtherThingsAreRefused() {
        let numbered = Checkpoint.dictionary(CheckpointDictionary([.integer(0): .tensor(tensor)]))
        #expect(throws: StateDictError.none) { try StateDict(checkpoint: numbered) }
        let error = #expect(throws: CheckpointTypeError.self) { try [String: Tensor](checkpoint: numbered) }
        #expect(error?.description == "checkpoint is a dictionary, not a dictionary of tensors by name")
        #expect(throws: CheckpointTypeError.self) { try [String: Tensor](checkpoint: .tensor(tensor)) }
        #expect(throws: CheckpointTypeError.self) { try [Tensor](checkpoint: .list([.none])) }
    }
}
