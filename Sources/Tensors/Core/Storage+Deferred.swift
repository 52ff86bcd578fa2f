internal import Synchronization

/// What has to be written to deferred storage before somebody reads it.
final class DeferredBytes: Sendable {
    /// Writes to all or some of the bytes.
    typealias Fill = @Sendable (UnsafeMutableRawBufferPointer) -> Void

    /// In this order, each over what the one before wrote; `nil` once the bytes are there.
    let fills = Mutex<[Fill]?>([DeferredBytes.zeros])

    private static let zeros: Fill = { bytes in _ = bytes.initializeMemory(as: UInt8.self, repeating: 0) }

    /// Whose bytes these are, where they were adopted and not allocated.
    private let borrowed = Mutex<Storage?>(nil)

    var lender: Storage? {
        get { borrowed.withLock { $0 } }
        set { borrowed.withLock { $0 = newValue } }
    }
}

// First values are written when they are needed: a layer that is loaded from a checkpoint never makes its random ones.

extension Storage {
    /// Whether the bytes are still to be made.
    package var isDeferred: Bool { isUnfilled }

    /// Writes with `fill` when the bytes are first needed, after what was deferred before; now where they are there.
    ///
    /// - Parameter replacesAll: Whether `fill` writes every byte, so that what was deferred before need not run.
    package func deferFill(
        replacingAll replacesAll: Bool, _ fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let isDeferred = deferredBytes?.fills.withLock { fills -> Bool in
            guard fills != nil else { return false }
            if replacesAll { fills = [] }
            fills?.append(fill)
            return true
        }
        if isDeferred != true { fill(UnsafeMutableRawBufferPointer(start: baseAddress, count: byteCount)) }
    }

    /// Allocates without writing what was deferred, as the caller is about to write every byte.
    package func prepareToOverwrite() {
        deferFill(replacingAll: true) { _ in }
        _ = baseAddress
    }

    /// Takes over the bytes of `other`, so that both are the same memory. Does nothing unless this storage is deferred.
    ///
    /// - Returns: Whether it did. The caller lets go of `other`.
    package func adopt(_ other: Storage) -> Bool {
        guard other !== self, other.byteCount == byteCount, let deferred = deferredBytes else { return false }
        return deferred.fills.withLock { fills in
            guard fills != nil else { return false }
            fills = nil
            deferred.lender = other
            setAddress(other.baseAddress)
            return true
        }
    }
}
