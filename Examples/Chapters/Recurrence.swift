import ModelReg
import NN
import Tensors

/// Recurrent networks: gated recurrent units that learn a rhyme letter by letter, and go on with it.
enum Recurrence {
    final class RhymeNet: Module {
        let embedding: Embedding
        let units: GRU
        let output: Linear

        init(letterCount: Int, size: Int = 48) {
            embedding = Embedding(letterCount, size)
            units = GRU(size, size, batchFirst: true)
            output = Linear(size, letterCount)
        }

        /// - Parameter letters: Shape `[count, length]`.
        /// - Returns: Logits of the letters that follow, `[count, length, letterCount]`, and the state to go on from.
        func callAsFunction(_ letters: Tensor, hidden: Tensor? = nil) -> (logits: Tensor, hidden: Tensor) {
            let (states, last) = units(embedding(letters), hidden: hidden)
            return (output(states), last)
        }
    }

    static func run(_ registry: Registry) throws {
        print("\n== Recurrent networks")
        let letters = Letters(Letters.rhyme)
        let generator = RandomGenerator(seed: 2)
        manualSeed(2)
        let net = RhymeNet(letterCount: letters.all.count)
        let optimizer = Adam(net.parameters(), learningRate: 1e-2)
        for _ in 0..<120 {
            let (input, target) = letters.batch(16, length: 32, generator)
            optimizer.zeroGrad()
            crossEntropy(net(input).logits.transposed(1, 2), target).backward()
            clipGradNorm(net.parameters(), maximum: 1)
            optimizer.step()
        }
        try registry.save(net, as: "rhyme")
        let loaded = Module.withoutInitialization { RhymeNet(letterCount: letters.all.count) }
        try registry.load("rhyme", into: loaded)
        loaded.eval()
        print(inferenceMode { goOn(loaded, letters, after: "the cat ", count: 40) })
    }

    /// The most likely letters after a beginning. The state is all that is remembered of what came before.
    private static func goOn(_ net: RhymeNet, _ letters: Letters, after text: String, count: Int) -> String {
        let start = text.compactMap { letters.all.firstIndex(of: $0).map(Int64.init) }
        var (logits, hidden) = net(Tensor(start).unsqueezed(0))
        var written = start
        for _ in 0..<count {
            let next = logits[0, -1].argmax()
            written.append(next.item(as: Int64.self))
            (logits, hidden) = net(next.reshaped(to: 1, 1), hidden: hidden)
        }
        return letters.text(written)
    }
}
