import ChunkStore
import Dispatch
import Foundations
import Synchronization
import Testing

/// A pack that holds numbers; full with four.
private final class StubPack: FillablePack {
    private let numbers = Mutex<[Int]>([])

    var all: [Int] { numbers.withLock { $0 } }
    var hasRoom: Bool { all.count < 4 }

    func add(_ number: Int) { numbers.withLock { $0.append(number) } }

    func clear() { numbers.withLock { $0.removeAll() } }

    func absorb(_ other: StubPack) -> Bool {
        let more = other.all
        return numbers.withLock { numbers in
            guard numbers.count + more.count <= 4 else { return false }
            numbers += more
            return true
        }
    }
}

private struct StubError: Error {}

/// What was inserted, batch by batch, by way of a stub instead of a database.
private final class StubStore: Sendable {
    private let state = Mutex((batches: [[Int]](), isInserting: false, overlaps: 0))
    let isContended = Atomic(false)
    let pauses = Atomic(0)
    /// The batch that throws, counted from 0.
    let failingBatch: Int?

    init(failingBatch: Int? = nil) { self.failingBatch = failingBatch }

    var batches: [[Int]] { state.withLock { $0.batches } }
    var overlaps: Int { state.withLock { $0.overlaps } }

    func insert(_ batch: PackPipeline<StubPack>.Batch) throws {
        let number = state.withLock { state in
            if state.isInserting { state.overlaps += 1 }
            state.isInserting = true
            state.batches.append([])
            return state.batches.count - 1
        }
        defer { state.withLock { $0.isInserting = false } }
        if number == failingBatch { throw StubError() }
        while let pack = batch.next() { state.withLock { $0.batches[number] += pack.all } }
    }
}

struct PackPipelineTests {
    enum Kind: CaseIterable {
        case serial
        case gathering
        case eager
        case contended

        fileprivate var mode: PackPipeline<StubPack>.Mode {
            switch self {
            case .serial: .serial
            case .gathering: .gathering
            case .eager, .contended: .eager
            }
        }
    }

    private func pipeline(_ kind: Kind, _ store: StubStore) -> PackPipeline<StubPack> {
        store.isContended.store(kind == .contended, ordering: .relaxed)
        return PackPipeline(
            mode: kind.mode, threadCount: 3, isContended: { store.isContended.load(ordering: .relaxed) },
            pause: { store.pauses.add(1, ordering: .relaxed) }, insert: store.insert)
    }

    /// Full packs, and one that is not, are all inserted once, in every mode: with more batches than one, and on the
    /// thread that adds as well.
    @Test(arguments: Kind.allCases, [0, 1, 8, 9, 17, 40])
    func insertsAllThatWasAdded(_ kind: Kind, packCount: Int) throws {
        let store = StubStore()
        let pipeline = pipeline(kind, store)
        let numbers = 0..<4 * packCount + 3
        for number in numbers { try pipeline.add { $0.add(number) } }
        let rest = try pipeline.finish().flatMap(\.all)
        #expect((store.batches.joined() + rest).sorted() == Array(numbers))
        #expect(store.overlaps == 0)
        if kind != .eager { #expect(store.batches.allSatisfy { $0.count <= 4 * 8 }) }
        // What fills a batch does not wait for the end.
        if kind == .serial { #expect(store.batches.count == packCount / 8) }
    }

    @Test(arguments: [Kind.gathering, .eager, .contended], [0, 1, 8, 9, 17, 200])
    func insertsWhatManyThreadsAdd(_ kind: Kind, packCount: Int) throws {
        let store = StubStore()
        let pipeline = pipeline(kind, store)
        let count = 4 * packCount
        let failures = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 3) { thread in
            for number in stride(from: thread, to: count, by: 3) {
                do { try pipeline.add { $0.add(number) } } catch { failures.add(1, ordering: .relaxed) }
            }
        }
        let rest = try pipeline.finish()
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect((store.batches.joined() + rest.flatMap(\.all)).sorted() == Array(0..<count))
        #expect(store.overlaps == 0)
        // Packs that are left are joined: no two of them fit into one.
        #expect(rest.filter { $0.all.count <= 2 }.count <= 1)
    }

    /// A failed insert is thrown to whoever adds next, or at the end, and nobody waits for ever.
    @Test(arguments: Kind.allCases, [1, 8, 9, 17, 40])
    func throwsWhatInsertingThrew(_ kind: Kind, packCount: Int) {
        let store = StubStore(failingBatch: 0)
        let pipeline = pipeline(kind, store)
        #expect(throws: StubError.self) {
            for number in 0..<4 * packCount { try pipeline.add { $0.add(number) } }
            let rest = try pipeline.finish()
            // Fewer packs than a batch are left to the caller where the adding thread inserts.
            if kind == .serial && packCount < 8 {
                #expect(rest.count == packCount)
                throw StubError()
            }
        }
        #expect(store.batches.joined().isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func goesOnAfterAFailureToFillAPack(_ kind: Kind) throws {
        let store = StubStore()
        let pipeline = pipeline(kind, store)
        for number in 0..<40 {
            #expect(throws: StubError.self) { try pipeline.add { _ in throw StubError() } }
            try pipeline.add { $0.add(number) }
        }
        let rest = try pipeline.finish()
        #expect((store.batches.joined() + rest.flatMap(\.all)).sorted() == Array(0..<40))
    }

    /// Somebody who waits for the lock ends an eager batch, and later ones gather first.
    @Test func givesWayToOthers() throws {
        let store = StubStore()
        let pipeline = pipeline(.eager, store)
        for number in 0..<4 * 8 { try pipeline.add { $0.add(number) } }
        store.isContended.store(true, ordering: .relaxed)
        for number in 4 * 8..<4 * 40 { try pipeline.add { $0.add(number) } }
        let rest = try pipeline.finish()
        #expect((store.batches.joined() + rest.flatMap(\.all)).sorted() == Array(0..<4 * 40))
        #expect(store.batches.count > 1)
        #expect(store.pauses.load(ordering: .relaxed) >= store.batches.count - 1)
    }

    @Test(arguments: Kind.allCases)
    func dropsWhatIsLeftWhenAbandoned(_ kind: Kind) throws {
        let store = StubStore()
        let pipeline = pipeline(kind, store)
        for number in 0..<4 * 20 { try pipeline.add { $0.add(number) } }
        pipeline.abandon()
        let count = store.batches.count
        #expect(store.batches.joined().allSatisfy { $0 < 4 * 20 })
        #expect(store.batches.count == count)
    }
}
