import ModelReg
import NN
import Tensors
import Testing

private func makeNet() -> Sequential {
    Sequential(Linear(600, 500), ReLU(), Linear(500, 400), Embedding(300, 200))
}

struct ModuleLoadingTests {
    /// Such a load once took the memory of the weights twice, after first values that nobody needed. In a process of its
    /// own, since the peak is that of the whole process.
    @Test func freshModulesTakeOverWhatWasDecoded() async {
        await #expect(processExitsWith: .success) {
            let registry = try Registry.inMemory()
            let make = { Sequential((0..<4).map { _ in Linear(2048, 2048) }) }
            let model = Module.withoutInitialization(make)
            for parameter in model.parameters() { parameter.data.fill(0.5) }
            try registry.save(model, as: "net")
            let clone = make()
            let byteCount = model.parameters().reduce(0) { $0 + $1.byteCount }
            Compute.resetPeak()
            let before = Compute.peakByteCount
            try registry.load("net", into: clone)
            // The weights once, 64 MiB, and what chunks are decoded in.
            #expect(Compute.peakByteCount - before < byteCount + (32 << 20))
            for (name, tensor) in model.stateDict() {
                #expect(clone.stateDict()[name]?.isIdentical(to: tensor) == true)
            }
        }
    }

    @Test func loadedModulesTrainAndLoadAgain() throws {
        let registry = try Registry.inMemory()
        let (model, clone) = (makeNet(), makeNet())
        try registry.save(model, as: "net")
        try registry.load("net", into: clone)
        clone[2](clone[0](.ones([1, 600]))).sum().backward()
        #expect(clone.parameter(at: "0.weight")?.grad != nil)
        clone.parameter(at: "0.weight")?.data.fill(3)
        try registry.load("net", into: clone)
        let weight = try #require(model.stateDict()["0.weight"])
        #expect(clone.stateDict()["0.weight"]?.isIdentical(to: weight) == true)
    }

    @Test func modulesThatDoNotFitStayAsTheyWere() throws {
        let registry = try Registry.inMemory()
        try registry.save(makeNet(), as: "net")
        let other = Sequential(Linear(600, 500), ReLU(), Linear(500, 401), Embedding(300, 200))
        let first = other.stateDict()["0.weight"]
        #expect(throws: LoadStateDictError.self) { try registry.load("net", into: other) }
        #expect(first?.storage.isDeferred == true)
    }
}
