internal import CKernels
import Foundations
internal import Synchronization

/// One operation in the history of a tensor: what it was made from, and how a gradient flows back.
///
/// Nodes point to the nodes before them, never to results, so that values live only as long as somebody needs them.
final class GradientNode {
    /// Where a gradient goes.
    enum Edge {
        case none
        case leaf(Tensor)
        case node(GradientNode)
    }

    /// The gradients of the inputs from that of the result; `nil` where none is wanted.
    typealias Backward = (Tensor) -> [Tensor?]

    /// The operation's name, for messages.
    let name: StaticString

    /// Rises with creation: a node is always later than the nodes it leads to.
    let sequence: UInt64

    var edges: [Edge]

    /// `nil` once it ran and the graph was not to be kept.
    var backward: Backward?

    /// The part of the only input that the result is a view of, so that its gradient is added there: a gradient of the
    /// whole input for each part would make many parts cost as much as their number squared.
    var part: TensorPart?

    /// In place of ``backward`` where the node can make use of a gradient that nobody else has: writes to it.
    var ownedBackward: ((consuming Tensor) -> [Tensor?])?

    /// What sees the result's gradient first.
    var hooks: GradientHooks?

    /// What has arrived of the result's gradient in the current pass.
    var pending: Tensor?

    private static let counter = Atomic<UInt64>(0)

    init(_ name: StaticString, edges: [Edge], backward: @escaping Backward) {
        self.name = name
        self.edges = edges
        self.backward = backward
        sequence = GradientNode.counter.add(1, ordering: .relaxed).newValue
    }

    /// Takes long chains apart one by one: a release that runs through 100,000 nodes would overflow the stack.
    deinit {
        var chain = edges
        edges = []
        while let edge = chain.popLast() {
            guard case .node(var node) = consume edge else { continue }
            if isKnownUniquelyReferenced(&node) {
                chain.append(contentsOf: node.edges)
                node.edges = []
            }
        }
    }
}

/// A part of a contiguous tensor, in elements.
struct TensorPart {
    let whole: [Int]
    let shape: [Int]
    let strides: [Int]
    let shift: Int

    /// The part of `tensor`, a contiguous one of the shape of the whole.
    func view(of tensor: Tensor) -> Tensor {
        tensor.alias(shape: shape, strides: strides, offset: tensor.offset + shift)
    }

    /// `gradient` with zeros around it.
    func spread(_ gradient: Tensor) -> Tensor {
        let result = Tensor.zeros(whole, dtype: gradient.dtype)
        view(of: result).store(gradient)
        return result
    }
}

/// A tensor that a gradient will need, and a check that nobody has changed it meanwhile.
struct SavedTensor {
    private let tensor: Tensor
    private let version: UInt32
    private let operation: StaticString

    /// Keeps the values of `tensor`, without its history.
    init(_ tensor: Tensor, for operation: StaticString) {
        self.tensor = tensor.isTrackedLeaf ? tensor : tensor.alias()
        version = tensor.storage.version
        self.operation = operation
    }

    /// The tensor as it was.
    ///
    /// - Precondition: It has not been changed in place.
    var value: Tensor {
        require(
            tensor.storage.version == version,
            """
            a \(tensor.dtype) tensor of shape \(tensor.shape) that the gradient of \(operation) needs was changed in \
            place (version \(tensor.storage.version), expected \(version)); change a copy instead
            """)
        return tensor
    }
}

/// Whether operations record a history on this thread.
package var isRecordingGradients: Bool { mr_without_gradient_depth() == 0 }

/// Runs `body` without recording a history: results require no gradient, and leaves may be changed in place.
///
/// Holds for the current thread until `body` returns. May be nested.
public func withoutGradient<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
    -> Result
{
    mr_add_without_gradient_depth(1)
    defer { mr_add_without_gradient_depth(-1) }
    return try body()
}

extension Tensor {
    /// Whether an operation on this tensor has to be recorded.
    @inline(__always)
    var isRecorded: Bool { (isTrackedLeaf || node != nil) && isRecordingGradients }

    /// Where this tensor's gradient goes.
    var edge: GradientNode.Edge {
        if let node { return .node(node) }
        return isTrackedLeaf ? .leaf(self) : .none
    }

    /// Notes how this result was made. Call only while some input is recorded.
    @discardableResult
    func recorded(_ name: StaticString, _ inputs: [Tensor], _ backward: @escaping GradientNode.Backward)
        -> Tensor
    {
        node = GradientNode(name, edges: inputs.map(\.edge), backward: backward)
        return self
    }
}
