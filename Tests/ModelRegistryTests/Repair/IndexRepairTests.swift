import Checkpoints
import ChunkStore
import Foundation
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Tables and indexes that say different things: what can be told is put right, and what cannot is reported.
struct IndexRepairTests {
    private let folder: TemporaryFolder
    private let path: String
    private let versionCount = 5

    /// Five versions, packed, an alias, a note, attachments.
    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("models.db")
        let registry = try Registry(path: path, packsInBackground: false)
        for step in 0..<versionCount {
            try registry.save(
                weights(step), as: "model-name",
                options: SaveOptions(
                    message: "message number \(step)", attachments: ["a.json": Array("\(step)".utf8)]))
        }
        try registry.pack()
        try registry.setAlias("best", to: "model-name:v3")
        try registry.addNote("a remark of mine", to: "model-name:v3")
        try registry.close()
    }

    private func weights(_ step: Int) -> StateDict {
        [
            "w": Tensor((0..<3000).map { Float($0 + step) / 7 }), "b": Tensor([Float(step)]),
            "same": Tensor([1, 2]),
        ]
    }

    private func damaged(_ name: String = "damaged.db") throws -> DamagedFile {
        try DamagedFile(copying: path, to: folder.file(name))
    }

    private func open(_ file: DamagedFile) throws -> Registry {
        try Registry(path: file.path, packsInBackground: false)
    }

    private func checkAllLoads(_ registry: Registry, _ comment: Comment = "") throws {
        for step in 0..<versionCount {
            let loaded: StateDict = try registry.load("model-name:v\(step + 1)", verifiesHashes: true)
            #expect(
                try differences(between: weights(step).checkpoint, and: loaded.checkpoint) == [], comment)
        }
    }

    @Test func nothingIsDoneToAWholeRegistry() throws {
        let registry = try open(damaged())
        let before = try registry.store.read { try Row.fetchAll($0, sql: "SELECT * FROM event") }
        let report = try registry.repair()
        #expect(report.isWhole && report.repairs.isEmpty && report.undecided.isEmpty)
        #expect(try registry.store.read { try Row.fetchAll($0, sql: "SELECT * FROM event") } == before)
    }

    /// The content id of the first chunk, in the table or in its index.
    private func chunkID() throws -> [UInt8] {
        try [UInt8](
            DatabaseQueue(path: path).read { db in
                try #require(try Data.fetchOne(db, sql: "SELECT content_id FROM chunk ORDER BY id LIMIT 1"))
            })
    }

    @Test(arguments: ["sqlite_autoindex_chunk_1", "chunk"])
    func aContentIDIsThatOfTheBytes(tree: String) throws {
        let file = try damaged()
        let id = try chunkID()
        try file.replace(id, by: id.prefix(31) + [id[31] ^ 4], in: tree)
        let registry = try open(file)
        #expect(try !registry.problems().isEmpty)
        let report = try registry.repair()
        #expect(report.isWhole && report.undecided.isEmpty, "\(report)")
        #expect(report.repairs.contains { $0.description.contains("sqlite_autoindex_chunk_1") })
        try checkAllLoads(registry)
        #expect(
            try registry.store.read { db in
                try Data.fetchOne(db, sql: "SELECT content_id FROM chunk NOT INDEXED ORDER BY id LIMIT 1")
            } == Data(id))
    }

    @Test(arguments: [
        ("path.text", "same", "path"), ("path.text", "same", "sqlite_autoindex_path_1"),
        // Three copies, of which two agree.
        ("model.name", "model-name", "model"), ("model.name", "model-name", "model_facts"),
        ("model.name", "model-name", "sqlite_autoindex_model_1"),
        ("event.model", "model-name", "event_by_model"),
    ])
    func whatIsToldByOthersIsMended(place: String, text: String, tree: String) throws {
        let parts = place.split(separator: ".")
        let (table, column) = (parts[0], parts[1])
        let file = try damaged()
        var bytes = Array(text.utf8)
        bytes[bytes.count - 1] ^= 1
        if table == "event" {
            // Each event names the model: the alias's is the last one, and rows are stored from the page's end.
            try file.flipFirst(Array(text.utf8), by: bytes, in: tree)
        } else {
            try file.replace(Array(text.utf8), by: bytes, in: tree)
        }
        let registry = try open(file)
        #expect(try !registry.problems().isEmpty)
        let report = try registry.repair()
        #expect(report.isWhole && !report.repairs.isEmpty, "\(report)")
        let texts = try registry.store.read { db in
            try String.fetchAll(
                db, sql: "SELECT \(column) FROM \(table) NOT INDEXED WHERE \(column) IS NOT NULL")
        }
        #expect(texts.contains(text) && !texts.contains(String(decoding: bytes, as: UTF8.self)))
        try checkAllLoads(registry)
    }

    /// Two copies of a message, and nothing that says which is right.
    @Test(arguments: [("version", "message number 3"), ("note", "a remark of mine")])
    func factsThatDifferAreReportedAndStay(table: String, text: String) throws {
        for tree in [table, "\(table)_facts"] {
            let file = try damaged()
            var bytes = Array(text.utf8)
            bytes[bytes.count - 1] ^= 2
            try file.replace(Array(text.utf8), by: bytes, in: tree)
            let contents = try Data(contentsOf: URL(fileURLWithPath: file.path))
            let registry = try open(file)
            let report = try registry.repair()
            #expect(!report.isWhole && report.repairs.isEmpty && report.undecided.count == 1, "\(report)")
            let said = try #require(report.undecided.first)
            #expect(said.contains(text) && said.contains(String(decoding: bytes, as: UTF8.self)), "\(said)")
            try registry.close()
            #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)) == contents)
        }
    }

    /// An escape in a row is not one on a terminal.
    @Test func aRowCommandsNoTerminal() throws {
        let file = try damaged()
        try file.replace(
            Array("message number 3".utf8), by: Array("\u{1B}[2Jage\nnumber 3".utf8), in: "version")
        let said = try #require(try open(file).repair().undecided.first)
        #expect(!said.contains("\u{1B}") && !said.contains("\n") && said.contains(#"\u{1b}[2J"#))
    }

    private static let trees = [
        "parameter_by_tensor", "tensor_chunk_by_chunk", "chunk_by_pack", "chunk_by_base", "parameter_by_path",
        "version_by_structure", "attachment_by_content", "version_to_pack", "version_facts", "event_facts",
        "sqlite_autoindex_version_1", "sqlite_autoindex_model_1", "sqlite_autoindex_path_1",
        "sqlite_autoindex_tensor_1", "sqlite_autoindex_chunk_1", "sqlite_autoindex_structure_1",
        // Tables.
        "chunk", "tensor", "tensor_chunk", "parameter", "version", "path", "structure", "model", "alias",
    ]

    /// What is left after a repair: all that was whole before, and no less; where it says so, everything.
    @Test(arguments: trees)
    func aWrongBitIsMendedOrReported(tree: String) throws {
        var mendedCount = 0
        for seed in 0..<6 {
            let file = try damaged("\(tree)-\(seed).db")
            try file.flipBit(in: tree, seed: seed)
            guard let registry = try? open(file) else { continue }
            let loadable = (1...versionCount).filter { number in
                (try? registry.load("model-name:v\(number)", as: StateDict.self)) != nil
            }
            let before = try? registry.verify().problems
            guard let report = try? registry.repair() else { continue }
            if before != [], report.isWhole {
                mendedCount += 1
                try checkAllLoads(registry, "\(tree), seed \(seed)")
                #expect(try registry.problems() == [])
            }
            if before == [] { #expect(report.isWhole, "\(tree), seed \(seed): \(report)") }
            for number in loadable {
                let loaded: StateDict = try registry.load("model-name:v\(number)", verifiesHashes: true)
                #expect(
                    try differences(between: weights(number - 1).checkpoint, and: loaded.checkpoint) == [],
                    "\(tree), seed \(seed), v\(number)")
            }
            guard report.isWhole else { continue }
            let problems = try registry.store.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
            #expect(problems == ["ok"], "\(tree), seed \(seed)")
        }
        // No promise about each seed, but what content ids vouch for is mended, as a rule.
        if tree.contains("_by_"), tree != "attachment_by_content" {
            #expect(mendedCount >= 4, "\(mendedCount)")
        }
    }

    @Test func aStrangeSchemaIsLeftAlone() throws {
        let file = try damaged()
        try DatabaseQueue(path: file.path).write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER harm AFTER UPDATE ON version BEGIN DELETE FROM parameter; END;
                    UPDATE sqlite_sequence SET seq = seq
                    """)
        }
        let registry = try open(file)
        try registry.tamper("UPDATE model SET next_number = 1")
        let report = try registry.repair()
        #expect(!report.isWhole && report.repairs.isEmpty)
        #expect(
            report.undecided == ["nothing was repaired: the schema is not that of this version of modelreg"])
    }
}

extension DamagedFile {
    /// Replaces bytes where they are found first.
    fileprivate func flipFirst(_ old: [UInt8], by new: [UInt8], in tree: String) throws {
        try change(tree) { page in
            let range = try #require(page.ranges(of: old).first)
            page.replaceSubrange(range, with: new)
        }
    }
}
