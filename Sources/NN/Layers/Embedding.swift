import Foundations
public import Tensors

/// A table of vectors that are looked up by index.
public final class Embedding: Module, Layer {
    /// Shape `[count, size]`.
    @Parameter public var weight: Tensor

    private let paddingIndex: Int?

    /// A table of `count` vectors of `size` elements, which begin with N(0, 1).
    ///
    /// - Parameter paddingIndex: This vector begins with zeros and is not trained.
    public init(
        _ count: Int, _ size: Int, paddingIndex: Int? = nil, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        require(
            paddingIndex.map { $0 >= -count && $0 < count } ?? true,
            "padding index \(paddingIndex ?? 0) of \(count)")
        self.paddingIndex = paddingIndex.map { $0 < 0 ? $0 + count : $0 }
        weight = .zeros([count, size], dtype: dtype)
        super.init()
        weight.initialize(.normal(), generator: generator)
        if let index = self.paddingIndex { weight.deferZeros(atRow: index) }
    }

    /// A table that is `weight`, shape `[count, size]`; shared with whoever else has it.
    public init(weight: Tensor) {
        require(weight.rank == 2, "embedding of a table of shape \(weight.shape)")
        paddingIndex = nil
        self.weight = weight
    }

    /// weight.
    public override var members: [Member] { [.parameter("weight", weight)] }

    /// As PyTorch prints it.
    public override var settingsDescription: String {
        "\(weight.shape[0]), \(weight.shape[1])" + (paddingIndex.map { ", padding_idx=\($0)" } ?? "")
    }

    /// - Parameter indices: Integers of any shape, at least 0 and below the count.
    /// - Returns: The shape of `indices`, then `size`.
    public func forward(_ indices: Tensor) -> Tensor {
        let flat = indices.reshaped(to: [indices.elementCount])
        guard let paddingIndex, weight.requiresGrad else {
            return weight.indexSelect(0, flat).reshaped(to: indices.shape + [weight.shape[1]])
        }
        // No gradient flows to the padding vector.
        let isPadding = (flat .== Double(paddingIndex)).unsqueezed(-1)
        let rows = weight.indexSelect(0, flat)
        return Tensor.where(isPadding, rows.detach(), rows).reshaped(to: indices.shape + [weight.shape[1]])
    }
}
