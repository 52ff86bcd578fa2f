import Foundations
public import Tensors

/// What follows the first of the two layers that each place goes through by itself.
public enum TransformerActivation: Sendable {
    /// max(0, x).
    case relu
    /// x · Φ(x).
    case gelu

    func callAsFunction(_ x: Tensor) -> Tensor { self == .relu ? x.relu() : x.gelu() }
}

/// Self-attention, then two layers for each place by itself.
///
/// Source: Vaswani et al. 2017; names, defaults and numbers of `torch.nn.TransformerEncoderLayer`.
public final class TransformerEncoderLayer: Module {
    /// `self_attn`.
    public let selfAttention: MultiHeadAttention
    /// From the vectors to the wider ones between both layers, and back.
    public let linear1, linear2: Linear
    /// After attention, and after both layers; before them with `normFirst`.
    public let norm1, norm2: LayerNorm

    private let dropout, dropout1, dropout2: Dropout
    private let activation: TransformerActivation
    private let normalizesFirst: Bool

    /// A layer for vectors of `size` elements.
    ///
    /// - Parameters:
    ///   - feedforwardSize: Elements between the two layers.
    ///   - batchFirst: Whether sequences are `[count, length, size]` and not `[length, count, size]`.
    ///   - normFirst: Whether the norms come before attention and layers, and not after the sums.
    public init(
        _ size: Int, headCount: Int, feedforwardSize: Int = 2048, dropout: Double = 0.1,
        activation: TransformerActivation = .relu, epsilon: Double = 1e-5, batchFirst: Bool = false,
        normFirst: Bool = false, bias: Bool = true, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        selfAttention = MultiHeadAttention(
            size, headCount: headCount, dropout: dropout, bias: bias, batchFirst: batchFirst, dtype: dtype,
            generator: generator)
        linear1 = Linear(size, feedforwardSize, bias: bias, dtype: dtype, generator: generator)
        linear2 = Linear(feedforwardSize, size, bias: bias, dtype: dtype, generator: generator)
        norm1 = LayerNorm([size], epsilon: epsilon, bias: bias, dtype: dtype)
        norm2 = LayerNorm([size], epsilon: epsilon, bias: bias, dtype: dtype)
        self.dropout = Dropout(dropout, generator: generator)
        dropout1 = Dropout(dropout, generator: generator)
        dropout2 = Dropout(dropout, generator: generator)
        self.activation = activation
        normalizesFirst = normFirst
    }

    /// PyTorch's names.
    public override var members: [Member] {
        [
            .module("self_attn", selfAttention), .module("linear1", linear1), .module("dropout", dropout),
            .module("linear2", linear2), .module("norm1", norm1), .module("norm2", norm2),
            .module("dropout1", dropout1), .module("dropout2", dropout2),
        ]
    }

    /// Runs the layer.
    ///
    /// - Parameters:
    ///   - x: Shape `[length, count, size]`, or as `batchFirst` says.
    ///   - mask: As of ``MultiHeadAttention``.
    ///   - keyPaddingMask: Shape `[count, length]`, booleans: which places are padding.
    /// - Returns: The shape of `x`.
    public func callAsFunction(_ x: Tensor, mask: Tensor? = nil, keyPaddingMask: Tensor? = nil) -> Tensor {
        func attend(_ x: Tensor) -> Tensor {
            dropout1(selfAttention(x, mask: mask, keyPaddingMask: keyPaddingMask).output)
        }
        func feed(_ x: Tensor) -> Tensor { dropout2(linear2(dropout(activation(linear1(x))))) }
        if normalizesFirst {
            let attended = x + attend(norm1(x))
            return attended + feed(norm2(attended))
        }
        let attended = norm1(x + attend(x))
        return norm2(attended + feed(attended))
    }
}

/// Self-attention, attention to what an encoder made, then two layers for each place by itself.
///
/// Source: Vaswani et al. 2017; names, defaults and numbers of `torch.nn.TransformerDecoderLayer`.
public final class TransformerDecoderLayer: Module {
    /// `self_attn`.
    public let selfAttention: MultiHeadAttention
    /// `multihead_attn`: to the encoder's vectors.
    public let crossAttention: MultiHeadAttention
    /// From the vectors to the wider ones between both layers, and back.
    public let linear1, linear2: Linear
    /// After each of the three parts; before them with `normFirst`.
    public let norm1, norm2, norm3: LayerNorm

    private let dropout, dropout1, dropout2, dropout3: Dropout
    private let activation: TransformerActivation
    private let normalizesFirst: Bool

    /// A layer for vectors of `size` elements. Parameters are those of ``TransformerEncoderLayer``.
    public init(
        _ size: Int, headCount: Int, feedforwardSize: Int = 2048, dropout: Double = 0.1,
        activation: TransformerActivation = .relu, epsilon: Double = 1e-5, batchFirst: Bool = false,
        normFirst: Bool = false, bias: Bool = true, dtype: DType = .float32,
        generator: RandomGenerator = .shared
    ) {
        func attention() -> MultiHeadAttention {
            MultiHeadAttention(
                size, headCount: headCount, dropout: dropout, bias: bias, batchFirst: batchFirst, dtype: dtype,
                generator: generator)
        }
        selfAttention = attention()
        crossAttention = attention()
        linear1 = Linear(size, feedforwardSize, bias: bias, dtype: dtype, generator: generator)
        linear2 = Linear(feedforwardSize, size, bias: bias, dtype: dtype, generator: generator)
        norm1 = LayerNorm([size], epsilon: epsilon, bias: bias, dtype: dtype)
        norm2 = LayerNorm([size], epsilon: epsilon, bias: bias, dtype: dtype)
        norm3 = LayerNorm([size], epsilon: epsilon, bias: bias, dtype: dtype)
        self.dropout = Dropout(dropout, generator: generator)
        dropout1 = Dropout(dropout, generator: generator)
        dropout2 = Dropout(dropout, generator: generator)
        dropout3 = Dropout(dropout, generator: generator)
        self.activation = activation
        normalizesFirst = normFirst
    }

    /// PyTorch's names.
    public override var members: [Member] {
        [
            .module("self_attn", selfAttention), .module("multihead_attn", crossAttention),
            .module("linear1", linear1), .module("dropout", dropout), .module("linear2", linear2),
            .module("norm1", norm1), .module("norm2", norm2), .module("norm3", norm3),
            .module("dropout1", dropout1), .module("dropout2", dropout2), .module("dropout3", dropout3),
        ]
    }

    /// Runs the layer.
    ///
    /// - Parameters:
    ///   - x: Shape `[length, count, size]`, or as `batchFirst` says.
    ///   - memory: What the encoder made, with a length of its own.
    ///   - mask: Of the self-attention, as of ``MultiHeadAttention``; ``causalMask(_:_:dtype:)`` for text.
    ///   - memoryMask: Of the attention to `memory`.
    ///   - keyPaddingMask: Which places of `x` are padding.
    ///   - memoryPaddingMask: Which places of `memory` are padding.
    /// - Returns: The shape of `x`.
    public func callAsFunction(
        _ x: Tensor, memory: Tensor, mask: Tensor? = nil, memoryMask: Tensor? = nil,
        keyPaddingMask: Tensor? = nil,
        memoryPaddingMask: Tensor? = nil
    ) -> Tensor {
        func attend(_ x: Tensor) -> Tensor {
            dropout1(selfAttention(x, mask: mask, keyPaddingMask: keyPaddingMask).output)
        }
        func look(_ x: Tensor) -> Tensor {
            dropout2(
                crossAttention(x, key: memory, mask: memoryMask, keyPaddingMask: memoryPaddingMask).output)
        }
        func feed(_ x: Tensor) -> Tensor { dropout3(linear2(dropout(activation(linear1(x))))) }
        if normalizesFirst {
            let attended = x + attend(norm1(x))
            let informed = attended + look(norm2(attended))
            return informed + feed(norm3(informed))
        }
        let attended = norm1(x + attend(x))
        let informed = norm2(attended + look(attended))
        return norm3(informed + feed(informed))
    }
}

/// Encoder layers one after the other: `layers.0`, `layers.1`, …, and a norm at the end where there is one.
public final class TransformerEncoder: Module {
    /// The layers.
    public let layers: [TransformerEncoderLayer]
    /// After the last layer.
    public let norm: LayerNorm?

    /// `count` layers, each made by `make`.
    public init(_ count: Int, norm: LayerNorm? = nil, _ make: () -> TransformerEncoderLayer) {
        layers = (0..<count).map { _ in make() }
        self.norm = norm
    }

    /// PyTorch's names.
    public override var members: [Member] {
        [.module("layers", ModuleList(layers))] + (norm.map { [.module("norm", $0)] } ?? [])
    }

    /// Runs all layers; see ``TransformerEncoderLayer``.
    public func callAsFunction(_ x: Tensor, mask: Tensor? = nil, keyPaddingMask: Tensor? = nil) -> Tensor {
        let result = layers.reduce(x) { $1($0, mask: mask, keyPaddingMask: keyPaddingMask) }
        return norm.map { $0(result) } ?? result
    }
}

/// Decoder layers one after the other: `layers.0`, `layers.1`, …, and a norm at the end where there is one.
public final class TransformerDecoder: Module {
    /// The layers.
    public let layers: [TransformerDecoderLayer]
    /// After the last layer.
    public let norm: LayerNorm?

    /// `count` layers, each made by `make`.
    public init(_ count: Int, norm: LayerNorm? = nil, _ make: () -> TransformerDecoderLayer) {
        layers = (0..<count).map { _ in make() }
        self.norm = norm
    }

    /// PyTorch's names.
    public override var members: [Member] {
        [.module("layers", ModuleList(layers))] + (norm.map { [.module("norm", $0)] } ?? [])
    }

    /// Runs all layers; see ``TransformerDecoderLayer``.
    public func callAsFunction(
        _ x: Tensor, memory: Tensor, mask: Tensor? = nil, memoryMask: Tensor? = nil,
        keyPaddingMask: Tensor? = nil,
        memoryPaddingMask: Tensor? = nil
    ) -> Tensor {
        let result = layers.reduce(x) {
            $1(
                $0, memory: memory, mask: mask, memoryMask: memoryMask, keyPaddingMask: keyPaddingMask,
                memoryPaddingMask: memoryPaddingMask)
        }
        return norm.map { $0(result) } ?? result
    }
}
