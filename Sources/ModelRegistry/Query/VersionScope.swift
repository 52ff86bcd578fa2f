import Checkpoints
import ChunkStore
public import Expressions
import GRDB

/// What an expression may ask about a version, answered from rows: no tensor is read.
///
/// Names are `version`, `tensor_count`, `byte_count`, `message`, metrics, then attributes, then paths of plain values in
/// the checkpoint; ``value(calling:with:)`` finds what an earlier one of these hides: `metric("version")`. Functions take patterns for paths as `load
/// --only` does, several joined: `l2_norm("encoder.*", "head.*")`, and everything where there are none. Tensors whose
/// figures are not known are left out.
public struct VersionScope: ExpressionScope {
    private let registry: Registry
    private let version: Version
    private let details: VersionDetails

    /// Makes a scope for a version.
    ///
    /// - Throws: ``RegistryError``.
    public init(_ registry: Registry, _ version: Version) throws {
        self.registry = registry
        self.version = version
        details = try registry.details(of: version)
    }

    /// The functions, and what each comes to.
    public static let functions: [String] = [
        "l2_norm", "nan", "infinity", "zero", "minimum", "maximum", "absolute_maximum", "count", "changed",
        "value",
        "metric", "attribute",
    ]

    /// The value of a name; `nil` where the version has no such metric, attribute or plain value.
    public func value(of name: String) throws -> ExpressionValue? {
        switch name {
        case "version": return .number(Double(version.number))
        case "tensor_count": return .number(Double(version.tensorCount))
        case "byte_count": return .number(Double(version.byteCount))
        case "message": return .text(version.message)
        default: return try metric(name) ?? attribute(name) ?? plainValue(name)
        }
    }

    /// The value of a function.
    ///
    /// - Throws: ``VersionScopeError`` for arguments that it does not take.
    public func value(calling function: String, with arguments: [ExpressionValue]) throws -> ExpressionValue? {
        let texts = try arguments.map { argument in
            guard case .text(let text) = argument else { throw VersionScopeError.notText(function: function) }
            return text
        }
        switch function {
        case "metric", "attribute", "value":
            guard texts.count == 1 else { throw VersionScopeError.oneArgument(function: function) }
            return switch function {
            case "metric": metric(texts[0])
            case "attribute": attribute(texts[0])
            default: try plainValue(texts[0])
            }
        case "changed":
            return .truth(try hasChanged(texts))
        default:
            let health = try tensors(texts)
            return figure(function, health)
        }
    }

    private func metric(_ name: String) -> ExpressionValue? { version.metrics[name].map { .number($0) } }

    /// An attribute that the user set, else one of the file.
    private func attribute(_ name: String) -> ExpressionValue? {
        let found = details.attributes.filter { $0.key.utf8.elementsEqual(name.utf8) }
        guard let attribute = found.first(where: { !$0.isFromFile }) ?? found.first else { return nil }
        if let text = attribute.text { return .text(text) }
        switch attribute.json {
        case "true": return .truth(true)
        case "false": return .truth(false)
        case "null": return nil
        default: return Double(attribute.json).map { .number($0) } ?? .text(attribute.json)
        }
    }

    private func plainValue(_ path: String) throws -> ExpressionValue? {
        let leaf = try registry.manifest(of: version.reference).leaves.first {
            $0.path.text.utf8.elementsEqual(path.utf8)
        }
        switch leaf?.content {
        case .value(.integer(let number))?: return .number(Double(number))
        case .value(.number(let bits))?: return .number(Double(bitPattern: bits))
        case .value(.boolean(let flag))?: return .truth(flag)
        case .value(.string(let text))?: return .text(text)
        case .value(.none)?, .tensor?, nil: return nil
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
        case "infinity": return sum(\.infinityCount)
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
public enum VersionScopeError: Error, Equatable {
    /// An argument is no text.
    case notText(function: String)
    /// It takes one argument.
    case oneArgument(function: String)
}

extension VersionScopeError: CustomStringConvertible {
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
