import Dispatch
import Foundation
import ModelReg
import NN
import Tensors

/// What a checkpointer costs a training loop, as ratios of figures of the same run:
///
/// - *blocked*: the time that `Checkpointer.save` keeps the loop waiting, to the time that `Registry.save` of the same
///   state takes, on all cores. Target: 0.15 at most.
/// - *slowed*: the median time of a training step while a checkpoint is encoded and written, to that of steps before and
///   after it, with the engine on one thread. Target: 1.10 at most, where there is a spare core.
/// - *computing*: the same of the processor time that the training thread takes, which waiting for a processor is no part
///   of: where other programs keep the machine busy there is no spare core, and *slowed* is about them.
///
///     CheckpointerBenchmark [ROUNDS] [WIDTH]     7 rounds, layers of 1536: 113 MB with the state of AdamW
@main enum CheckpointerBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        let rounds = arguments.first ?? 7
        let width = arguments.dropFirst().first ?? 1536
        Compute.threadCount = 1
        let run = Run(width: width)
        for _ in 0..<3 { run.step() }

        let folder = FileManager.default.temporaryDirectory.appending(path: "checkpointer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let registry = try Registry(path: folder.appending(path: "r.db").path, packsInBackground: false)
        let checkpointer = try Checkpointer(
            registry: registry, model: "background", report: Checkpointer.standardReport)

        var result = Measurements()
        for round in 0...rounds {
            // The first round fetches memory and files from the system; later ones are what training sees.
            let isWarm = round > 0
            run.step()
            let synchronous = try seconds {
                try registry.save(run.state.checkpoint(at: .init(step: round)), as: "now", message: "")
            }
            var idle = (0..<4).map { _ in StepTime { run.step() } }
            let blocked = try seconds { try checkpointer.save(run.state, step: round) }
            let before = checkpointer.lastVersion?.number ?? 0
            var busy: [StepTime] = []
            while true {
                let time = StepTime { run.step() }
                // A step at whose end the checkpoint was written already was not slowed all the time.
                guard (checkpointer.lastVersion?.number ?? 0) == before else { break }
                busy.append(time)
            }
            try checkpointer.wait()
            idle += (0..<4).map { _ in StepTime { run.step() } }
            guard isWarm else { continue }
            result.add(synchronous: synchronous, blocked: blocked, busy: busy, idle: idle)
        }
        try checkpointer.finish()
        result.show(byteCount: try registry.version("background").byteCount)
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }

    /// What a step takes, by the clock on the wall and of the thread's processor, in seconds.
    private struct StepTime {
        let wall: Double
        let processor: Double

        init(_ body: () -> Void) {
            let start = StepTime.threadSeconds
            wall = seconds(body)
            processor = StepTime.threadSeconds - start
        }

        private static var threadSeconds: Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
    }

    /// A network of some size with AdamW's state, and steps of a few tens of milliseconds.
    private final class Run {
        private let model: Sequential
        private let optimizer: AdamW
        private let x: Tensor
        let state: TrainingState

        init(width: Int) {
            model = Sequential(
                Linear(width, width), ReLU(), Linear(width, width), ReLU(), Linear(width, width), ReLU(),
                Linear(width, width))
            optimizer = AdamW(model.parameters())
            x = .randn([16, width])
            state = TrainingState(model, optimizer)
        }

        func step() {
            optimizer.zeroGrad()
            let y = model(x)
            (y * y).mean().backward()
            optimizer.step()
        }
    }

    private struct Measurements {
        private var synchronous: [Double] = []
        private var blocked: [Double] = []
        private var blockedRatios: [Double] = []
        private var busy: [Double] = []
        private var idle: [Double] = []
        private var slowedRatios: [Double] = []
        private var computingRatios: [Double] = []

        mutating func add(synchronous: Double, blocked: Double, busy: [StepTime], idle: [StepTime]) {
            self.synchronous.append(synchronous)
            self.blocked.append(blocked)
            blockedRatios.append(blocked / synchronous)
            self.busy += busy.map(\.wall)
            self.idle += idle.map(\.wall)
            guard !busy.isEmpty else { return }
            slowedRatios.append(median(busy.map(\.wall)) / median(idle.map(\.wall)))
            computingRatios.append(median(busy.map(\.processor)) / median(idle.map(\.processor)))
        }

        func show(byteCount: Int) {
            func line(_ name: String, _ values: [Double], _ unit: String, scale: Double = 1) {
                let sorted = values.sorted().map { $0 * scale }
                guard let first = sorted.first, let last = sorted.last else { return }
                print(
                    String(
                        format: "%-34@ %9.3f %@  (%.3f to %.3f, %d times)", name as NSString,
                        median(values) * scale,
                        unit as NSString, first, last, values.count))
            }
            print("checkpoint of \(byteCount / 1_000_000) MB, engine on 1 thread")
            line("synchronous save", synchronous, "ms", scale: 1e3)
            line("save of the checkpointer", blocked, "ms", scale: 1e3)
            line("blocked: ratio of these", blockedRatios, " ")
            line("training step, nothing else", idle, "ms", scale: 1e3)
            line("training step, while it is written", busy, "ms", scale: 1e3)
            line("slowed: ratio of these", slowedRatios, " ")
            line("computing: of processor time", computingRatios, " ")
        }

        private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    }
}
