import ModelReg
import NN
import Tensors

/// Attention: a small GPT that learns a rhyme, and samples text from a version of a registry.
enum Attention {
    /// One layer of a decoder: each place looks at those before it, then thinks by itself.
    final class Block: Module, Layer {
        let norm1: LayerNorm
        let attention: MultiHeadAttention
        let norm2: LayerNorm
        let feedForward: Sequential

        init(_ size: Int, headCount: Int) {
            norm1 = LayerNorm(size)
            attention = MultiHeadAttention(size, headCount: headCount, batchFirst: true)
            norm2 = LayerNorm(size)
            feedForward = Sequential(Linear(size, 4 * size), GELU(), Linear(4 * size, size))
        }

        func forward(_ x: Tensor) -> Tensor {
            let attended = x + attention(norm1(x), mask: causalMask(x.shape[1])).output
            return attended + feedForward(norm2(attended))
        }
    }

    /// Radford et al. 2019, small.
    final class GPT: Module, Layer {
        let tokens: Embedding
        let positions: Embedding
        let blocks: [Block]
        let norm: LayerNorm
        let head: Linear

        init(tokenCount: Int, context: Int = 32, size: Int = 48, headCount: Int = 4, blockCount: Int = 2) {
            tokens = Embedding(tokenCount, size)
            positions = Embedding(context, size)
            blocks = (0..<blockCount).map { _ in Block(size, headCount: headCount) }
            norm = LayerNorm(size)
            head = Linear(size, tokenCount, bias: false)
        }

        /// - Parameter ids: Shape `[count, length]`.
        /// - Returns: Logits of the tokens that follow, `[count, length, tokenCount]`.
        func forward(_ ids: Tensor) -> Tensor {
            let x = tokens(ids) + positions(Tensor.arange(0..<ids.shape[1]))
            return head(norm(blocks.reduce(x) { $1($0) }))
        }

        var context: Int { positions.weight.shape[0] }
    }

    static func run(_ registry: Registry) throws {
        print("\n== Attention")
        let letters = Letters(Letters.rhyme)
        let generator = RandomGenerator(seed: 3)
        manualSeed(3)
        let net = GPT(tokenCount: letters.all.count)
        let steps = 150
        let optimizer = AdamW(net.parameters(), learningRate: 3e-3)
        let scheduler = LearningRateScheduler(optimizer, .oneCycle(maximum: 6e-3, total: steps))
        for _ in 0..<steps {
            let (input, target) = letters.batch(16, length: net.context, generator)
            optimizer.zeroGrad()
            crossEntropy(net(input).transposed(1, 2), target).backward()
            optimizer.step()
            scheduler.step()
        }
        try registry.save(net, as: "gpt")
        let loaded = Module.withoutInitialization { GPT(tokenCount: letters.all.count) }
        try registry.load("gpt:latest", into: loaded)
        loaded.eval()
        print(inferenceMode { sample(loaded, letters, after: "and ", count: 60, generator) })
    }

    /// Letters drawn one by one, each by the odds that the model gives it.
    private static func sample(
        _ net: GPT, _ letters: Letters, after text: String, count: Int, _ generator: RandomGenerator
    ) -> String {
        var written = text.compactMap { letters.all.firstIndex(of: $0).map(Int64.init) }
        for _ in 0..<count {
            let seen = Tensor(Array(written.suffix(net.context))).unsqueezed(0)
            let odds = (net(seen)[0, -1] / 0.5).softmax()
            written.append(generator.multinomial(odds, count: 1).item(as: Int64.self))
        }
        return letters.text(written)
    }
}
