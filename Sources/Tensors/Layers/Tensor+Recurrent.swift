internal import CKernels
import Foundations

/// What one step of a recurrent layer computes.
package enum RecurrentUnit: Sendable {
    /// Elman 1990, with the hyperbolic tangent.
    case tanh
    /// Elman 1990, with max(0, x).
    case relu
    /// Hochreiter & Schmidhuber 1997, with forget gates.
    case lstm
    /// Cho et al. 2014.
    case gru

    /// Sums for each hidden element.
    package var gateCount: Int {
        switch self {
        case .tanh, .relu: 1
        case .gru: 3
        case .lstm: 4
        }
    }
}

/// What one direction of a recurrent layer begins with and goes on with.
package struct RecurrentState {
    /// Shape `[count, size]`.
    package var hidden: Tensor
    /// Shape `[count, size]`, of an LSTM.
    package var cell: Tensor?

    package init(hidden: Tensor, cell: Tensor? = nil) { (self.hidden, self.cell) = (hidden, cell) }
}

extension Tensor {
    /// Runs one direction of a recurrent layer over sequences, as one operation.
    ///
    /// - Parameters:
    ///   - weight: Of the hidden state, shape `[gates · size, size]`.
    ///   - bias: Shape `[gates · size]`, of the hidden state's product; only a GRU tells it from the input's.
    ///   - lengths: Steps of each sequence; all where `nil`. Outputs beyond are 0, and the state stays.
    ///   - reversed: Whether each sequence is read from its end.
    /// - Returns: Outputs of shape `[length, count, size]`, where `self`, the input's part of the sums, is
    ///   `[length, count, gates · size]`; and the last state.
    /// - Complexity: Linear in the length, forward and back.
    package func recurrent(
        _ unit: RecurrentUnit, weight: Tensor, bias: Tensor? = nil, from state: RecurrentState,
        lengths: [Int]? = nil, reversed: Bool = false
    ) -> (output: Tensor, state: RecurrentState) {
        let type = dtype.computeType
        if type != dtype {
            let from = RecurrentState(hidden: state.hidden.to(type), cell: state.cell?.to(type))
            let (output, last) = to(type).recurrent(
                unit, weight: weight.to(type), bias: bias?.to(type), from: from, lengths: lengths,
                reversed: reversed)
            return (
                output.to(dtype), RecurrentState(hidden: last.hidden.to(dtype), cell: last.cell?.to(dtype))
            )
        }
        let run = RecurrentRun(
            unit: unit, length: shape[0], count: shape[1], size: weight.shape[1], lengths: lengths,
            isReversed: reversed)
        return type == .float32
            ? run.record(Float.self, self, weight, bias, state)
            : run.record(Double.self, self, weight, bias, state)
    }
}
