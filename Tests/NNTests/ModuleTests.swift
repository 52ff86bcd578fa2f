import NN
import Tensors
import Testing

private final class Tower: Module, Layer {
    let first = Linear(3, 4)
    var extra: Linear?
    let blocks: [Linear] = [Linear(4, 4), Linear(4, 4)]
    let table: [String: Module] = ["b": Linear(1, 1), "a": ReLU()]
    @Parameter var scale: Tensor
    @Parameter var shift: Tensor?
    @Buffer var seen: Tensor
    @Buffer(isPersistent: false) var scratch: Tensor = .zeros([2])
    let constant = Tensor.rand([2])

    override init() {
        scale = .ones([4])
        seen = .zeros([])
        super.init()
    }

    func forward(_ x: Tensor) -> Tensor { blocks.reduce(first(x)) { $1($0) } * scale }
}

struct ModuleTests {
    @Test func reflectionFindsParametersBuffersAndModules() {
        let names = Tower().stateDict().names
        #expect(
            names == [
                "scale", "seen", "first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias",
                "blocks.1.weight",
                "blocks.1.bias", "table.b.weight", "table.b.bias",
            ])
        #expect(Tower().namedBuffers().map(\.name) == ["seen", "scratch"])
    }

    @Test func assignedPropertiesAreSeen() {
        let tower = Tower()
        tower.extra = Linear(2, 2)
        tower.shift = .zeros([4])
        #expect(tower.stateDict().names.contains("extra.weight"))
        #expect(tower.shift?.requiresGrad == true)
        #expect(tower.parameter(at: "extra.bias") === tower.extra?.bias)
        #expect(tower.module(at: "blocks.1") === tower.blocks[1])
    }

    @Test func inheritedMembersComeFirst() {
        class Base: Module {
            @Parameter var a: Tensor = .zeros([1])
        }
        final class Derived: Base {
            @Parameter var b: Tensor = .zeros([1])
        }
        #expect(Derived().stateDict().names == ["a", "b"])
    }

    @Test func backReferencesAreNoMembersOfThemselves() {
        final class Child: Module {
            weak var parent: Module?
            @Parameter var w: Tensor = .zeros([1])
        }
        final class Parent: Module {
            let child = Child()
            override init() {
                super.init()
                child.parent = self
            }
        }
        #expect(Parent().stateDict().names == ["child.w"])
        #expect(Parent().namedModules().count == 2)
    }

    @Test func trainingModeReachesAllModules() {
        let tower = Tower().eval()
        #expect(!tower.isTraining && !tower.blocks[1].isTraining)
        tower.train()
        #expect(tower.first.isTraining)
    }

    @Test func allProblemsOfALoadAreNamedAndNothingIsWritten() {
        let net = Sequential(named: ["hidden": Linear(20, 8), "output": Linear(8, 2), "norm": BatchNorm1d(2)])
        let before = net.stateDict().copied()
        var bad = before.copied()
        bad["output.bias"] = nil
        bad["outptu.bias"] = .zeros([2])
        bad["other"] = .zeros([1])
        bad["hidden.weight"] = .zeros([4, 20])
        bad["output.weight"] = .zeros([2, 8], dtype: .float64)
        bad["hidden.bias"] = .ones([8])
        let error = #expect(throws: LoadStateDictError.self) { try net.loadStateDict(bad) }
        #expect(
            error?.description == """
                cannot load state dict into Sequential:
                  missing: "output.bias"
                  unexpected: "outptu.bias" (did you mean "output.bias"?)
                  unexpected: "other"
                  shape of "hidden.weight": [4, 20] in the checkpoint, [8, 20] in the model
                  dtype of "output.weight": float64 in the checkpoint, float32 in the model
                """)
        for (name, tensor) in net.stateDict() {
            #expect(before[name].map(tensor.isIdentical) == true, "\(name)")
        }
    }

    @Test func lenientLoadingReturnsTheNamesButForgivesNoShapes() throws {
        let net = Sequential(Linear(2, 2), Linear(2, 2))
        let keys = try net.loadStateDict(["0.weight": .ones([2, 2]), "x": .ones([1])], strict: false)
        #expect(keys == IncompatibleKeys(missing: ["0.bias", "1.weight", "1.bias"], unexpected: ["x"]))
        #expect(net[0].weight.sum().item() == 4)
        #expect(throws: LoadStateDictError.self) {
            try net.loadStateDict(["0.weight": .ones([2])], strict: false)
        }
        #expect("\(try net.loadStateDict(net.stateDict()))" == "<All keys matched successfully>")
    }

    @Test func tiedNamesWithDifferentValuesAreAProblem() throws {
        let shared = Linear(2, 2)
        let net = Sequential(shared, shared)
        var stateDict = net.stateDict().copied()
        try net.loadStateDict(stateDict)
        stateDict["1.weight"] = .zeros([2, 2])
        let error = #expect(throws: LoadStateDictError.self) { try net.loadStateDict(stateDict) }
        #expect(error?.problems == [.tiedValuesDiffer(name: "0.weight", other: "1.weight")])
    }

    @Test func loadingBetweenForwardAndBackwardIsCaught() async {
        await #expect(processExitsWith: .failure) {
            let net = Sequential(Linear(2, 2), ReLU(), Linear(2, 1))
            let loss = net(.ones([1, 2])).sum()
            try net.loadStateDict(net.stateDict().copied())
            loss.backward()
        }
    }

    @Test func unknownNamesOfALayerTrapWithTheNamesThereAre() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Sequential(Linear(2, 2))[0].wieght
        }
        #expect(
            standardError(result)
                .contains("Linear has no parameter or buffer \"wieght\"; it has [\"weight\", \"bias\"]"))
    }

    @Test func moduleDictKeepsItsOrder() {
        let dict = ModuleDict(["z": Linear(1, 1), "a": ReLU()])
        dict["m"] = Linear(1, 1, bias: false)
        #expect(dict.names == ["z", "a", "m"])
        #expect(dict.stateDict().names == ["z.weight", "z.bias", "m.weight"])
        dict["z"] = nil
        #expect(dict.names == ["a", "m"])
    }

    /// Modules that `members` makes on the fly were freed after their visit, and the next one got their identifier.
    @Test func modulesMadeOnTheFlyAreAllVisited() {
        final class Fresh: Module {
            let layers = (0..<3).map { _ in Linear(2, 2) }
            override var members: [Member] {
                layers.enumerated().map { .module("\($0)", ModuleDict(["inner": $1])) }
            }
        }
        let fresh = Fresh()
        var reached: [Linear] = []
        fresh.apply { if let layer = $0 as? Linear { reached.append(layer) } }
        #expect(reached.map(ObjectIdentifier.init) == fresh.layers.map(ObjectIdentifier.init))
        #expect(fresh.namedModules().count == 1 + 3 + 3)
        #expect(fresh.parameters().count == 6)
        fresh.eval()
        #expect(fresh.layers.allSatisfy { !$0.isTraining })
    }

    @Test func bufferThatIsNotSavedMayBeAssignedInTheInitialiser() {
        final class Masked: Module {
            @Buffer(isPersistent: false) var mask: Tensor
            @Buffer(isPersistent: false) var table: [Tensor]
            override init() {
                super.init()
                #expect(namedBuffers().isEmpty)
                mask = .ones([2])
                table = [.ones([1]), .zeros([1])]
            }
        }
        let masked = Masked()
        #expect(masked.namedBuffers().map(\.name) == ["mask", "table.0", "table.1"])
        #expect(masked.stateDict().isEmpty)
    }

    @Test func listsAndDictionariesOfParametersAreNamedAsInPyTorch() {
        final class Lists: Module {
            @Parameter var list: [Tensor] = [.zeros([2]), .zeros([3])]
            @Parameter var table: [String: Tensor] = ["b": .zeros([1]), "a": .zeros([4])]
        }
        let lists = Lists()
        #expect(lists.stateDict().names == ["list.0", "list.1", "table.a", "table.b"])
        #expect(lists.parameters().allSatisfy { $0.requiresGrad })
        lists.list.append(.ones([1]))
        #expect(lists.parameter(at: "list.2")?.requiresGrad == true)
    }
}
