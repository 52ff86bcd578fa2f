/// Stops the program because of a programmer's mistake, with `message` also in release builds, where that of
/// `precondition` is dropped.
package func trap(_ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line)
    -> Never
{
    fatalError(message(), file: file, line: line)
}

/// Stops the program with `message` unless `condition` holds.
@inline(__always)
package func require(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition { trap(message(), file: file, line: line) }
}
