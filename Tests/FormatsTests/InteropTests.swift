import Checkpoints
import Formats
import Foundation
import Foundations
import Testing

/// A Python with torch, safetensors and numpy, from `MODELREG_PYTHON`; interoperability is tested where there is one.
private let python = ProcessInfo.processInfo.environment["MODELREG_PYTHON"]

/// Random checkpoints by PyTorch, safetensors and NumPy, read and written here, compared there.
struct InteropTests {
    @Test(.enabled(if: python != nil, "set MODELREG_PYTHON to a Python with torch, safetensors and numpy"))
    func realLibrariesReadBackWhatTheyWrote() throws {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["MODELREG_SEED"] ?? "1"
        let count = environment["MODELREG_CASES"] ?? "100"
        let folder = temporaryPath()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { remove(folder) }
        try run("generate", folder, count, seed)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let format = try #require(FileFormat(rawValue: String(name.split(separator: ".").last ?? "")))
            let file = try CheckpointFile.read(path: "\(folder)/\(name)")
            #expect(file.format == format)
            try CheckpointFile.write(
                file.checkpoint, to: "\(folder)/\(name).out", as: format, metadata: file.metadata)
        }
        try run("compare", folder)
    }

    @Test(.enabled(if: python != nil, "set MODELREG_PYTHON to a Python with torch and numpy"))
    func objectsComeBackAsPythonWroteThem() throws {
        let environment = ProcessInfo.processInfo.environment
        let folder = temporaryPath()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { remove(folder) }
        let count = environment["MODELREG_CASES"] ?? "100"
        try run(script: "objects.py", "generate", folder, count, environment["MODELREG_SEED"] ?? "1")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            let file = try CheckpointFile.read(path: "\(folder)/\(name)")
            try CheckpointFile.write(file.checkpoint, to: "\(folder)/\(name).out", as: .pytorch)
            let risk = file.pickledNames.map(\.risk).max() ?? .harmless
            try Data(risk.rawValue.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).risk"))
        }
        try run(script: "objects.py", "compare", folder)
    }

    private func run(script: String = "interop.py", _ arguments: String...) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Interop/\(script)").standardized.path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(python))
        process.arguments = [script] + arguments
        let output = Pipe()
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(arguments): \(text)")
    }
}
