import Dispatch
import Foundations
import Synchronization
import Testing

struct ThrottledProgressTests {
    @Test func numbersRiseToTheTotalOnAllThreads() {
        let counts = (threads: 8, each: 25)
        let total = counts.threads * counts.each
        for _ in 0..<500 {
            let calls = Mutex<[Int]>([])
            let spinner = Atomic(0)
            let progress = ThrottledProgress(
                { done, _ in
                    // Time for another thread to overtake this one.
                    for _ in 0..<2000 { _ = spinner.load(ordering: .relaxed) }
                    calls.withLock { $0.append(done) }
                }, total: total)
            DispatchQueue.concurrentPerform(iterations: counts.threads) { _ in
                for _ in 0..<counts.each { progress.add(1) }
            }
            let numbers = calls.withLock { $0 }
            #expect(numbers.last == total)
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy(<))
        }
    }

    @Test func aHandlerIsCalledByOneThreadAtATime() {
        let running = Atomic(0)
        let most = Atomic(0)
        let progress = ThrottledProgress(
            { _, _ in
                most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                running.subtract(1, ordering: .relaxed)
            }, total: 10_000)
        DispatchQueue.concurrentPerform(iterations: 10_000) { _ in progress.add(1) }
        #expect(most.load(ordering: .relaxed) == 1)
    }

    @Test func itReportsAtMostAFewHundredTimes() {
        let calls = Atomic(0)
        let progress = ThrottledProgress(
            { _, _ in calls.add(1, ordering: .relaxed) }, total: 1_000_000)
        for _ in 0..<1_000_000 { progress.add(1) }
        #expect(calls.load(ordering: .relaxed) <= 201)
    }

    @Test func moreThanTheTotalIsReportedAsTheTotal() {
        let calls = Mutex<[Int]>([])
        let progress = ThrottledProgress({ done, _ in calls.withLock { $0.append(done) } }, total: 3)
        progress.add(5)
        progress.add(2)
        #expect(calls.withLock { $0 }.allSatisfy { $0 == 3 })
    }
}
