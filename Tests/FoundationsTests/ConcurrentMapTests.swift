import Dispatch
import Foundations
import Synchronization
import Testing

struct ConcurrentMapTests {
    private struct Failure: Error {}

    @Test(arguments: [nil, 1, 2, 7]) func resultsAreInOrder(_ limit: Int?) throws {
        func squares() -> [Int] { ConcurrentMap.map(Array(0..<1000)) { $0 * $0 } }
        let found = limit.map { ConcurrentMap.withThreadLimit($0, squares) } ?? squares()
        #expect(found == (0..<1000).map { $0 * $0 })
    }

    @Test func aLimitOfOneStaysOnItsThread() {
        let order = Mutex<[Int]>([])
        ConcurrentMap.withThreadLimit(1) {
            ConcurrentMap.forEach(Array(0..<100)) { index in order.withLock { $0.append(index) } }
        }
        #expect(order.withLock { $0 } == Array(0..<100))
    }

    @Test func noMoreRunAtOnceThanTheLimit() {
        let running = Atomic(0)
        let most = Atomic(0)
        ConcurrentMap.withThreadLimit(2) {
            ConcurrentMap.forEach(Array(0..<200)) { _ in
                let now = running.add(1, ordering: .relaxed).newValue
                most.max(now, ordering: .relaxed)
                for _ in 0..<1000 { _ = running.load(ordering: .relaxed) }
                running.subtract(1, ordering: .relaxed)
            }
        }
        #expect((1...2).contains(most.load(ordering: .relaxed)))
    }

    @Test(arguments: [nil, 1, 2]) func errorsAreThrown(_ limit: Int?) {
        func fail() throws { try ConcurrentMap.forEach(Array(0..<10)) { if $0 == 5 { throw Failure() } } }
        #expect(throws: Failure.self) {
            if let limit { try ConcurrentMap.withThreadLimit(limit, fail) } else { try fail() }
        }
    }
}
