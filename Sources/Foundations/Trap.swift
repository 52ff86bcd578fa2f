internal import CKernels
internal import Glibc

/// Stops the program because of a programmer's mistake, with `message` also in release builds, where that of
/// `precondition` is dropped. The message says in which module it was, where one was computing.
///
/// In one line and at once: the runtime's backtrace would take seconds to say less. Whoever sets `SWIFT_BACKTRACE` gets it,
/// and a debugger stops here.
package func trap(_ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line)
    -> Never
{
    // Not by `fatalError`, which in debug builds prints the stack whatever is set.
    mr_stop(
        "\(file):\(line): Fatal error: \(message())\(CallStack.description)\n",
        getenv("SWIFT_BACKTRACE") == nil ? 0 : 1)
}

/// Stops the program with `message` unless `condition` holds.
@inline(__always)
package func require(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    if !condition { trap(message(), file: file, line: line) }
}
