import Foundation
import Testing

/// A temporary folder to run commands in, with the repository's `Examples` beside them.
final class Workspace {
    let folder: URL

    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Where SwiftPM puts executables: beside the test bundle.
    static let binaries: URL = {
        let tests = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
        return (tests ?? URL(filePath: CommandLine.arguments[0])).deletingLastPathComponent()
    }()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "modelreg-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: "Examples"),
            withDestinationURL: Workspace.repository.appending(path: "Examples"))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What a command printed, and how it ended.
    struct Outcome {
        let output: String
        let errors: String
        let status: Int32
    }

    /// Runs `modelreg` with arguments as a shell splits them.
    func modelreg(_ arguments: String) throws -> Outcome { try shell("modelreg \(arguments)") }

    /// Runs a line of shell, with `modelreg` on the path.
    func shell(_ line: String, environment: [String: String] = [:]) throws -> Outcome {
        let process = try start(line, environment: environment)
        return try process.wait()
    }

    /// Starts a line of shell without waiting for it. Output goes to files: a pipe that nobody reads would block.
    func start(_ line: String, environment: [String: String] = [:]) throws -> Running {
        let id = UUID().uuidString
        let files = (
            output: folder.appending(path: ".\(id).out.captured"),
            errors: folder.appending(path: ".\(id).err.captured")
        )
        try Data().write(to: files.output)
        try Data().write(to: files.errors)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", line]
        process.currentDirectoryURL = folder
        var variables = ProcessInfo.processInfo.environment
        variables["PATH"] = Workspace.binaries.path + ":" + (variables["PATH"] ?? "")
        variables["MODELREG_REGISTRY"] = nil
        variables.merge(environment) { $1 }
        process.environment = variables
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: files.output)
        process.standardError = try FileHandle(forWritingTo: files.errors)
        try process.run()
        return Running(process: process, output: files.output, errors: files.errors)
    }

    struct Running {
        let process: Process
        let output: URL
        let errors: URL

        func wait() throws -> Outcome {
            process.waitUntilExit()
            let outcome = Outcome(
                output: try String(contentsOf: output, encoding: .utf8),
                errors: try String(contentsOf: errors, encoding: .utf8), status: process.terminationStatus)
            try FileManager.default.removeItem(at: output)
            try FileManager.default.removeItem(at: errors)
            return outcome
        }
    }

    /// The bytes of a file in the folder.
    func bytes(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

    /// Makes a file in the folder.
    func write(_ bytes: Data, to name: String) throws { try bytes.write(to: folder.appending(path: name)) }

    /// The names of files in the folder, without those that the workspace itself made.
    var names: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0 != "Examples" && !$0.hasSuffix(".captured") }.sorted()
        }
    }

    /// The names of files that are being written, and have no name of their own yet.
    var temporaryNames: [String] {
        get throws { try names.filter { $0.hasPrefix(".modelreg-") } }
    }
}
