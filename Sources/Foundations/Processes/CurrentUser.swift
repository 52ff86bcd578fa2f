import Glibc

/// The person and machine that a process runs for.
package enum CurrentUser {
    /// The user and the machine: `user@host`.
    package static func actor() -> String { "\(user())@\(host())" }

    /// The name of the user, or else the number.
    package static func user() -> String {
        getpwuid(getuid())?.pointee.pw_name.map { String(cString: $0) } ?? "\(getuid())"
    }

    /// The name of this machine.
    package static func host() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { name in
            name.initialize(repeating: 0)
            // One byte is left for the end of the text, which a truncated name would lack.
            guard let start = name.baseAddress, gethostname(start, 255) == 0 else { return "localhost" }
            return String(cString: start)
        }
    }
}
