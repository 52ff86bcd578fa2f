import Checkpoints
import Tensors
import Testing

struct OpaqueFileTests {
    @Test func aFileIsATensorInAnotherGuise() throws {
        let file = Checkpoint.opaqueFile(Tensor([1, 2, 3] as [UInt8]))
        let (structure, leaves) = try file.disassembled()
        #expect(structure.isOpaqueFile && structure.kind == .tensor && leaves.count == 1)
        #expect(structure.leafPaths == [.root])
        #expect(!Structure.tensor.isOpaqueFile)
        let json = try Structure(json: structure.json)
        #expect(json.isOpaqueFile)
    }
}
