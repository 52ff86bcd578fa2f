import NN
import Tensors
import Testing

@Suite(.serialized) struct DeferredInitializationTests {
    /// The numbers that layers began with before their first values were deferred.
    @Test func deferredValuesAreThoseOfTheGenerator() {
        let (generator, same) = (RandomGenerator(seed: 3), RandomGenerator(seed: 3))
        let layer = Linear(300, 70, generator: generator)
        let table = Embedding(200, 40, paddingIndex: -2, generator: generator)
        #expect(layer.weight.storage.isDeferred && table.weight.storage.isDeferred)
        let bound = (1.0 / 300).squareRoot()
        let weight = same.uniform([70, 300], from: -bound, to: bound)
        let bias = same.uniform([70], from: -bound, to: bound)
        let vectors = same.normal([200, 40])
        vectors[198] = 0
        // The last one first: each knows its place in the stream.
        #expect(table.weight.bytes == vectors.bytes)
        #expect(layer.weight.bytes == weight.bytes && layer.bias?.bytes == bias.bytes)
        #expect(generator.state == same.state)
    }

    @Test func oneOfManyReadersMakesTheValues() async {
        let tensor = Tensor.zeros([64, 1024])
        tensor.initialize(.normal(), generator: RandomGenerator(seed: 1))
        #expect(tensor.storage.isDeferred)
        let storage = tensor.storage
        let sums = await withTaskGroup(of: UInt64.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    storage.withUnsafeBytes { $0.reduce(0) { $0 &* 31 &+ UInt64($1) } }
                }
            }
            return await group.reduce(into: [UInt64]()) { $0.append($1) }
        }
        #expect(Set(sums).count == 1)
        #expect(tensor.bytes == RandomGenerator(seed: 1).normal([64, 1024]).bytes)
    }

    @Test func loadedModulesNeverMakeFirstValues() throws {
        let source = Sequential(Linear(200, 100), Linear(100, 50))
        let saved = source.stateDict().copied()
        let target = Sequential(Linear(200, 100), Linear(100, 50))
        try target.adoptStateDict(saved)
        // Both weights are the memory that was given; the biases are too small to wait for it.
        for name in ["0.weight", "1.weight"] {
            let places = [saved[name], target.parameter(at: name)].map { tensor in
                tensor?.storage.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
            }
            #expect(places[0] != nil && places[0] == places[1])
        }
        #expect(saved["0.weight"]?.storage.version == 0)
        for (name, tensor) in source.stateDict() { #expect(target.parameter(at: name)?.bytes == tensor.bytes) }
        // A module that has values keeps its memory: nobody can tell but by the time it takes.
        let third = Sequential(Linear(200, 100), Linear(100, 50))
        _ = third.parameters().map { $0.sum() }
        try third.adoptStateDict(source.stateDict().copied())
        #expect(third.parameter(at: "1.weight")?.bytes == source.parameter(at: "1.weight")?.bytes)
    }

    @Test func copyOfAStateDictStaysApart() throws {
        let source = Linear(200, 100)
        let target = Linear(200, 100)
        try target.loadStateDict(source.stateDict())
        target.weight.data[0, 0] = 5
        #expect((source.weight[0, 0].item() as Double) != 5)
        // Loading a module's own state dict changes nothing.
        let alone = Linear(200, 100, generator: RandomGenerator(seed: 2))
        try alone.loadStateDict(alone.stateDict())
        let again = Linear(200, 100, generator: RandomGenerator(seed: 2))
        #expect(alone.weight.bytes == again.weight.bytes)
    }

    /// Tied in the checkpoint, and not in the module: adopted twice, both would be one tensor.
    @Test func tensorsThatAreTiedInTheCheckpointOnlyAreApart() throws {
        let shared = Tensor.randn([100, 100])
        let twin = try Tensor(storage: shared.storage, dtype: .float32, shape: [100, 100])
        let target = Sequential(Linear(100, 100, bias: false), Linear(100, 100, bias: false))
        try target.adoptStateDict(["0.weight": shared, "1.weight": twin])
        let (first, second) = (target[0].weight, target[1].weight)
        #expect(first.bytes == second.bytes)
        first.data[0, 0] = 7
        #expect((second[0, 0].item() as Double) != 7)
    }

    @Test func modulesWithoutInitializationTakeNoNumbers() {
        let before = RandomGenerator.shared.state
        let net = Module.withoutInitialization {
            ModuleList([Linear(300, 300), Embedding(500, 20, paddingIndex: 0), Linear(2, 3)])
        }
        #expect(RandomGenerator.shared.state == before)
        #expect(net.parameters().allSatisfy { $0.abs().sum().item() == 0 })
        struct Failure: Error {}
        #expect(throws: Failure.self) { try Module.withoutInitialization { throw Failure() } }
        _ = Linear(2, 2)
        #expect(RandomGenerator.shared.state != before)
    }
}
