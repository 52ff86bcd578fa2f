import NN
import Tensors

/// The network of the README, for images of 8×8 pixels: one hidden layer, and dropout.
final class MLP: Module, Layer {
    let hidden = Linear(64, 256)
    let dropout = Dropout(0.2)
    let output = Linear(256, 10)

    /// - Parameter x: Shape `[batch, 64]`.
    /// - Returns: Logits, shape `[batch, 10]`.
    func forward(_ x: Tensor) -> Tensor { output(dropout(relu(hidden(x)))) }
}
