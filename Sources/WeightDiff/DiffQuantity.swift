import Checkpoints
public import Expressions
import Tensors

/// What a condition can ask of a tensor, by the names that reports have too.
public enum DiffQuantity: String, CaseIterable, Sendable {
    /// L2 norm of the difference, in terms of the old norm.
    case relativeL2 = "rel_l2"
    /// L2 norm of the difference.
    case l2 = "l2"
    /// Norm of the old tensor.
    case oldNorm = "old_norm"
    /// Norm of the new tensor.
    case newNorm = "new_norm"
    /// Greatest absolute difference.
    case maximumAbsolute = "max_abs"
    /// Mean difference.
    case mean = "mean"
    /// Mean absolute difference.
    case meanAbsolute = "mean_abs"
    /// Cosine similarity of old and new.
    case cosine = "cosine"
    /// Elements that changed.
    case changedCount = "changed"
    /// Their share.
    case changedShare = "changed_share"
    /// Elements compared.
    case elementCount = "elements"
    /// Elements of the new tensor that are not a number.
    case nan = "nan"
    /// Elements of the new tensor that are infinite.
    case infinity = "inf"
    /// NaN now, and not before.
    case nanAppeared = "nan_appeared"
    /// NaN before, and not now.
    case nanGone = "nan_gone"
    /// Infinite now, and not before.
    case infinityAppeared = "inf_appeared"
    /// Infinite before, and not now.
    case infinityGone = "inf_gone"
    /// The path.
    case path = "path"
    /// `added`, `removed`, `renamed`, `moved` or `changed`.
    case kind = "kind"
    /// The element type before.
    case oldDType = "old_dtype"
    /// The element type now.
    case newDType = "new_dtype"

    /// The quantity that a condition calls so: `infinity` is another spelling of `inf`, at the beginning of a name too.
    public init?(name: String) {
        let long = "infinity"
        self.init(rawValue: name.hasPrefix(long) ? "inf" + name.dropFirst(long.count) : name)
    }

    /// The names that conditions may use.
    public static let names = allCases.map(\.rawValue) + ["infinity", "infinity_appeared", "infinity_gone"]

    /// The value for a change; `nil` where there is none.
    public func value(of change: WeightChange) -> ExpressionValue? {
        switch self {
        case .path: return .text(change.path.text)
        case .kind: return .text(change.kind.rawValue)
        case .oldDType: return dtype(change.old)
        case .newDType: return dtype(change.new)
        default: return change.statistics.flatMap(number).map { .number($0) }
        }
    }

    private func dtype(_ content: Manifest.Content?) -> ExpressionValue? {
        if case .tensor(let tensor)? = content { .text(tensor.dtype.rawValue) } else { nil }
    }

    private func number(_ statistics: TensorDifference) -> Double? {
        switch self {
        case .relativeL2: statistics.relativeL2
        case .l2: statistics.l2Norm
        case .oldNorm: statistics.oldL2Norm
        case .newNorm: statistics.newL2Norm
        case .maximumAbsolute: statistics.maximumAbsolute
        case .mean: statistics.mean
        case .meanAbsolute: statistics.meanAbsolute
        case .cosine: statistics.cosineSimilarity
        case .changedCount: Double(statistics.changedCount)
        case .changedShare: statistics.changedShare
        case .elementCount: Double(statistics.elementCount)
        case .nan: Double(statistics.newNaNCount)
        case .infinity: Double(statistics.newInfinityCount)
        case .nanAppeared: Double(statistics.appearedNaNCount)
        case .nanGone: Double(statistics.goneNaNCount)
        case .infinityAppeared: Double(statistics.appearedInfinityCount)
        case .infinityGone: Double(statistics.goneInfinityCount)
        case .path, .kind, .oldDType, .newDType: nil
        }
    }
}
