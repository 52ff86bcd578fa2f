import Checkpoints
import ChunkStore
public import Expressions
import GRDB
import OrderedCollections

extension VersionRecord {
    /// The functions that conditions may call.
    ///
    /// `alias("best")`: whether the version has one of these aliases; with no argument, any. `metric`, `attribute` and
    /// `value` take one name. The others take patterns for paths as `load --only` does, several joined:
    /// `l2_norm("encoder.*", "head.*")`, and everything where there are none; tensors whose figures are not known are
    /// left out.
    public static let functionNames = [
        "alias", "metric", "attribute", "value", "changed", "count", "l2_norm", "nan", "infinity", "inf",
        "zero",
        "minimum", "maximum", "absolute_maximum",
    ]

    /// The value of one of ``functionNames``.
    ///
    /// - Throws: ``VersionRecordError`` for arguments that it does not take, ``RegistryError``.
    public func value(calling function: String, with arguments: [ExpressionValue]) throws -> ExpressionValue? {
        guard VersionRecord.functionNames.contains(function) else { return nil }
        let texts = try arguments.map { argument in
            guard case .text(let text) = argument else { throw VersionRecordError.notText(function: function) }
            return text
        }
        switch function {
        case "alias":
            return .truth(
                texts.isEmpty ? !version.aliases.isEmpty : texts.contains { version.aliases.contains($0) })
        case "metric", "attribute", "value":
            guard texts.count == 1 else { throw VersionRecordError.oneArgument(function: function) }
            return switch function {
            case "metric": version.metrics[texts[0]].map { .number($0) }
            case "attribute": attributes[texts[0]]?.expressionValue
            default: try plainValues.value(at: texts[0], of: version)
            }
        case "changed":
            return .truth(try hasChanged(texts))
        default:
            return figure(function, try tensors(texts))
        }
    }

    /// The health of the tensors that patterns select; none where nothing matches.
    private func tensors(_ patterns: [String]) throws -> [ParameterHealth] {
        do {
            return try registry.health(of: version, only: patterns)
        } catch is PathSelectionError {
            return []
        }
    }

    private func figure(_ function: String, _ tensors: [ParameterHealth]) -> ExpressionValue? {
        func sum(_ count: (ParameterHealth) -> Int?) -> ExpressionValue? {
            .number(Double(tensors.compactMap(count).reduce(0, +)))
        }
        switch function {
        case "nan": return sum(\.nanCount)
        case "infinity", "inf": return sum(\.infinityCount)
        case "zero": return sum(\.zeroCount)
        case "count": return .number(Double(tensors.count))
        case "l2_norm":
            let norms = tensors.compactMap(\.l2Norm)
            // Of all elements together.
            return norms.isEmpty ? nil : .number(norms.reduce(0) { $0 + $1 * $1 }.squareRoot())
        case "minimum": return tensors.compactMap(\.minimum).min().map { .number($0) }
        case "maximum": return tensors.compactMap(\.maximum).max().map { .number($0) }
        case "absolute_maximum":
            return tensors.flatMap { [$0.minimum, $0.maximum] }.compactMap { $0.map { abs($0) } }.max().map {
                .number($0)
            }
        default: return nil
        }
    }

    /// Whether something that patterns select differs from the living version before; `true` in the first one.
    private func hasChanged(_ patterns: [String]) throws -> Bool {
        do {
            return try registry.blame(version.reference, only: patterns).lines.contains {
                $0.changedIn.number == version.number
            }
        } catch is PathSelectionError {
            return false
        }
    }
}

/// A call that a version has no answer to.
public enum VersionRecordError: Error, Equatable {
    /// An argument is no text.
    case notText(function: String)
    /// It takes one argument.
    case oneArgument(function: String)
}

extension VersionRecordError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .notText(let function): "\(function)(…) takes texts in quotes, such as \(function)(\"encoder.*\")"
        case .oneArgument(let function): "\(function)(…) takes one name in quotes"
        }
    }
}

extension Registry {
    /// The figures of a version's tensors, as they were found when it was saved. No tensor is read.
    ///
    /// - Parameter patterns: Paths to look at; everything where there are none.
    /// - Throws: ``RegistryError``, ``PathSelectionError``.
    func health(of version: Version, only patterns: [String]) throws -> [ParameterHealth] {
        try read { db in
            let content = try VersionContent(db, version)
            let isSelected = try PathSelection(patterns).selects(content.leaves.map(\.path))
            let statement = try db.cachedStatement(
                sql: """
                    SELECT nan_count, infinity_count, zero_count, minimum, maximum, l2_norm FROM tensor WHERE id = ?
                    """)
            return try zip(content.leaves, isSelected).compactMap { leaf, isSelected in
                guard isSelected, case .tensor(let tensor, let view, _) = leaf.content,
                    let row = try Row.fetchOne(statement, arguments: [tensor.rowID])
                else { return nil }
                return try ParameterHealth(row, isWhole: view.placement == nil || view.sharing == nil)
            }
        }
    }
}
