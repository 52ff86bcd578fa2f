import Glibc
import Synchronization

/// The temporary files that exist now, so that a process which a signal ends can remove them.
///
/// SIGKILL and a power cut leave them: their names begin with `.modelreg-`.
package enum TemporaryFiles {
    /// Two paths as C strings, one after the other, by address; 0 for a free place: the file, and the journal that SQLite keeps
    /// beside it where it is a database. Never freed: a handler may be reading them.
    nonisolated(unsafe) private static let places: UnsafeMutablePointer<Atomic<UInt>> = {
        let places = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: placeCount)
        for index in 0..<placeCount { (places + index).initialize(to: Atomic(0)) }
        return places
    }()

    /// More than any command has at once; one that finds no place is not removed.
    private static let placeCount = 64
    private static let isWatching = Atomic(false)
    nonisolated(unsafe) private static var lastWord: StaticString = ""

    /// Removes temporary files when one of `signals` ends the process, which then ends as it would have without.
    ///
    /// A signal that the process was started to ignore stays ignored, and one that it was started to block is let through:
    /// a parent's thread that blocks signals must not make its children deaf.
    ///
    /// - Parameter lastWord: What to say on standard error before.
    package static func removeOnSignals(
        _ signals: [Int32] = [SIGINT, SIGTERM, SIGHUP], saying lastWord: StaticString = ""
    ) {
        _ = places
        TemporaryFiles.lastWord = lastWord
        isWatching.store(true, ordering: .relaxed)
        var watched = sigset_t()
        sigemptyset(&watched)
        for signal in signals {
            var old = sigaction()
            sigaction(signal, nil, &old)
            // SIG_IGN is 1.
            if unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                TemporaryFiles.removeAll()
                TemporaryFiles.sayLastWord()
                Glibc.signal(signal, SIG_DFL)
                raise(signal)
            }
            // Not masked while the handler runs, so that it ends the process.
            action.sa_flags = SA_NODEFER
            sigaction(signal, &action, nil)
            sigaddset(&watched, signal)
        }
        pthread_sigmask(SIG_UNBLOCK, &watched, nil)
    }

    /// Only calls that a signal handler may make.
    private static func removeAll() {
        for index in 0..<placeCount {
            let address = places[index].load(ordering: .acquiring)
            guard let path = UnsafePointer<CChar>(bitPattern: address) else { continue }
            unlink(path)
            unlink(path + strlen(path) + 1)
        }
    }

    /// Only calls that a signal handler may make, and none that waits for a reader or ends the process otherwise.
    private static func sayLastWord() {
        Glibc.signal(SIGPIPE, SIG_IGN)
        var target = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&target, 1, 0) == 1, target.revents & Int16(POLLOUT) != 0 else { return }
        _ = write(STDERR_FILENO, lastWord.utf8Start, lastWord.utf8CodeUnitCount)
    }

    /// Notes that there is a temporary file at `path`, or is about to be.
    ///
    /// - Returns: Its place, for ``forget(_:)``.
    package static func note(_ path: String) -> Int? {
        guard isWatching.load(ordering: .relaxed) else { return nil }
        let bytes = Array("\(path)\0\(path)-journal\0".utf8)
        guard let text = malloc(bytes.count) else { return nil }
        text.copyMemory(from: bytes, byteCount: bytes.count)
        let address = UInt(bitPattern: text)
        return (0..<placeCount).first { index in
            places[index].compareExchange(expected: 0, desired: address, ordering: .acquiringAndReleasing)
                .exchanged
        }
    }

    /// Notes that the file is gone, or has its name.
    package static func forget(_ place: Int?) {
        if let place { places[place].store(0, ordering: .releasing) }
    }
}
