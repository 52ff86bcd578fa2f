internal import CKernels

/// An object that computes, and that a message about what went wrong within it names.
package protocol CallNamed: AnyObject {
    /// Where the innermost of the objects that are computing is, as seen from this one, the outermost, in one line.
    func callDescription(of innermost: AnyObject) -> String?
}

/// The objects that are computing on this thread, from the outermost to the innermost.
package enum CallStack {
    /// Notes that `object` computes. It lives until ``leave()``.
    @inline(__always)
    package static func enter(_ object: AnyObject) {
        mr_enter_call(Unmanaged.passUnretained(object).toOpaque())
    }

    /// Notes that the object that was entered last is done.
    @inline(__always)
    package static func leave() { mr_leave_call() }

    /// Where this thread is, for the end of a message: ` (in Sequential at "0": Linear(…))`; empty outside all objects.
    static var description: String {
        guard let outer = mr_outermost_call(), let inner = mr_innermost_call() else { return "" }
        let outermost = Unmanaged<AnyObject>.fromOpaque(outer).takeUnretainedValue()
        let innermost = Unmanaged<AnyObject>.fromOpaque(inner).takeUnretainedValue()
        guard let text = (outermost as? any CallNamed)?.callDescription(of: innermost) else { return "" }
        return " (in \(text))"
    }
}
