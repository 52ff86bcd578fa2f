import Foundation
import Foundations
import Testing

/// Ctrl-C and its relatives.
@Suite struct SignalTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private func temporaryFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: workspace.folder.path)
            .filter { $0.hasPrefix(".modelreg-") }
    }

    /// The processes of tests are started with all signals blocked, by threads that block them.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalsEndACommandThatLeavesNoTemporaryFile(signal: Int32) throws {
        try workspace.write(randomFile(byteCount: 64 << 20), to: "w.safetensors")
        try workspace.succeed("save w.safetensors m")

        var stopCount = 0
        for _ in 0..<4 {
            let running = try workspace.start("exec modelreg load m -o back.safetensors --force")
            try running.wait { try !temporaryFiles().isEmpty }
            kill(running.process.processIdentifier, signal)
            let outcome = try running.wait()
            // A fast machine may be done before.
            if running.process.terminationReason == .uncaughtSignal {
                #expect(outcome.status == signal)
                #expect(outcome.errors == "modelreg: interrupted; what is saved is unharmed\n")
                stopCount += 1
            } else {
                #expect(outcome.status == 0)
            }
            #expect(try temporaryFiles() == [])
        }
        #expect(stopCount > 0)
        try workspace.succeed("verify")
    }

    /// The journal of the unfinished registry stayed.
    @Test func aStoppedExportLeavesNoJournal() throws {
        try workspace.write(randomFile(byteCount: 96 << 20), to: "w.safetensors")
        try workspace.succeed("save w.safetensors m")
        let running = try workspace.start("exec modelreg export m -o out.db")
        try running.wait { try temporaryFiles().contains { $0.hasSuffix("-journal") } }
        kill(running.process.processIdentifier, SIGTERM)
        // A fast machine may be done before.
        #expect([0, SIGTERM].contains(try running.wait().status))
        #expect(try temporaryFiles() == [])
    }

    private func randomFile(byteCount: Int) throws -> Data {
        var file = Data(
            "{\"w\":{\"dtype\":\"U8\",\"shape\":[\(byteCount)],\"data_offsets\":[0,\(byteCount)]}}".utf8)
        file = withUnsafeBytes(of: UInt64(file.count).littleEndian) { Data($0) } + file
        let random = try #require(FileHandle(forReadingAtPath: "/dev/urandom"))
        file.append(try #require(try random.read(upToCount: byteCount)))
        return file
    }
}
