import Checkpoints
import Foundation
import Foundations
import GRDB
import ModelRegistry
import Tensors
import Testing

/// A packed registry read by `Tests/Interop/read_registry.py`, which knows only what `docs/` says.
struct IndependentReaderTests {
    private static let interop = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Interop")

    /// A Python with NumPy and zstandard: `MODELREG_PYTHON`, or the first on the path.
    private static let python: String? = {
        let name = ProcessInfo.processInfo.environment["MODELREG_PYTHON"] ?? "python3"
        let isComplete = try? run(name, ["-c", "import numpy, zstandard"]).status == 0
        return isComplete == true ? name : nil
    }()

    @Test(
        .enabled(if: python != nil, "needs python3 with numpy and zstandard; MODELREG_PYTHON names another"))
    func pythonReadsWhatTheLibraryLoads() throws {
        let training = try TrainingRun(weightCount: 300_000)
        try training.save(4)
        let storage = Tensor([Float](repeating: 3, count: 20))
        let views: StateDict = [
            "all": storage,
            "part": try Tensor(
                storage: storage.storage, dtype: .float32, shape: [2, 3], strides: [1, 5], offset: 2),
            "integers": Tensor((0..<5000).map { Int64($0 * $0) }), "empty": Tensor([Float]()),
        ]
        try training.registry.save(views, as: "views", message: "")
        let deltaCount = try training.sql { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM chunk WHERE base IS NOT NULL")
        }
        #expect(try #require(deltaCount) >= 9)
        let python = try #require(IndependentReaderTests.python)
        let script = IndependentReaderTests.interop.appending(path: "read_registry.py").path
        let outcome = try IndependentReaderTests.run(python, [script, training.registry.path])
        #expect(outcome.status == 0, "\(outcome.errors)")
        var expected: [String] = []
        for reference in ["m:v1", "m:v2", "m:v3", "m:v4", "views:v1"] {
            let weights: StateDict = try training.registry.load(reference)
            for (name, tensor) in weights {
                let shape = "[\(tensor.shape.map(String.init).joined(separator: ","))]"
                let hash = ContentID(hashing: tensor.bytes).hex
                expected.append("\(reference) \"\(name)\" \(tensor.dtype) \(shape) \(hash)")
            }
        }
        #expect(outcome.output.split(separator: "\n").map(String.init) == expected)
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> (
        status: Int32, output: String, errors: String
    ) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        var environment = ProcessInfo.processInfo.environment
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        process.environment = environment
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let outputData = try output.fileHandleForReading.readToEnd() ?? Data()
        let errorData = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: outputData, as: UTF8.self),
            String(decoding: errorData, as: UTF8.self)
        )
    }
}
