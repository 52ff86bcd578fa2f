import Checkpoints
import Foundation
import Foundations
import ModelReg
import NN
import OrderedCollections
import Tensors
import Testing

// Heading 9 of the guide, with a registry: what is saved comes back, and stays tied.

private final class MLP: Module, Layer {
    let hidden = Linear(20, 256)
    let output = Linear(256, 10)
    func forward(_ x: Tensor) -> Tensor { output(relu(hidden(x))) }
}

@Suite struct SaveAndLoadTests {
    private let registry: Registry
    private let x = Tensor.rand([2, 20])

    init() throws { registry = try Registry.inMemory() }

    @Test func tensorsListsAndDictionariesComeBack() throws {
        let (a, b) = (Tensor.rand([4]), Tensor.zeros([4]))
        try registry.save(a, as: "x-file", message: "a tensor")
        let tensor: Tensor = try registry.load("x-file")
        try registry.save([a, b], as: "x-files", message: "a list")
        let list: [Tensor] = try registry.load("x-files")
        try registry.save(["x": a, "y": b], as: "mydict", message: "a dictionary")
        let dictionary: [String: Tensor] = try registry.load("mydict")
        #expect(tensor.isIdentical(to: a) && list[0].isIdentical(to: a) && list[1].isIdentical(to: b))
        #expect(dictionary["x"]?.isIdentical(to: a) == true && dictionary["y"]?.isIdentical(to: b) == true)
    }

    @Test func cloneLoadedFromTheRegistryGivesBitIdenticalOutputs() throws {
        let (mlp, clone) = (MLP(), MLP())
        try registry.save(mlp, as: "mlp")
        try clone.loadStateDict(registry.load("mlp"))
        clone.eval()
        #expect((clone(x) .== mlp(x)).all() && clone(x).isIdentical(to: mlp(x)))
    }

    @Test func stateDictMovesToAndFromPyTorchUnchanged() throws {
        let file = try CheckpointFile.read(path: example("mlp-step-100.pt"))
        let net = MLP()
        try net.loadStateDict(StateDict(checkpoint: file.checkpoint))
        // PyTorch's names and order, and the very same tensors. Beside them the file has `_metadata`.
        #expect(try Manifest(of: net.checkpoint).leaves == Manifest(of: file.checkpoint).leaves)
    }

    @Test func tiesSurviveTheRegistry() throws {
        let shared = Linear(8, 8)
        let net = Sequential(Linear(4, 8), ReLU(), shared, ReLU(), shared, ReLU(), Linear(8, 1))
        try registry.save(net, as: "tied")
        let saved: StateDict = try registry.load("tied")
        #expect(saved["2.weight"]?.storage === saved["4.weight"]?.storage)
        #expect(saved["0.weight"]?.storage !== saved["2.weight"]?.storage)
        let other = Linear(8, 8)
        let clone = Sequential(Linear(4, 8), ReLU(), other, ReLU(), other, ReLU(), Linear(8, 1))
        try clone.loadStateDict(saved)
        let input = Tensor.rand([2, 4])
        #expect(clone[2].weight === clone[4].weight && clone(input).isIdentical(to: net(input)))
    }

    @Test func aVersionIsLoadedIntoAModule() throws {
        let net = Sequential(Linear(4, 8), ReLU(), Linear(8, 1))
        #expect(try registry.save(net, as: "net").version.number == 1)
        let clone = Sequential(Linear(4, 8), ReLU(), Linear(8, 1))
        let input = Tensor.rand([2, 4])
        #expect(try registry.load("net:v1", into: clone).missing == [])
        #expect(clone(input).isIdentical(to: net(input)))
        // All or nothing.
        let other = Sequential(Linear(4, 8), ReLU(), Linear(8, 2))
        let before = other(input)
        #expect(throws: LoadStateDictError.self) { try registry.load("net", into: other) }
        #expect(other(input).isIdentical(to: before))
        #expect(throws: RegistryError.self) { try registry.load("net:v9", into: clone) }
    }

    @Test func parametersAndBuffersAreToldApart() throws {
        let net = Sequential(Linear(4, 8), BatchNorm1d(8))
        try registry.save(net, as: "net")
        let checkpoint: Checkpoint = try registry.load("net")
        guard case .dictionary(let dictionary) = checkpoint else {
            Issue.record("a module is saved as a dictionary")
            return
        }
        let roles = dictionary.entries.mapValues { value in
            if case .tensor(_, let role) = value { role } else { TensorRole.unspecified }
        }
        #expect(roles[.string("0.weight")] == .parameter && roles[.string("1.running_mean")] == .buffer)
    }

    @Test func trainingContinuesFromAPyTorchCheckpointAndFromOurs() throws {
        let file = try CheckpointFile.read(path: example("checkpoint.pt")).checkpoint
        guard case .dictionary(let top) = file, let model = top["model"], let optimizerState = top["optimizer"]
        else {
            Issue.record("checkpoint.pt has no model and optimizer")
            return
        }
        let net = MLP()
        try net.loadStateDict(StateDict(checkpoint: model))
        let optimizer = AdamW(net.parameters())
        try optimizer.loadState(OptimizerState(checkpoint: optimizerState))
        func step(_ net: MLP, _ optimizer: AdamW) {
            optimizer.zeroGrad()
            crossEntropy(net(x), Tensor([Int64(3), 7])).backward()
            optimizer.step()
        }
        // Through the registry and into a new network: the next step is the same to the last bit.
        var both = CheckpointDictionary()
        both["model"] = net.checkpoint
        both["optimizer"] = optimizer.state().checkpoint
        try registry.save(Checkpoint.dictionary(both), as: "run", message: "")
        let saved: Checkpoint = try registry.load("run")
        step(net, optimizer)
        guard case .dictionary(let loaded) = saved else { return }
        let clone = MLP()
        try clone.loadStateDict(StateDict(checkpoint: #require(loaded["model"])))
        let other = AdamW(clone.parameters())
        try other.loadState(OptimizerState(checkpoint: #require(loaded["optimizer"])))
        step(clone, other)
        for (name, tensor) in net.stateDict() {
            #expect(clone.stateDict()[name]?.isIdentical(to: tensor) == true, "\(name)")
        }
        #expect(
            try Manifest(of: other.state().checkpoint).contentID
                == Manifest(of: optimizer.state().checkpoint).contentID)
    }

    @Test func whatIsNoOptimizerStateIsRefused() throws {
        #expect(throws: OptimizerCheckpointError.notAnOptimizerState) { try OptimizerState(checkpoint: .none) }
        var state = CheckpointDictionary()
        state["state"] = .dictionary(CheckpointDictionary())
        state["param_groups"] = .list([.string("lr")])
        #expect(throws: OptimizerCheckpointError.unreadable(path: "param_groups/0")) {
            try OptimizerState(checkpoint: .dictionary(state))
        }
    }

    private func example(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Examples/data/\(name)").path
    }
}
