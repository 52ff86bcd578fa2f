internal import Glibc

extension Tensor: CustomStringConvertible {
    /// The elements as PyTorch prints them: `tensor([[1.0000, 2.5000]])`, long axes abbreviated.
    public var description: String {
        let edge = elementCount > 1000 ? 3 : Int.max
        var suffix = ""
        if dtype != .float32 && dtype != .int64 && dtype != .bool { suffix += ", dtype=\(dtype)" }
        if elementCount == 0 { suffix += ", size=\(shape)" }
        if isTrackedLeaf { suffix += ", requiresGrad" }
        if let node { suffix += ", gradient of \(node.name)" }
        guard dtype.isFloatingPoint || dtype.isInteger || dtype == .bool, dtype.byteWidth != nil,
            !dtype.rawValue.hasPrefix("float8")
        else { return "tensor(\(shape)\(suffix))" }
        return "tensor(\(nested(detach(), edge: edge, indent: 7))\(suffix))"
    }

    private func nested(_ part: Tensor, edge: Int, indent: Int) -> String {
        if part.shape.isEmpty { return part.formattedItem }
        let length = part.shape[0]
        let shown =
            edge < length / 2
            ? Array(0..<edge) + [-1] + Array(length - edge..<length) : Array(0..<length)
        let items = shown.map { $0 < 0 ? "..." : nested(part.selected(0, $0), edge: edge, indent: indent + 1) }
        let lineBreaks = String(repeating: "\n", count: part.rank - 1)
        let separator = part.rank == 1 ? ", " : "," + lineBreaks + String(repeating: " ", count: indent + 1)
        return "[" + items.joined(separator: separator) + "]"
    }

    private var formattedItem: String {
        let value = element(at: 0)
        if dtype == .bool { return value != 0 ? "true" : "false" }
        if dtype.isInteger { return String(Int64(value)) }
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let magnitude = Swift.abs(value)
        if magnitude != 0, magnitude < 1e-4 || magnitude >= 1e8 { return Tensor.formatted(value, "%.4e") }
        return Tensor.formatted(value, "%.4f")
    }

    private static func formatted(_ value: Double, _ format: String) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        _ = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
