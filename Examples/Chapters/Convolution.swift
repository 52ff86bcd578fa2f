import ModelReg
import NN
import Tensors

/// Convolutional networks: LeNet, on handwritten digits of 8 × 8 pixels.
enum Convolution {
    /// LeCun et al. 1998, with smaller kernels for smaller images.
    final class LeNet: Module, Layer {
        let features = Sequential(
            Conv2d(1, 6, kernelSize: 3, padding: 1), Sigmoid(), AvgPool2d(kernelSize: 2),
            Conv2d(6, 16, kernelSize: 3), Sigmoid(), Flatten())
        let classifier = Sequential(Linear(64, 48), Sigmoid(), Linear(48, 10))

        func forward(_ x: Tensor) -> Tensor { classifier(features(x)) }
    }

    static func run(_ registry: Registry, digits path: String) throws {
        print("== Convolutional networks")
        let file = try StateDict(checkpoint: CheckpointFile.read(path: path).checkpoint)
        guard let pixels = file["images"], let labels = file["labels"]?.to(.int64) else { return }
        let images = (pixels.to(.float32) / 16).unsqueezed(1)
        manualSeed(1)
        let net = LeNet()
        // Sigmoids need weights that keep the variance.
        net.apply { module in
            (module as? Linear)?.weight.initialize(.xavierUniform())
            (module as? Conv2d)?.weight.initialize(.xavierUniform())
        }
        let optimizer = Adam(net.parameters(), learningRate: 5e-3)
        let sampler = BatchSampler(count: 1437, batchSize: 64, seed: 1)
        while sampler.epoch < 12 {
            while let batch = sampler.next() {
                optimizer.zeroGrad()
                crossEntropy(net(images[batch]), labels[batch]).backward()
                optimizer.step()
            }
        }
        try registry.save(net, as: "lenet")
        let loaded = Module.withoutInitialization { LeNet() }
        try registry.load("lenet", into: loaded)
        loaded.eval()
        let right = inferenceMode { loaded(images[1437...]).argmax(alongAxis: 1) .== labels[1437...] }
        let share: Double = right.to(.float64).mean().item()
        print("of 360 digits that LeNet has not seen it names \(Int((share * 100).rounded())) % rightly")
    }
}
