package import Glibc

/// A process on this machine, told from a later one with the same number.
package struct ProcessIdentity: Hashable {
    /// Which numbers it is among: containers have their own.
    package let namespace: String
    package let number: pid_t
    /// When it began, in clock ticks since the machine started.
    package let start: UInt64

    /// A process that runs now; `nil` where there is none.
    package init?(_ number: pid_t = getpid()) {
        guard let namespace = ProcessIdentity.namespace, let start = ProcessIdentity.start(of: number) else {
            return nil
        }
        self.namespace = namespace
        self.number = number
        self.start = start
    }

    /// Reads ``text``.
    package init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let number = pid_t(parts[1]), let start = UInt64(parts[2]) else { return nil }
        namespace = String(parts[0])
        self.number = number
        self.start = start
    }

    /// As the registry writes it.
    package var text: String { "\(namespace) \(number) \(start)" }

    /// Whether it still runs; `nil` where that cannot be seen from here.
    package var isRunning: Bool? {
        guard namespace == ProcessIdentity.namespace else { return nil }
        return ProcessIdentity.start(of: number) == start
    }

    private static let namespace: String? = {
        var name = [UInt8](repeating: 0, count: 128)
        let count = name.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                characters.baseAddress.map { readlink("/proc/self/ns/pid", $0, characters.count) } ?? -1
            }
        }
        guard count > 0 else { return nil }
        return String(decoding: name[..<count], as: UTF8.self)
    }()

    /// Field 22 of `/proc/N/stat`; the name in field 2 may hold anything. `nil` too for a process that has ended
    /// and waits for its parent to ask.
    private static func start(of number: pid_t) -> UInt64? {
        guard let stat = SmallFile.text("/proc/\(number)/stat"), let end = stat.lastIndex(of: ")") else {
            return nil
        }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}
