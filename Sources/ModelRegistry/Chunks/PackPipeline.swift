import Checkpoints
import Dispatch
import Foundations
import GRDB
import Glibc
import Synchronization

/// Fills packs with encoded chunks from several threads, and inserts full ones behind these threads' backs. A bounded
/// number of packs is in memory: who adds faster than packs are inserted waits.
///
/// Where nobody else uses the registry, packs are inserted as they come, many in one transaction, which is open all
/// the while. Where somebody does, the lock is held to insert only.
final class PackPipeline: Sendable {
    private struct Packs {
        /// With room for any chunk, and nobody adding to them.
        var open: [NewPack] = []
        var empty: [NewPack] = []
        /// In the order in which they are inserted.
        var full: [NewPack] = []
        var isWriting = false
        var isFinished = false
        var encodedByteCount = 0
        var failure: (any Error)?
    }

    private let insert: @Sendable (PackBatch) throws -> Void
    private let contention: LockContention?
    private let packs = Mutex(Packs())
    /// Open packs, and those that may still be made.
    private let available = DispatchSemaphore(value: packLimit)
    /// Full packs, and the end.
    private let filled = DispatchSemaphore(value: 0)
    private let writer = DispatchQueue(label: "modelreg.writer")
    /// Whether packs are inserted on the thread that adds to them: work that stays behind other work keeps to it.
    private let isSerial = ConcurrentMap.isSerial

    private static let packsPerBatch = PackTable.batchByteCount / PackTable.packByteCount
    private static let packLimit = 2 * packsPerBatch + max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// - Parameters:
    ///   - contention: Knows of others who use the registry; `nil` to insert as if there were some.
    ///   - insert: Calls ``PackBatch/insert(_:)`` in a transaction of its own; called on one thread at a time.
    init(contention: LockContention? = nil, insert: @escaping @Sendable (PackBatch) throws -> Void) {
        self.contention = contention
        self.insert = insert
    }

    deinit {
        // A semaphore must not go with a lower value than it came with.
        for _ in 0..<Self.packLimit { available.signal() }
    }

    // MARK: Adding

    /// Adds a chunk to a pack.
    ///
    /// - Parameter encode: As for ``NewPack/append(_:)``.
    /// - Throws: What `encode` threw, or what inserting earlier packs did.
    func add(
        _ encode: (UnsafeMutableRawBufferPointer) throws -> (chunk: NewChunk, byteCount: Int)
    ) throws {
        let pack = try openPack()
        let before = pack.byteCount
        defer { give(pack, added: pack.byteCount - before) }
        try pack.append(encode)
    }

    private func openPack() throws -> NewPack {
        available.wait()
        do {
            return try packs.withLock { packs in
                if let failure = packs.failure { throw failure }
                return packs.open.popLast() ?? packs.empty.popLast() ?? NewPack()
            }
        } catch {
            available.signal()
            throw error
        }
    }

    private func give(_ pack: NewPack, added byteCount: Int) {
        let (isFull, startsWriter) = packs.withLock { packs in
            packs.encodedByteCount += byteCount
            guard !pack.hasRoom else {
                packs.open.append(pack)
                return (false, false)
            }
            packs.full.append(pack)
            let isEnough = !isSerial || packs.full.count == Self.packsPerBatch
            defer { packs.isWriting = !isSerial }
            return (true, isEnough && !packs.isWriting)
        }
        guard isFull else {
            available.signal()
            return
        }
        filled.signal()
        guard startsWriter else { return }
        if isSerial {
            insertBatch()
        } else {
            writer.async {
                // Without a pause between two, others who are there would wait for the whole save.
                while self.insertBatch() { usleep(Registry.pauseMicroseconds) }
            }
        }
    }

    // MARK: Inserting

    /// Waits until all full packs are inserted.
    ///
    /// - Returns: The packs that are left, to be inserted by the caller, and the encoded bytes of all.
    /// - Throws: What inserting threw.
    func finish() throws -> (rest: [NewPack], encodedByteCount: Int) {
        packs.withLock { $0.isFinished = true }
        filled.signal()
        writer.sync {}
        return try packs.withLock { packs in
            if let failure = packs.failure { throw failure }
            // Each thread has filled its own: they are joined where they fit.
            var rest = packs.full
            for pack in packs.open {
                if !rest.contains(where: { $0.absorb(pack) }) { rest.append(pack) }
            }
            return (rest, packs.encodedByteCount)
        }
    }

    /// Waits until nothing is being inserted any more; what is not yet is dropped.
    func abandon() {
        packs.withLock { packs in
            packs.isFinished = true
            packs.full = []
        }
        filled.signal()
        writer.sync {}
    }

    /// Inserts packs in one transaction.
    ///
    /// - Returns: Whether more may come.
    @discardableResult private func insertBatch() -> Bool {
        let isEager = contention.map { !isSerial && !$0.isSeen } ?? false
        var gathered: [NewPack] = []
        while gathered.count < (isEager ? 1 : Self.packsPerBatch), let pack = fullPack(until: .distantFuture) {
            gathered.append(pack)
        }
        guard !gathered.isEmpty else { return false }
        let batch = PackBatch(self, gathered, isEager: isEager)
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
    fileprivate func fullPack(until deadline: DispatchTime) -> NewPack? {
        guard filled.wait(timeout: deadline) == .success else { return nil }
        let pack = packs.withLock { $0.full.isEmpty ? nil : $0.full.removeFirst() }
        // The end stays the end.
        if pack == nil { filled.signal() }
        return pack
    }

    fileprivate func takeBack(_ pack: NewPack) {
        pack.clear()
        packs.withLock { $0.empty.append(pack) }
        available.signal()
    }

    /// Whether somebody waits for the lock that an eager transaction holds.
    fileprivate var isContended: Bool { contention?.isSeen ?? true }
}

/// The packs of one transaction.
final class PackBatch {
    private let pipeline: PackPipeline
    private var packs: [NewPack]
    private let isEager: Bool
    /// When an eager transaction lets others have the lock.
    private let deadline = DispatchTime.now() + .milliseconds(100)

    /// - Parameter isEager: Whether to wait for more, and to have the disk begin with each pack at once.
    fileprivate init(_ pipeline: PackPipeline, _ packs: [NewPack], isEager: Bool) {
        self.pipeline = pipeline
        self.packs = packs
        self.isEager = isEager
    }

    /// Inserts the packs of the transaction.
    ///
    /// - Returns: What they have come to.
    func insert(_ db: Database) throws -> InsertedBytes {
        var inserted = InsertedBytes()
        if isEager { try PageCache.small.apply(db) }
        defer { if isEager { try? PageCache.large.apply(db) } }
        while let pack = next() {
            inserted += try pack.insert(db)
            if isEager { PackTable.writeBehind(db) }
            pipeline.takeBack(packs.removeFirst())
        }
        return inserted
    }

    private func next() -> NewPack? {
        if let pack = packs.first { return pack }
        guard isEager, !pipeline.isContended, DispatchTime.now() < deadline,
            let pack = pipeline.fullPack(until: deadline)
        else { return nil }
        packs.append(pack)
        return pack
    }

    /// Gives back what was not inserted.
    fileprivate func end() {
        for pack in packs { pipeline.takeBack(pack) }
        packs = []
    }
}
