import NN
import Tensors

/// Times the engine on the work of `engine_peer.py`, and prints one line of JSON for each.
///
/// `EngineBenchmark THREADS [NAME…]` runs the works whose names contain one of the given texts; all by default.
@main
enum EngineBenchmark {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        Compute.threadCount = arguments.first.flatMap { Int($0) } ?? 1
        let bench = Bench(wanted: Array(arguments.dropFirst()))
        manualSeed(0)
        small(bench)
        memory(bench)
        large(bench)
        products(bench)
        stateDicts(bench)
        narrowProducts(bench)
        operations(bench)
        convolutions(bench)
        recurrent(bench)
    }

    private static func small(_ bench: Bench) {
        for batch in [2, 64] {
            let net = Sequential(Linear(20, 256), ReLU(), Linear(256, 10))
            let x = Tensor.randn([batch, 20])
            let y = Tensor.randint(0..<10, [batch])
            bench.time("mlp forward batch \(batch)", 2000) { withoutGradient { _ = net(x) } }
            let optimizers: [(String, any Optimizer)] = [
                ("sgd", SGD(net.parameters(), learningRate: 0.01)),
                ("adamw", AdamW(net.parameters(), learningRate: 1e-3)),
            ]
            for (name, optimizer) in optimizers {
                bench.time("mlp \(name) step batch \(batch)", 500) {
                    optimizer.zeroGrad()
                    crossEntropy(net(x), y).backward()
                    optimizer.step()
                }
            }
        }
    }

    private static func bigNet() -> Sequential {
        Sequential(Linear(784, 1024), ReLU(), Linear(1024, 1024), ReLU(), Linear(1024, 10))
    }

    private static func memory(_ bench: Bench) {
        bench.memory("memory of 3 adamw steps of 784-1024-1024-10") {
            let net = bigNet()
            let x = Tensor.randn([128, 784])
            let y = Tensor.randint(0..<10, [128])
            let optimizer = AdamW(net.parameters(), learningRate: 1e-3)
            for _ in 0..<3 {
                optimizer.zeroGrad()
                crossEntropy(net(x), y).backward()
                optimizer.step()
            }
        }
    }

    private static func large(_ bench: Bench) {
        guard bench.wants("784-1024-1024-10 adamw step batch 128") else { return }
        let net = bigNet()
        let x = Tensor.randn([128, 784])
        let y = Tensor.randint(0..<10, [128])
        let optimizer = AdamW(net.parameters(), learningRate: 1e-3)
        bench.time("784-1024-1024-10 adamw step batch 128", 20) {
            optimizer.zeroGrad()
            crossEntropy(net(x), y).backward()
            optimizer.step()
        }
    }

    private static func products(_ bench: Bench) {
        for size in [256, 512, 1024] where bench.wants("sgemm \(size)") {
            let (a, b) = (Tensor.randn([size, size]), Tensor.randn([size, size]))
            bench.time("sgemm \(size)", max(3, 200_000_000 / (size * size * size))) { _ = a.matmul(b) }
        }
    }

    /// Each instruction set that is narrower than the processor's; PyTorch has no counterpart.
    private static func narrowProducts(_ bench: Bench) {
        let widest = Compute.instructionSet
        let (a, b) = (Tensor.randn([512, 512]), Tensor.randn([512, 512]))
        for set in Compute.InstructionSet.allCases where set.rawValue < widest.rawValue {
            Compute.limit(to: set)
            bench.time("sgemm 512 by \(set)", 3) { _ = a.matmul(b) }
        }
        Compute.limit(to: widest)
    }

    private static func stateDicts(_ bench: Bench) {
        guard bench.wants("state_dict of 784-1024-1024-10") else { return }
        let (net, clone) = (bigNet(), bigNet())
        bench.time("state_dict of 784-1024-1024-10", 500) { _ = net.stateDict() }
        let stateDict = net.stateDict()
        bench.time("load_state_dict of 784-1024-1024-10", 100) {
            _ = try? clone.loadStateDict(stateDict)
        }
    }
}
