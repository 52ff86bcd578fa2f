import Glibc

/// What a fuzzer hands over, read from front to back. Past its end there are zeros.
public struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    /// Reads what a fuzzer hands over.
    public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        rest = FuzzFile.bytes(start, count)[...]
    }

    /// Whether all is read.
    public var isEmpty: Bool { rest.isEmpty }

    /// The next byte.
    public mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// The next number of `byteCount` bytes, little-endian.
    public mutating func number(byteCount: Int) -> UInt64 {
        (0..<byteCount).reduce(0) { $0 | UInt64(byte()) << (8 * UInt64($1)) }
    }

    /// A number of two bytes below `limit`.
    public mutating func index(below limit: Int) -> Int { Int(number(byteCount: 2)) % limit }

    /// One of `choices`.
    public mutating func choice<Choice>(of choices: [Choice]) -> Choice { choices[Int(byte()) % choices.count] }

    /// The next `count` bytes, or those that are left.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// All that is left.
    public mutating func remainingBytes() -> [UInt8] { bytes(rest.count) }

    /// Reads changes of `bytes` up to the end of the input: a place, how many bytes go, and what comes instead.
    public mutating func edit(_ bytes: inout [UInt8]) {
        while !isEmpty, !bytes.isEmpty {
            let start = index(below: bytes.count)
            let lengths = byte()
            let end = min(bytes.count, start + Int(lengths & 15))
            bytes.replaceSubrange(start..<end, with: self.bytes(Int(lengths >> 4)))
        }
    }

    /// All that is left, as a text; `nil` where it is none.
    public mutating func remainingText() -> String? { String(validating: remainingBytes(), as: UTF8.self) }
}

/// Calls `body`; an error is as good as a result, as long as its message is one line.
public func refusing<Result>(_ body: () throws -> Result) -> Result? {
    do {
        return try body()
    } catch {
        require(!"\(error)".contains("\n"), "an error of two lines: \(error)")
        return nil
    }
}

/// Ends the process where `condition` does not hold. Unlike `precondition`, it says why in an optimised build, too.
public func require(
    _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String = "a condition does not hold"
) {
    if !condition() { fail(message()) }
}

/// Ends the process.
public func fail(_ message: String) -> Never {
    write(STDERR_FILENO, "Fatal: \(message)\n", message.utf8.count + 8)
    abort()
}
