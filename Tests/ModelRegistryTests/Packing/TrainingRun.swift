import Checkpoints
import Foundation
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// A registry file, and weights that change a little from version to version, as training changes them.
final class TrainingRun {
    let folder: URL
    let registry: Registry
    /// What was saved, version 1 first.
    private(set) var checkpoints: [StateDict] = []
    private var weights: [Float]
    private var generator: SeededGenerator

    /// Two and a half chunks.
    static let weightCount = 5 << 17

    init(seed: UInt64 = 1, weightCount: Int = TrainingRun.weightCount, packsInBackground: Bool = false) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "packing-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        registry = try Registry(
            path: folder.appending(path: "r.db").path, packsInBackground: packsInBackground)
        var generator = SeededGenerator(seed: seed)
        weights = (0..<weightCount).map { _ in TrainingRun.normal(&generator) * 0.02 }
        self.generator = generator
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Roughly normal; a sum of four.
    private static func normal(_ generator: inout SeededGenerator) -> Float {
        let bits = generator.next()
        return (0..<4).reduce(Float(0)) { sum, part in
            sum + Float(bits >> (16 * part) & 0xffff) / 0xffff - 0.5
        }
    }

    /// Trains a little: weights move, one tensor is all new, one stays.
    func step() -> StateDict {
        for index in weights.indices { weights[index] += TrainingRun.normal(&generator) * 2e-5 }
        let fresh = (0..<weights.count / 8).map { _ in TrainingRun.normal(&generator) }
        return [
            "weight": Tensor(weights), "fresh": Tensor(fresh), "bias": Tensor([Float](weights[..<100])),
            "constant": Tensor([Float](repeating: 1, count: 3000)),
        ]
    }

    /// Saves versions, packing after each.
    func save(_ count: Int, packs: Bool = true, as model: String = "m") throws {
        for _ in 0..<count {
            let checkpoint = step()
            checkpoints.append(checkpoint)
            try registry.save(checkpoint, as: model, message: "")
            if packs { try registry.packNewVersions(of: model) }
        }
    }

    /// Checks that versions load as they were saved, that all is well with the rows, and that depths are right.
    func check(
        _ numbers: [Int]? = nil, maximumDepth: Int = 8, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for number in numbers ?? Array(1...checkpoints.count) {
            let loaded: StateDict = try registry.load("m:v\(number)", verifiesHashes: true)
            let found = try differences(
                between: checkpoints[number - 1].checkpoint, and: loaded.checkpoint)
            #expect(found == [], "v\(number)", sourceLocation: sourceLocation)
        }
        #expect(try registry.verify().problems == [], sourceLocation: sourceLocation)
        let wrong = try sql { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM chunk LEFT JOIN chunk AS base ON base.id = chunk.base
                    WHERE chunk.depth <> ifnull(base.depth + 1, 0) OR chunk.depth > \(maximumDepth)
                    """)
        }
        #expect(wrong == 0, "depths", sourceLocation: sourceLocation)
        let empty = try sql { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM pack WHERE id NOT IN (SELECT pack FROM chunk)")
        }
        #expect(empty == 0, "empty packs", sourceLocation: sourceLocation)
    }

    /// Runs SQL as stock SQLite would, beside the registry.
    func sql<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try DatabaseQueue(path: registry.path).writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            return try body(db)
        }
    }

    /// Depth of the first chunk of a tensor in each version.
    func depths(of path: String, model: String = "m") throws -> [Int] {
        try sql { db in
            try Int.fetchAll(
                db,
                sql: """
                    SELECT chunk.depth FROM version JOIN model ON model.id = version.model
                    JOIN parameter ON parameter.version = version.id JOIN path ON path.id = parameter.path
                    JOIN tensor_chunk ON tensor_chunk.tensor = parameter.tensor AND tensor_chunk.ordinal = 0
                    JOIN chunk ON chunk.id = tensor_chunk.chunk
                    WHERE path.text = ? AND model.name = ? AND version.deleted_at IS NULL ORDER BY version.number
                    """,
                arguments: [path, model])
        }
    }

    var fileByteCount: Int {
        get throws {
            try FileManager.default.attributesOfItem(atPath: registry.path)[.size] as? Int ?? 0
        }
    }
}
