import Checkpoints
import ChunkStore
import Foundation
import Foundations
import GRDB
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport
import Testing

/// Registries in which something is not as it was written: loading says so and never gives wrong data.
struct DamageTests {
    private let registry: Registry
    private let checkpoint: Checkpoint

    init() throws {
        registry = try Registry.inMemory()
        let tied = Tensor([Float(5), 6, 7])
        checkpoint = dictionary([
            "a": .tensor(Tensor([Float(1), 2])), "b": .tensor(Tensor([Float(3), 4])), "t": .tensor(tied),
            "u": .tensor(try Tensor(storage: tied.storage, dtype: .float32, shape: [2], offset: 1)),
            "p": .tensor(
                try Tensor(
                    storage: Tensor([Int16](0..<6)).storage, dtype: .int16, shape: [3, 2], strides: [1, 3])),
            "lr": .number(0.1), "s": .string("x"),
        ])
        try registry.save(checkpoint, as: "m", message: "")
    }

    /// Rows by the path of their leaf, for the SQL below.
    private static let tensorOf = "(SELECT tensor FROM parameter JOIN path ON path.id = path WHERE text = '%')"
    private static func sql(_ text: String) -> String {
        var text = text
        for path in ["a", "b", "t", "u", "p", "lr"] {
            let tensor = tensorOf.replacingOccurrences(of: "%", with: path)
            text = text.replacingOccurrences(
                of: "{chunk \(path)}", with: "(SELECT chunk FROM tensor_chunk WHERE tensor = \(tensor))")
            text = text.replacingOccurrences(of: "{tensor \(path)}", with: tensor)
            text = text.replacingOccurrences(
                of: "{leaf \(path)}", with: "path = (SELECT id FROM path WHERE text = '\(path)')")
        }
        return text
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let sql: String
        /// What verify says, `<id>` for the first digits of a chunk's id.
        let problem: String
        var testDescription: String { sql }
        init(_ sql: String, _ problem: String) {
            self.sql = sql
            self.problem = problem
        }
    }

    static let cases = [
        // Chunks
        Case(
            "UPDATE chunk SET checksum = (checksum + 1) & 4294967295 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its checksum does not match"#),
        Case(
            "UPDATE chunk SET content_id = zeroblob(32) WHERE id = {chunk a}",
            #"m:v1, "a": its chunks do not match its content id"#),
        Case(
            "UPDATE chunk SET content_id = x'00' WHERE id = {chunk a}",
            #"m:v1, "a": column "content_id" is no content id"#),
        Case(
            "UPDATE chunk SET codec = 200 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: chunk has codec 200, a codec from the future: read it with a newer modelreg"#
        ),
        Case(
            "UPDATE chunk SET codec = 256 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET codec = -1 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET checksum = -1 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET pack_offset = -1 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET pack_offset = 9223372036854775807 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its pack ends before it"#),
        Case(
            "UPDATE chunk SET stored_byte_count = 1099511627776 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET stored_byte_count = -1 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET byte_count = 4 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: it has the wrong length"#),
        Case(
            "UPDATE chunk SET byte_count = 0 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET byte_count = 1048577 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its row holds impossible numbers"#),
        Case(
            "UPDATE chunk SET base = id, depth = 1 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: its deltas form a cycle or are too deep"#),
        Case(
            "UPDATE chunk SET base = iif(id = {chunk a}, {chunk b}, {chunk a}), depth = 1 WHERE id IN ({chunk a}, {chunk b})",
            #"m:v1, "a", chunk <id>…: its deltas form a cycle or are too deep"#),
        Case(
            "UPDATE chunk SET base = 4711, depth = 1 WHERE id = {chunk a}",
            #"m:v1, "a", chunk <id>…: the chunk that it is a delta from is missing"#),
        Case(
            "UPDATE chunk SET pack = 4711 WHERE id = {chunk a}", #"m:v1, "a", chunk <id>…: its pack is missing"#
        ),
        Case("DELETE FROM tensor_chunk WHERE tensor = {tensor a}", #"m:v1, "a": 0 chunks where 1 belong"#),
        Case("DELETE FROM chunk WHERE id = {chunk a}", #"m:v1, "a": a chunk's row is missing"#),
        Case(
            "UPDATE tensor_chunk SET chunk = {chunk b} WHERE tensor = {tensor a}",
            #"m:v1, "a": its chunks do not match its content id"#),
        Case(
            "INSERT INTO tensor_chunk VALUES ({tensor a}, 1, {chunk b})", #"m:v1, "a": 2 chunks where 1 belong"#
        ),
        // Tensors
        Case(
            "UPDATE tensor SET content_id = zeroblob(32) WHERE id = {tensor a}",
            "m:v1: it does not match its content id"),
        Case(
            "UPDATE tensor SET dtype = 'float33' WHERE id = {tensor a}",
            #"m:v1, "a": unknown element type "float33"; perhaps from a newer modelreg"#),
        Case(
            "UPDATE tensor SET dtype = 'int32' WHERE id = {tensor a}",
            #"m:v1, "a": its chunks do not match its content id"#),
        Case(
            "UPDATE tensor SET shape = '[1,2]' WHERE id = {tensor a}",
            #"m:v1, "a": its chunks do not match its content id"#),
        Case(
            "UPDATE tensor SET shape = '[3]' WHERE id = {tensor a}",
            #"m:v1, "a": float32 of shape [3] is not 8 bytes"#),
        Case(
            "UPDATE tensor SET shape = '[02]' WHERE id = {tensor a}",
            #"m:v1, "a": "[02]" is no list of integers"#),
        Case(
            "UPDATE tensor SET shape = '[-2]' WHERE id = {tensor a}",
            #"m:v1, "a": float32 of shape [-2] is not 8 bytes"#),
        Case(
            "UPDATE tensor SET shape = '[4611686018427387904,2]', byte_count = 0 WHERE id = {tensor a}",
            #"m:v1, "a": float32 of shape [4611686018427387904, 2] is not 0 bytes"#),
        Case(
            "UPDATE tensor SET shape = '[1125899906842624]', byte_count = 4503599627370496 WHERE id = {tensor a}",
            #"m:v1, "a": 1 chunks where 4294967296 belong"#),
        Case(
            "UPDATE tensor SET shape = '[1125899906842624]', byte_count = 4503599627370496 WHERE id = {tensor t}",
            #"m:v1, "t": 1 chunks where 4294967296 belong"#),
        Case(
            "UPDATE tensor SET byte_count = -8 WHERE id = {tensor a}",
            #"m:v1, "a": float32 of shape [2] is not -8 bytes"#),
        Case("DELETE FROM tensor WHERE id = {tensor a}", #"m:v1, "a": column "tensor_id" holds no Int64"#),
        // Leaves
        Case(
            "UPDATE parameter SET tensor = iif({leaf a}, {tensor b}, {tensor a}) WHERE {leaf a} OR {leaf b}",
            "m:v1: it does not match its content id"),
        Case(
            "UPDATE parameter SET view_offset = 4 WHERE {leaf p}",
            #"m:v1, "p": view [3, 2] by [1, 3] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_offset = -2 WHERE {leaf p}",
            #"m:v1, "p": view [3, 2] by [1, 3] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_offset = 9223372036854775806 WHERE {leaf p}",
            #"m:v1, "p": view [3, 2] by [1, 3] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_strides = '[1,4]' WHERE {leaf p}",
            #"m:v1, "p": view [3, 2] by [1, 4] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_strides = '[1]' WHERE {leaf p}",
            #"m:v1, "p": view [3, 2] by [1] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_strides = '[-1,3]' WHERE {leaf p}",
            #"m:v1, "p": view [3, 2] by [-1, 3] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_strides = '[1, 3]' WHERE {leaf p}",
            #"m:v1, "p": "[1, 3]" is no list of integers"#),
        Case(
            "UPDATE parameter SET view_strides = '[2,1]' WHERE {leaf p}",
            #"m:v1, "p": the view does not match its content id"#),
        Case(
            "UPDATE parameter SET view_shape = '[3,2305843009213693952]', view_strides = '[1,0]' WHERE {leaf p}",
            #"m:v1, "p": view [3, 2305843009213693952] by [1, 0] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_dtype = 'int64' WHERE {leaf p}",
            #"m:v1, "p": view [3, 2] by [1, 3] reaches beyond its tensor"#),
        Case(
            "UPDATE parameter SET view_dtype = NULL WHERE {leaf p}",
            #"m:v1, "p": column "view_dtype" holds no String"#),
        Case(
            "UPDATE parameter SET view_id = zeroblob(32) WHERE {leaf p}",
            "m:v1: it does not match its content id"),
        Case(
            "UPDATE parameter SET storage_offset = 9223372036854775807 WHERE {leaf t}",
            #"m:v1, "t": impossible offset 9223372036854775807 in a shared storage"#),
        Case(
            "UPDATE parameter SET storage_offset = 9223372036854775807 WHERE {leaf u}",
            #"m:v1, "u": impossible offset 9223372036854775807 in a shared storage"#),
        Case(
            "UPDATE parameter SET storage_offset = -1 WHERE {leaf t}",
            #"m:v1, "t": impossible offset -1 in a shared storage"#),
        Case(
            "UPDATE parameter SET storage_offset = 1099511627776 WHERE {leaf t}",
            "m:v1: it does not match its content id"),
        Case(
            "UPDATE parameter SET storage_offset = 1 WHERE {leaf t}", "m:v1: it does not match its content id"),
        Case(
            "UPDATE parameter SET storage = NULL, storage_offset = NULL WHERE {leaf t}",
            "m:v1: it does not match its content id"),
        Case(
            "UPDATE parameter SET storage = 7, storage_offset = 0 WHERE {leaf a}",
            "m:v1: it does not match its content id"),
        Case(
            "UPDATE parameter SET value = 'x' WHERE {leaf lr}", #"m:v1, "lr": a stored number has another type"#
        ),
        Case("UPDATE parameter SET value = 0.2 WHERE {leaf lr}", "m:v1: it does not match its content id"),
        Case(
            "UPDATE parameter SET value_kind = 'complex' WHERE {leaf lr}",
            #"m:v1, "lr": a stored complex has another type"#),
        Case(
            "UPDATE parameter SET value_kind = 'string', value = x'ff' WHERE {leaf lr}",
            #"m:v1, "lr": a stored text is not UTF-8"#),
        Case("UPDATE parameter SET ordinal = 99 WHERE {leaf a}", "m:v1: its leaves do not fit its structure"),
        Case("DELETE FROM parameter WHERE ordinal = 6", "m:v1: 6 leaves where its structure has 7"),
        // Versions
        Case("UPDATE version SET content_id = zeroblob(32)", "m:v1: it does not match its content id"),
        Case("UPDATE structure SET json = substr(json, 1, 20)", "m:v1: stored structure is damaged at byte 14"),
        Case("UPDATE structure SET json = '\"tensor\"'", "m:v1: its leaves do not fit its structure"),
        Case(
            "UPDATE structure SET json = replace(json, '\"a\"', '\"z\"')",
            "m:v1: it does not match its content id"),
        Case(
            "UPDATE structure SET json = replace(json, '\"a\"', '\"b\"')",
            #"m:v1: stored structure has the key "b" twice"#),
        Case("DELETE FROM structure", "m:v1: the structure is missing"),
    ]

    @Test(arguments: cases)
    func isFoundAndNeverLoaded(damage: Case) throws {
        let id = try registry.fetch(
            String.self, "SELECT lower(hex(content_id)) FROM chunk WHERE id = " + Self.sql("{chunk a}"))
        let expected = damage.problem.replacingOccurrences(of: "<id>", with: id.prefix(12))
        try registry.tamper(Self.sql(damage.sql))
        let problems = try registry.problems()
        #expect(problems.contains(expected), "\(problems)")
        let versionProblems = try registry.problems("m:v1")
        #expect(versionProblems.contains(expected), "\(versionProblems)")
        let error = #expect(throws: RegistryError.self) {
            try registry.load("m", as: Checkpoint.self, verifiesHashes: true)
        }
        guard case .damaged(let found) = error else { return }
        #expect(found.version == "m:v1")
        #expect("\(found)" == expected)
    }

    @Test func anUnknownKindOfVersionIsDamage() throws {
        try registry.tamper("UPDATE version SET kind = 'galaxy'")
        let expected =
            #"a version is of the unknown kind "galaxy": the registry is damaged; `modelreg verify` lists the affected versions"#
        #expect(message { try registry.version("m") } == expected)
        #expect(message { try registry.versions(of: "m") } == expected)
        #expect(message { try registry.load("m", as: Checkpoint.self) } == expected)
    }

    /// What a hostile row says must not look like a message of ours, nor command a terminal.
    @Test(arguments: [
        "UPDATE tensor SET shape = '[1' || char(10) || 'modelreg: all is well'",
        "UPDATE tensor SET dtype = char(27) || '[2J' || char(10)",
        "UPDATE version SET kind = 'a' || char(10) || 'b'",
        "UPDATE parameter SET view_shape = '[' || char(10) || ']' WHERE view_shape IS NOT NULL",
    ])
    func damageIsSaidInOneLine(sql: String) throws {
        try registry.tamper(sql)
        let text = try #require(message { try registry.load("m", as: Checkpoint.self) })
        #expect(!text.contains("\n") && !text.contains("\u{1B}") && text.contains("\\"))
    }

    /// Found by FuzzPatch: two tensors in one place of a shared storage, of which one was loaded with the other's bytes.
    @Test func tensorsDoNotLieOverEachOther() throws {
        try registry.save(
            dictionary(["a": .tensor(Tensor([1, 2, 3] as [Float])), "b": .tensor(Tensor([4, 5] as [Float]))]),
            as: "over", message: "")
        // As a hostile author would do it: the content id fits.
        let manifest = try registry.manifest(of: "over")
        let leaves = manifest.leaves.enumerated().map { ordinal, leaf in
            guard case .tensor(let tensor) = leaf.content else { return leaf }
            let tie = Manifest.Tie(storage: 0, byteOffset: 4 * ordinal, strides: [1])
            let tied = Manifest.TensorContent(id: tensor.id, dtype: tensor.dtype, shape: tensor.shape, tie: tie)
            return Manifest.Leaf(path: leaf.path, content: .tensor(tied))
        }
        let id = Manifest(structure: manifest.structure, leaves: leaves).contentID
        try registry.tamper(
            "UPDATE version SET content_id = ? WHERE id = (SELECT max(id) FROM version)", [id.data])
        try registry.tamper(
            """
            UPDATE parameter SET storage = 0, storage_offset = 4 * ordinal
            WHERE version = (SELECT max(id) FROM version)
            """)
        #expect(
            message { try registry.load("over", as: Checkpoint.self) }
                == #"over:v1, "b": it lies over another tensor of a shared storage: the registry is damaged; "#
                + "`modelreg verify` lists the affected versions")
        #expect(try registry.problems("over").count == 1)
        #expect(throws: Never.self) { try registry.load("over", as: Checkpoint.self, only: ["b"]) }
    }

    /// Fault A9: memory was made of what the rows of a hostile registry claim.
    @Test(arguments: ["[4611686018427387904,4]", "[9223372036854775807]", "[-1,-4]", "[1099511627776]"])
    func historyBelievesNoShape(shape: String) throws {
        let registry = try Registry.inMemory()
        for value in [1, 2] as [Float] { try registry.save(Tensor([value, 3, 4, 5]), as: "net", message: "") }
        try registry.tamper("UPDATE tensor SET shape = ?", [shape])
        #expect(throws: RegistryError.self) { try registry.history(of: "net", measuresDistances: true) }
        #expect(try !registry.problems().isEmpty)
    }

    @Test func everyProblemIsListed() throws {
        try registry.save(try noise(100), as: "other", message: "")
        try registry.tamper(
            Self.sql(
                "UPDATE chunk SET checksum = (checksum + 1) & 4294967295 WHERE id IN ({chunk a}, {chunk p})"))
        try registry.tamper("UPDATE version SET content_id = zeroblob(32) WHERE id = 2")
        let problems = try registry.verify().problems
        #expect(problems.map(\.version) == ["other:v1", "m:v1", "m:v1"])
        #expect(problems.map(\.path) == [nil, "a", "p"])
        #expect(try registry.verify("other").problems.count == 1)
    }

    @Test func aRowThatNamesAMissingRowIsFound() throws {
        try registry.tamper("INSERT INTO metric (version, name, value) VALUES (4711, 'loss', 1)")
        #expect(try registry.problems() == [#"a row of "metric" names a missing row of "version""#])
    }

    // MARK: Packs

    private func packs() throws -> [Data] {
        try registry.store.read { try Data.fetchAll($0, sql: "SELECT bytes FROM pack ORDER BY id") }
    }

    /// Loads a damaged version: what comes must be right, or damage.
    private func expectRightOrDamaged(_ original: Checkpoint, _ comment: Comment) throws {
        do {
            let loaded: Checkpoint = try registry.load("m")
            #expect(try differences(between: original, and: loaded) == [], comment)
            #expect(try registry.problems() == [], comment)
        } catch RegistryError.damaged(let damage) {
            #expect(damage.chunk != nil && damage.version != nil && damage.path != nil, comment)
        }
    }

    @Test func everyFlippedBitIsFound() throws {
        let pack = try #require(try packs().first)
        var found = 0
        for bit in 0..<pack.count * 8 {
            var damaged = pack
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            try registry.tamper("UPDATE pack SET bytes = ? WHERE id = 1", [damaged])
            try expectRightOrDamaged(checkpoint, "bit \(bit)")
            if try registry.verify().problems.isEmpty == false { found += 1 }
        }
        // Nothing in a pack is there for nothing.
        #expect(found == pack.count * 8)
    }

    @Test func flippedBitsInCompressedChunksAreFound() throws {
        var generator = SeededGenerator(seed: 3)
        let weights = (0..<40_000).map { _ in
            Float(generator.next() >> 40) / Float(1 << 24) * 0.1 - (generator.next() % 2 == 0 ? 0.05 : 0)
        }
        let sparse = (0..<40_000).map { _ in
            generator.next() % 50 == 0 ? Int32(truncatingIfNeeded: generator.next() % 100) : 0
        }
        let checkpoint = dictionary(["w": .tensor(Tensor(weights)), "i": .tensor(Tensor(sparse))])
        try registry.save(checkpoint, as: "m", message: "")
        let pack = try #require(try packs().last)
        for _ in 0..<150 {
            var damaged = pack
            let bit = generator.number(in: 0...pack.count * 8 - 1)
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            try registry.tamper("UPDATE pack SET bytes = ? WHERE id = 2", [damaged])
            try expectRightOrDamaged(checkpoint, "bit \(bit)")
        }
    }

    @Test func truncatedAndMissingPacksAreFound() throws {
        let pack = try #require(try packs().first)
        for count in 0..<pack.count {
            try registry.tamper("UPDATE pack SET bytes = ? WHERE id = 1", [pack.prefix(count)])
            let problems = try registry.problems()
            #expect(
                problems.contains { $0.hasSuffix("its pack ends before it") }, "\(count) bytes: \(problems)")
            try expectRightOrDamaged(checkpoint, "\(count) bytes")
        }
        for value in ["NULL", "'text'", "7"] {
            // A STRICT table takes no such value; a file that was tampered with may have it.
            try? registry.tamper("UPDATE pack SET bytes = \(value) WHERE id = 1")
        }
        try registry.tamper("DELETE FROM pack")
        #expect(try registry.problems().contains { $0.hasSuffix("its pack is missing") })
        #expect(throws: RegistryError.self) { try registry.load("m", as: Checkpoint.self) }
    }

    @Test func aSelectionLoadsBesideDamage() throws {
        try registry.tamper(Self.sql("UPDATE chunk SET pack = 4711 WHERE id = {chunk a}"))
        let part: Checkpoint = try registry.load("m", only: ["b", "t", "u", "p", "lr"], verifiesHashes: true)
        #expect(try part.disassembled().leaves.count == 5)
    }

    @Test func savingGoodDataBesideDamageWorks() throws {
        try registry.tamper(Self.sql("UPDATE chunk SET pack = 4711 WHERE id = {chunk a}"))
        try registry.save(Tensor([Float(9)]), as: "new", message: "")
        #expect(try registry.problems("new") == [])
    }

    @Test func manyHostileLeavesDoNotTrap() throws {
        // One byte, expanded to nearly all that an integer counts, many times.
        let expanded = try Tensor(
            storage: Tensor([UInt8(1)]).storage, dtype: .uint8, shape: [1 << 59], strides: [0])
        let checkpoint = Checkpoint.list((0..<40).map { _ in .tensor(expanded) })
        let version = try registry.save(checkpoint, as: "huge", message: "")
        #expect(version.version.byteCount == .max)
        #expect(try registry.problems() == [])
        let loaded: Checkpoint = try registry.load("huge")
        #expect(try loaded.disassembled().leaves.count == 40)
    }
}
