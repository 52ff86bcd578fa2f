import ModelReg
import NN
import Tensors
import Testing

@Suite(.serialized) struct ModuleLoadingTests {
    private let registry: Registry
    private let make = { Sequential(Linear(600, 500), ReLU(), Linear(500, 400), Embedding(300, 200)) }

    init() throws { registry = try Registry.inMemory() }

    /// Such a load once took the memory of the weights twice, after first values that nobody needed.
    @Test func freshModulesTakeOverWhatWasDecoded() throws {
        let model = make()
        try registry.save(model, as: "net")
        let clone = make()
        let byteCount = model.parameters().reduce(0) { $0 + $1.byteCount }
        Compute.resetPeak()
        let before = Compute.peakByteCount
        try registry.load("net", into: clone)
        // The weights once, and the biases, which are too small to wait for, twice. Size classes are a quarter apart.
        #expect(Compute.peakByteCount - before < byteCount * 5 / 4 + 64 << 10)
        for (name, tensor) in model.stateDict() {
            #expect(clone.stateDict()[name]?.isIdentical(to: tensor) == true)
        }
        // It trains as any other.
        clone[2](clone[0](.ones([1, 600]))).sum().backward()
        #expect(clone.parameter(at: "0.weight")?.grad != nil)
        // And a second load goes into the memory that is there now.
        try registry.load("net", into: clone)
        let again = try #require(model.stateDict()["2.weight"])
        #expect(clone.stateDict()["2.weight"]?.isIdentical(to: again) == true)
    }

    @Test func modulesThatDoNotFitStayAsTheyWere() throws {
        try registry.save(make(), as: "net")
        let other = Sequential(Linear(600, 500), ReLU(), Linear(500, 401), Embedding(300, 200))
        let first = other.stateDict()["0.weight"]
        #expect(throws: LoadStateDictError.self) { try registry.load("net", into: other) }
        #expect(first?.storage.isDeferred == true)
    }
}
