import PerturbedParallel
import Testing

@Suite(.serialized) struct ParallelTests {
    /// A worker that was late in one job took a part of the next, before its fields were all there: the part ran twice, and
    /// the caller went on while one was still running.
    @Test(arguments: [2, 4, 8]) func everyPartOfEveryJobRunsOnce(threadCount: Int) {
        perturbed_set_thread_count(Int32(threadCount))
        #expect(perturbed_wrong_jobs(10_000, 16) == 0)
    }
}
