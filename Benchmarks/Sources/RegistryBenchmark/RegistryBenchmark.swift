import Dispatch
import Foundation
import Foundations
import ModelReg

/// Times the library from within a process, for `registry_peers.py`. Prints seconds, one number a line.
///
///     RegistryBenchmark save FILE REGISTRY          a checkpoint in memory, at each line of standard input
///     RegistryBenchmark unchanged FILE REGISTRY     the same again; then SHA-256 of its bytes alone, on all cores
///     RegistryBenchmark open FILE RUNS              a file's tensors, by name, without their bytes
///     RegistryBenchmark load REFERENCE REGISTRY [RUNS]
///     RegistryBenchmark read REFERENCE PATH REGISTRY SECONDS    one tensor, again and again: each one's seconds
@main enum RegistryBenchmark {
    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "save" where arguments.count == 3: try save(arguments[1], into: arguments[2])
        case "open" where arguments.count == 3:
            for _ in 0..<(Int(arguments[2]) ?? 1) {
                var file: CheckpointFile?
                try time { file = try CheckpointFile.read(path: arguments[1]) }
                precondition(file != nil, "nothing was read")
            }
        case "unchanged" where arguments.count == 3: try saveUnchanged(arguments[1], into: arguments[2])
        case "load" where arguments.count >= 3:
            try load(arguments[1], from: arguments[2], runs: arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1)
        case "read" where arguments.count == 5:
            try read(arguments[1], arguments[2], from: arguments[3], seconds: Double(arguments[4]) ?? 1)
        default: print("usage: RegistryBenchmark save|open|unchanged|load|read …; see the source")
        }
    }

    /// The tensors of a file, in memory of their own.
    private static func weights(_ path: String) throws -> StateDict {
        let checkpoint = try CheckpointFile.read(path: path).checkpoint
        var weights = StateDict()
        for (name, tensor) in try StateDict(checkpoint: checkpoint) {
            let storage = Storage(uninitializedByteCount: tensor.byteCount)
            storage.withUnsafeMutableBytes { tensor.copyPackedBytes(into: $0) }
            weights[name] = try Tensor(storage: storage, dtype: tensor.dtype, shape: tensor.shape)
        }
        return weights
    }

    /// Saves at each line of standard input, into a registry that is not there yet: as a training run does, whose
    /// process lives on.
    private static func save(_ file: String, into path: String) throws {
        let weights = try weights(file)
        while readLine() != nil {
            try time {
                _ = try Registry(path: path, packsInBackground: false).save(weights, as: "m", message: "")
            }
            fflush(nil)
        }
    }

    private static func saveUnchanged(_ file: String, into path: String) throws {
        let weights = try weights(file)
        let registry = try Registry(path: path, packsInBackground: false)
        try registry.save(weights, as: "m", message: "")
        try time { _ = try registry.save(weights, as: "m", message: "again") }
        let parts = weights.tensors.values.flatMap { tensor in
            stride(from: 0, to: tensor.byteCount, by: 1 << 20).map { Part(tensor: tensor, start: $0) }
        }
        time {
            ConcurrentMap.forEach(parts) { part in
                part.tensor.withUnsafeBytes { bytes in
                    let end = min(part.start + 1 << 20, bytes.count)
                    _ = ContentID(hashing: UnsafeRawBufferPointer(rebasing: bytes[part.start..<end]))
                }
            }
        }
    }

    /// A chunk's worth of a tensor that nobody writes to.
    private struct Part: @unchecked Sendable {
        let tensor: Tensor
        let start: Int
    }

    private static func load(_ reference: String, from path: String, runs: Int) throws {
        let registry = try Registry(path: path, create: false, packsInBackground: false)
        for _ in 0..<runs {
            try time {
                let weights: StateDict = try registry.load(reference)
                precondition(weights.count > 0, "nothing was loaded")
            }
        }
    }

    private static func read(_ reference: String, _ path: String, from file: String, seconds: Double) throws {
        let registry = try Registry(path: file, create: false, waitSeconds: 60, packsInBackground: false)
        let end = DispatchTime.now().uptimeNanoseconds + UInt64(seconds * 1e9)
        while DispatchTime.now().uptimeNanoseconds < end {
            try time { let _: StateDict = try registry.load(reference, only: [path]) }
        }
    }

    private static func time(_ body: () throws -> Void) rethrows {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        print(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
    }
}
