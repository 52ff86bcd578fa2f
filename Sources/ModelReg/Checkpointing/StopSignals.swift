import Dispatch
import Glibc
import Synchronization

/// Waits for signals that ask a process to stop, and lets it stop when it is ready.
///
/// The first one is noted. A second one ends the process as if nobody had listened.
final class StopSignals: Sendable {
    /// A signal that is listened for, and what it did before.
    private struct Listener: @unchecked Sendable {
        let signal: Int32
        let previous: __sighandler_t?
        let source: any DispatchSourceSignal
    }

    private let first = Mutex<Int32?>(nil)
    private let listeners = Mutex<[Listener]>([])

    /// The signal that came.
    var received: Int32? { first.withLock { $0 } }

    init(_ signals: [Int32], _ report: @escaping @Sendable (Int32) -> Void) {
        let queue = DispatchQueue(label: "modelreg.signals")
        let all = signals.map { number in
            // A source sees signals that are ignored, and only these leave the process alone.
            let previous = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { [weak self] in self?.receive(number, report) }
            source.resume()
            return Listener(signal: number, previous: previous, source: source)
        }
        listeners.withLock { $0 = all }
    }

    private func receive(_ number: Int32, _ report: (Int32) -> Void) {
        let isFirst = first.withLock { first in
            defer { first = first ?? number }
            return first == nil
        }
        if isFirst {
            report(number)
        } else {
            signal(number, SIG_DFL)
            kill(getpid(), number)
        }
    }

    /// Stops listening; signals do again what they did before.
    func cancel() {
        let all = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for listener in all {
            listener.source.cancel()
            signal(listener.signal, listener.previous)
        }
    }
}
