import Foundation
import Foundations
import Testing

/// Several processes at one registry, and processes that die.
@Suite struct ProcessTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// A safetensors file of one float32 tensor that does not compress to nothing.
    ///
    /// - Parameter version: Those of one seed differ in the lowest bits of their numbers.
    private func writeCheckpoint(_ name: String, megabytes: Int, seed: UInt64, version: UInt32 = 0) throws {
        var state = seed
        let count = megabytes << 18
        var data = Data(
            "{\"w\":{\"dtype\":\"F32\",\"shape\":[\(count)],\"data_offsets\":[0,\(4 * count)]}}".utf8)
        data.append(Data(repeating: 0x20, count: (8 - data.count % 8) % 8))
        var file = withUnsafeBytes(of: UInt64(data.count).littleEndian) { Data($0) } + data
        let numbers = (0..<count).map { _ -> UInt32 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: state >> 33) & 0xBFFF_FFFF &+ version &* UInt32(state >> 60)
        }
        file.append(numbers.withUnsafeBytes { Data($0) })
        try workspace.write(file, to: name)
    }

    @Test func processesThatSaveAtOnceAllSucceed() throws {
        for index in 0..<4 {
            try writeCheckpoint("w\(index).safetensors", megabytes: 3, seed: UInt64(index / 2))
        }
        let running = try (0..<4).map {
            try workspace.start("modelreg save w\($0).safetensors shared --wait 60")
        }
        for process in running {
            let outcome = try process.wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let log = try workspace.shell("modelreg log shared --json | grep '\"version\"' | sort")
        #expect(log.output.split(separator: "\n").count == 4)
        #expect(try workspace.modelreg("verify").output.hasPrefix("ok: 4 versions, 2 tensors, "))
    }

    @Test func killedSaveLeavesTheOldStateOrTheNewOne() throws {
        try writeCheckpoint("first.safetensors", megabytes: 2, seed: 99)
        #expect(try workspace.modelreg("save first.safetensors m").status == 0)
        try writeCheckpoint("big.safetensors", megabytes: 96, seed: 7)
        var killCount = 0
        for commits in [0, 0, 1, 1, 2, 2] {
            if try workspace.killed("save big.safetensors m", afterCommits: commits) { killCount += 1 }
            let verified = try workspace.modelreg("verify")
            #expect(verified.status == 0, "after \(commits) transactions: \(verified.output)\(verified.errors)")
            #expect(try workspace.modelreg("load m:v1 -o back.safetensors --force").status == 0)
            #expect(try workspace.bytes("back.safetensors") == workspace.bytes("first.safetensors"))
        }
        // A fast machine may have ended before a third transaction, or be done before we look.
        #expect(killCount >= 2)
        // What dead saves left behind is garbage, and the next save is whole.
        #expect(try workspace.modelreg("gc").status == 0)
        #expect(try workspace.modelreg("save big.safetensors m").status == 0)
        #expect(try workspace.modelreg("verify").status == 0)
    }

    @Test func killedPackingLeavesOldEncodingsOrNewOnes() throws {
        for version in 0..<4 {
            try writeCheckpoint("v\(version).safetensors", megabytes: 24, seed: 5, version: UInt32(version))
            #expect(try workspace.modelreg("save v\(version).safetensors m --no-pack").status == 0)
        }
        func deltaCount() throws -> Int? {
            let outcome = try workspace.shell(
                "sqlite3 modelreg.db 'SELECT count(*) FROM chunk WHERE base IS NOT NULL'")
            return Int(outcome.output.split(separator: "\n").first ?? "")
        }
        var counts: [Int] = []
        // Each time one transaction is lost, and those before it stay, until there is nothing left to do.
        while try workspace.killed("pack", afterCommits: counts.isEmpty ? 0 : 2) {
            let verified = try workspace.modelreg("verify")
            #expect(verified.status == 0, "after \(counts): \(verified.output)\(verified.errors)")
            counts.append(try #require(try deltaCount()))
            try #require(counts.count < 100)
        }
        #expect(try workspace.modelreg("pack").status == 0)
        // None is unpacked again, and some were packed by a process that was killed.
        #expect(counts.first == 0 && counts == counts.sorted() && Set(counts).count > 1, "\(counts)")
        #expect(try deltaCount() == 72)
        for version in 0..<4 {
            #expect(try workspace.modelreg("load m:v\(version + 1) -o back.safetensors --force").status == 0)
            #expect(
                try workspace.bytes("back.safetensors") == workspace.bytes("v\(version).safetensors"))
        }
    }

    @Test func collectionBesideSavesHarmsNone() throws {
        for index in 0..<3 {
            try writeCheckpoint("w\(index).safetensors", megabytes: 48, seed: UInt64(100 + index))
        }
        let saves = try (0..<3).map { try workspace.start("modelreg save w\($0).safetensors m\($0) --wait 60") }
        while saves.contains(where: { $0.process.isRunning }) {
            #expect(try workspace.modelreg("gc --wait 60").status != 65)
        }
        for save in saves { #expect(try save.wait().status == 0) }
        #expect(try workspace.modelreg("verify").output.hasPrefix("ok: 3 versions, 3 tensors, "))
    }

    @Test func lockedRegistryIsBusyAfterTheWait() throws {
        _ = try workspace.modelreg("save Examples/data/x-file x")
        // Holds the lock from when `locked` is there until somebody writes to `release`.
        let lock = try workspace.start(
            "mkfifo release; sqlite3 modelreg.db 'BEGIN EXCLUSIVE' '.shell touch locked; read line < release' COMMIT"
        )
        #expect(try lock.wait { try workspace.names.contains("locked") })
        let outcome = try workspace.modelreg("save Examples/data/mydict y --wait 0.2")
        #expect(outcome.status == 75)
        #expect(
            outcome.errors
                == "modelreg: \"modelreg.db\" is in use by another process; waited 0.2 s (--wait waits longer)\n"
        )
        // And with patience it works.
        let patient = try workspace.start("modelreg save Examples/data/mydict y --wait 600")
        #expect(try workspace.shell("echo > release").status == 0)
        #expect(try patient.wait().status == 0)
        #expect(try lock.wait().status == 0)
    }

    @Test func fullDiskIsAnErrorAndLosesNothing() throws {
        _ = try workspace.modelreg("save Examples/data/x-file x")
        try writeCheckpoint("big.safetensors", megabytes: 8, seed: 3)
        // A limit on file size stands in for a full disk; the signal that comes with it is ignored, as a write error is wanted.
        let outcome = try workspace.shell("trap '' XFSZ; ulimit -f 2048; modelreg save big.safetensors big")
        #expect(outcome.status == 74, "\(outcome.status) \(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(try workspace.modelreg("verify").output.hasPrefix("ok: 1 version, 1 tensor"))
        let load = try workspace.shell(
            "modelreg save big.safetensors big; trap '' XFSZ; ulimit -f 2048; modelreg load big -o o.safetensors"
        )
        #expect(load.status == 74, "\(load.status) \(load.errors)")
        #expect(try workspace.names == ["big.safetensors", "modelreg.db"])
    }
}
