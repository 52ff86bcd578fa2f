import NN
import Tensors

// Single operations and small networks beside PyTorch's.
extension EngineBenchmark {
    static func operations(_ bench: Bench) {
        let x = Tensor.randn([1024, 1024])
        let functions: [(String, (Tensor) -> Tensor)] = [
            ("gelu", { $0.gelu() }), ("sin", { $0.sin() }), ("cos", { $0.cos() }), ("tanh", { $0.tanh() }),
            ("pow 2.5 of abs", { $0.abs().pow(2.5) }), ("pow 3", { $0.pow(3) }),
            ("leaky relu", { $0.leakyRelu() }), ("softplus", { $0.softplus() }),
            ("argmax", { $0.argmax(alongAxis: 1) }), ("softmax", { $0.softmax() }),
        ]
        for (name, function) in functions {
            bench.time("op \(name) 1024 x 1024", 10) { withoutGradient { _ = function(x) } }
        }
        if bench.wants("op gelu with backward 1024 x 1024") {
            let leaf = Tensor.randn([1024, 1024]).requiringGrad()
            let ones = Tensor.ones([1024, 1024])
            bench.time("op gelu with backward 1024 x 1024", 10) {
                leaf.grad = nil
                leaf.gelu().backward(gradient: ones)
            }
        }
        bench.time("op randn 1024 x 1024", 5) { _ = Tensor.randn([1024, 1024]) }
        if bench.wants("op topk 10 of 64 x 30522") || bench.wants("op sort 64 x 30522") {
            let scores = Tensor.randn([64, 30522])
            bench.time("op topk 10 of 64 x 30522", 3) { _ = scores.topK(10) }
            bench.time("op sort 64 x 30522", 2) { _ = scores.sorted() }
        }
        let vector = Tensor.randn([1024])
        bench.time("op matrix by vector 1024", 100) { _ = x.matmul(vector) }
        if bench.wants("op qkv split with backward") {
            let qkv = Tensor.randn([16, 256, 1152]).requiringGrad()
            bench.time("op qkv split with backward", 5) {
                qkv.grad = nil
                let parts = qkv.split(384, alongAxis: 2)
                (parts[0] * parts[1] + parts[2]).sum().backward()
            }
        }
    }

    static func convolutions(_ bench: Bench) {
        let settings: [(String, Conv2d, [Int])] = [
            ("conv 3x3 64 of 64 x 32 x 32", Conv2d(64, 64, kernelSize: 3, padding: 1), [16, 64, 32, 32]),
            ("conv 3x3 strided", Conv2d(64, 128, kernelSize: 3, stride: 2, padding: 1), [16, 64, 32, 32]),
            ("conv 1x1", Conv2d(64, 256, kernelSize: 1), [16, 64, 32, 32]),
            ("conv depthwise", Conv2d(128, 128, kernelSize: 3, padding: 1, groups: 128), [16, 128, 32, 32]),
        ]
        for (name, layer, shape) in settings {
            let x = Tensor.randn(shape)
            bench.time("\(name) forward", 5) { withoutGradient { _ = layer(x) } }
            if bench.wants("\(name) step") {
                let leaf = Tensor.randn(shape).requiringGrad()
                let ones = withoutGradient { layer(leaf) }.onesLike()
                bench.time("\(name) step", 3) {
                    leaf.grad = nil
                    layer.zeroGrad()
                    layer(leaf).backward(gradient: ones)
                }
            }
        }
    }

    static func recurrent(_ bench: Bench) {
        for length in [64, 256] where bench.wants("lstm step length \(length)") {
            let layer = LSTM(128, 256)
            let x = Tensor.randn([length, 32, 128])
            bench.time("lstm step length \(length)", 2) {
                layer.zeroGrad()
                layer(x).output.sum().backward()
            }
        }
    }
}
