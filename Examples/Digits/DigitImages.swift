import ModelReg
import NN
import Tensors

/// The handwritten digits of `digits.npz`: 1437 to train on and 360 to test with, always the same ones.
struct DigitImages {
    /// Shape `[count, 64]`, from 0 to 1, and digits as int64.
    let images: Tensor
    let labels: Tensor

    private static let trainingCount = 1437

    /// Reads both parts.
    ///
    /// - Throws: When the file is not there, or something else.
    static func read(_ path: String) throws -> (training: DigitImages, test: DigitImages) {
        let file = try StateDict(checkpoint: CheckpointFile.read(path: path).checkpoint)
        guard let pixels = file["images"], let labels = file["labels"], pixels.shape.count == 3,
            labels.shape == [pixels.shape[0]]
        else { throw DataError(description: "\(path) has no images with labels") }
        let all = DigitImages(
            images: pixels.to(.float32).reshaped(to: [pixels.shape[0], 64]) / 16, labels: labels.to(.int64))
        // Writers come one after the other in the file: a random part of it has digits of all of them.
        let order = RandomGenerator(seed: 8).permutation(pixels.shape[0])
        return (all[order[..<trainingCount]], all[order[trainingCount...]])
    }

    /// The examples at `indices`.
    subscript(indices: Tensor) -> DigitImages {
        DigitImages(images: images[indices], labels: labels[indices])
    }

    /// The share of digits that `model` names rightly.
    func accuracy(of model: MLP) -> Double {
        model.eval()
        defer { model.train() }
        let isRight = withoutGradient { model(images).argmax(alongAxis: 1) .== labels }
        return isRight.to(.float64).mean().item()
    }
}

/// A file that is not what it should be.
struct DataError: Error, CustomStringConvertible {
    let description: String
}
