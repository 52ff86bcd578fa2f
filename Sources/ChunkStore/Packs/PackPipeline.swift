import Dispatch
import Foundations
import Synchronization

/// What a ``PackPipeline`` hands on.
package protocol FillablePack: AnyObject, Sendable {
    init()
    /// Whether more can be added.
    var hasRoom: Bool { get }
    /// Removes all that was added.
    func clear()
    /// Takes over what was added to another pack, if it fits.
    func absorb(_ other: Self) -> Bool
}

/// Hands packs from the threads that fill them to a thread that inserts them.
///
/// A bounded number of packs is in memory: threads that fill them faster than they are inserted wait. Knows nothing of
/// databases: what inserting is, and whether somebody else waits for the lock meanwhile, it is told.
package final class PackPipeline<Pack: FillablePack>: Sendable {
    /// Who inserts, and when.
    package enum Mode: Hashable, Sendable {
        /// The thread that fills the last pack of a batch; for work that stays behind other work.
        case serial
        /// A thread of its own, a batch at a time.
        case gathering
        /// A thread of its own, pack by pack: batches take more packs as they come, until somebody waits for the lock.
        /// From then on as ``gathering``.
        case eager
    }

    private struct Packs {
        /// With room, and nobody adding to them.
        var open: [Pack] = []
        var empty: [Pack] = []
        /// In the order in which they are inserted.
        var full: [Pack] = []
        var isWriting = false
        var isFinished = false
        var failure: (any Error)?
    }

    /// Packs of one batch.
    static var packsPerBatch: Int { 8 }

    private let mode: Mode
    private let packLimit: Int
    private let isContended: @Sendable () -> Bool
    private let pause: @Sendable () -> Void
    private let insert: @Sendable (Batch) throws -> Void
    private let packs = Mutex(Packs())
    /// Open packs, and those that may still be made.
    private let available: DispatchSemaphore
    /// Full packs, and the end.
    private let filled = DispatchSemaphore(value: 0)
    private let writer = DispatchQueue(label: "modelreg.writer")

    /// - Parameters:
    ///   - threadCount: Threads that add at once, at most.
    ///   - isContended: Whether somebody else waits for the lock that inserting takes.
    ///   - pause: Called between two batches.
    ///   - insert: Inserts the packs of a batch, which ``Batch/next()`` returns one by one, in a transaction. Called on one
    ///     thread at a time.
    package init(
        mode: Mode, threadCount: Int, isContended: @escaping @Sendable () -> Bool,
        pause: @escaping @Sendable () -> Void, insert: @escaping @Sendable (Batch) throws -> Void
    ) {
        self.mode = mode
        self.isContended = isContended
        self.pause = pause
        self.insert = insert
        packLimit = 2 * Self.packsPerBatch + threadCount
        available = DispatchSemaphore(value: packLimit)
    }

    deinit {
        // A semaphore must not go with a lower value than it came with.
        for _ in 0..<packLimit { available.signal() }
    }

    // MARK: Filling

    /// Calls `fill` with a pack that has room.
    ///
    /// - Throws: What `fill` threw, or what inserting earlier packs did.
    package func add(_ fill: (Pack) throws -> Void) throws {
        let pack = try openPack()
        defer { give(pack) }
        try fill(pack)
    }

    private func openPack() throws -> Pack {
        available.wait()
        do {
            return try packs.withLock { packs in
                if let failure = packs.failure { throw failure }
                return packs.open.popLast() ?? packs.empty.popLast() ?? Pack()
            }
        } catch {
            available.signal()
            throw error
        }
    }

    private func give(_ pack: Pack) {
        let (isFull, startsWriter) = packs.withLock { packs in
            guard !pack.hasRoom else {
                packs.open.append(pack)
                return (false, false)
            }
            packs.full.append(pack)
            guard mode != .serial else { return (true, packs.full.count >= Self.packsPerBatch) }
            defer { packs.isWriting = true }
            return (true, !packs.isWriting)
        }
        guard isFull else {
            available.signal()
            return
        }
        filled.signal()
        guard startsWriter else { return }
        if mode == .serial {
            insertBatch()
        } else {
            writer.async {
                // Without a pause between two, others who are there would wait for all of them.
                while self.insertBatch() { self.pause() }
            }
        }
    }

    // MARK: Inserting

    /// Waits until all full packs have been inserted.
    ///
    /// - Returns: The packs that are left, to be inserted by the caller.
    /// - Throws: What inserting threw.
    package func finish() throws -> [Pack] {
        end()
        return try packs.withLock { packs in
            if let failure = packs.failure { throw failure }
            // Each thread has filled its own: they are joined where they fit.
            var rest = packs.full
            for pack in packs.open where !rest.contains(where: { $0.absorb(pack) }) { rest.append(pack) }
            return rest
        }
    }

    /// Waits until nothing is being inserted any more; packs that are not inserted yet are dropped.
    package func abandon() {
        packs.withLock { $0.full = [] }
        end()
    }

    private func end() {
        packs.withLock { $0.isFinished = true }
        filled.signal()
        writer.sync {}
    }

    /// Inserts packs in one transaction.
    ///
    /// - Returns: Whether more may come.
    @discardableResult private func insertBatch() -> Bool {
        let isEager = mode == .eager && !isContended()
        var gathered: [Pack] = []
        while gathered.count < (isEager ? 1 : Self.packsPerBatch), let pack = fullPack(until: .distantFuture) {
            gathered.append(pack)
        }
        guard !gathered.isEmpty else { return false }
        let batch = Batch(self, gathered, isEager: isEager)
        do {
            if let failure = packs.withLock({ $0.failure }) { throw failure }
            try insert(batch)
        } catch {
            packs.withLock { $0.failure = $0.failure ?? error }
        }
        batch.end()
        return packs.withLock { !$0.isFinished || !$0.full.isEmpty }
    }

    /// Waits for a full pack.
    ///
    /// - Returns: `nil` where there is none in time, or none is to come.
    private func fullPack(until deadline: DispatchTime) -> Pack? {
        guard filled.wait(timeout: deadline) == .success else { return nil }
        let pack = packs.withLock { $0.full.isEmpty ? nil : $0.full.removeFirst() }
        // The end stays the end.
        if pack == nil { filled.signal() }
        return pack
    }

    private func takeBack(_ pack: Pack) {
        pack.clear()
        packs.withLock { $0.empty.append(pack) }
        available.signal()
    }

    /// The packs of one transaction.
    package final class Batch {
        private let pipeline: PackPipeline
        private var packs: [Pack]
        /// The pack that is being inserted.
        private var current: Pack?
        /// Whether more packs are taken as they come.
        package let isEager: Bool
        /// When an eager transaction lets others have the lock.
        private let deadline = DispatchTime.now() + LockPolicy.eagerSeconds

        fileprivate init(_ pipeline: PackPipeline, _ packs: [Pack], isEager: Bool) {
            self.pipeline = pipeline
            self.packs = packs
            self.isEager = isEager
        }

        /// The next pack to insert, once the one before is inserted; `nil` when it is time to commit.
        package func next() -> Pack? {
            giveBackCurrent()
            current = packs.isEmpty ? more() : packs.removeFirst()
            return current
        }

        private func more() -> Pack? {
            guard isEager, !pipeline.isContended(), DispatchTime.now() < deadline else { return nil }
            return pipeline.fullPack(until: deadline)
        }

        private func giveBackCurrent() {
            if let current { pipeline.takeBack(current) }
            current = nil
        }

        fileprivate func end() {
            giveBackCurrent()
            for pack in packs { pipeline.takeBack(pack) }
            packs = []
        }
    }
}
