import Expressions
import Foundations
import FuzzSupport
import ModelRegistry
import WeightDiff

/// What people and scripts write: expressions, references, patterns, lines of metrics. The first byte says which.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let kind = input.byte()
    if kind == UInt8(ascii: "p") {
        checkPolicy(&input)
        return 0
    }
    guard let text = input.remainingText() else { return -1 }
    switch kind {
    case UInt8(ascii: "e"): checkExpression(text)
    case UInt8(ascii: "g"): checkGlob(text)
    case UInt8(ascii: "m"): checkMetrics(text)
    case UInt8(ascii: "r"): checkReference(text)
    default: return -1
    }
    return 0
}

/// Every way of reading an expression, and what it comes to where names are numbers, texts, or not known.
private func checkExpression(_ text: String) {
    for slashesJoinNames in [false, true] {
        let expression = refusing { try QueryExpression(parsing: text, slashesJoinNames: slashesJoinNames) }
        guard let expression else { continue }
        require(expression.text == text, "another text")
        _ = (expression.names, expression.functions)
        for scope in Scope.allCases {
            let value = refusing { try expression.value(in: scope) }
            let holds = refusing { try expression.holds(in: scope) }
            require(value != .some(nil) || holds != true, "what is unknown holds")
        }
    }
    _ = refusing { try HealthGate(text) }
    _ = refusing { try DiffGate(parsing: text) }
    guard let key = refusing({ try SortKey(parsing: text) }) else { return }
    let sorted = refusing { try SortKey.sorted(Scope.allCases, by: [key]) }
    require(sorted.map { Set($0) == Set(Scope.allCases) } ?? true, "sorting loses some")
}

private enum Scope: String, CaseIterable, ExpressionScope {
    case numbers, texts, nothing

    func value(of name: String) -> ExpressionValue? {
        switch self {
        case .numbers: .number(Double(name.utf8.count) - 4)
        case .texts: .text(name)
        case .nothing: nil
        }
    }

    func value(calling function: String, with arguments: [ExpressionValue]) -> ExpressionValue? {
        arguments.first
    }
}

/// A pattern, and after a NUL the text that it is to match.
private func checkGlob(_ text: String) {
    let parts = text.split(separator: "\0", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let glob = Glob(parts[0])
    _ = glob.matches(parts.count > 1 ? parts[1] : text)
    // With every character escaped, a text stands for itself.
    let escaped = text.unicodeScalars.reduce(into: "") { $0 += "\\" + String($1) }
    require(Glob(escaped).matches(text), "an escaped text does not match itself")
    require(Glob("*" + escaped + "*").matches(text), "a text is not within itself")
    require(!Glob(escaped + "?").matches(text), "a text is longer than itself")
    require(!printable(text).contains("\n"), "two lines")
    _ = Suggestion.closest(to: parts[0], among: parts)
}

private func checkMetrics(_ text: String) {
    // `run log` cuts its input into lines.
    guard !text.contains(where: \.isNewline), let (step, values) = refusing({ try MetricLine.parse(text) })
    else { return }
    require(step >= 0 && values["step"] == nil && values[""] == nil, "a metric that is none")
}

private func checkReference(_ text: String) {
    guard let reference = refusing({ try VersionReference(text) }) else { return }
    require(reference.stepsBack >= 0, "steps forward")
    // Spelled out, it is the same one.
    let selector =
        switch reference.selector {
        case .latest: "latest"
        case .number(let number): "v\(number)"
        case .alias(let alias): alias
        }
    let digest = reference.contentPrefix.map { "@sha256:\($0)" } ?? ""
    let again = "\(reference.model):\(selector)~\(reference.stepsBack)\(digest)"
    require(refusing { try VersionReference(again) } == reference, "\(again) is another reference")
    require(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a reference that no shell takes as it is")
}
