import ChunkStore
import GRDB

/// Facts about versions as rows.
enum AttributeTable {
    /// A fact. Its value is JSON.
    struct Attribute: Hashable, Sendable {
        let source: Source
        let key: String
        let json: String
    }

    /// Who recorded a fact.
    enum Source: String, Sendable {
        case user
        /// The metadata of the file that the version came from.
        case file
    }

    /// Inserts facts, in the order that they are to have among those of one source.
    static func insert(_ attributes: [Attribute], version: Int64, _ db: Database) throws {
        let insert = try db.cachedStatement(
            sql: "INSERT INTO attribute (version, source, ordinal, key, value) VALUES (?, ?, ?, ?, ?)")
        var counts: [Source: Int] = [:]
        for attribute in attributes {
            let ordinal = counts[attribute.source, default: 0]
            counts[attribute.source] = ordinal + 1
            try insert.execute(arguments: [
                version, attribute.source.rawValue, ordinal, attribute.key, attribute.json,
            ])
        }
    }

    /// The facts about a version, by source and in order.
    ///
    /// - Throws: ``RegistryError/Damage`` where one is not JSON.
    static func attributes(_ db: Database, version: Int64) throws -> [Attribute] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT source, key, value, json_valid(value) AS is_json FROM attribute
                    WHERE version = ? ORDER BY source, ordinal
                    """), arguments: [version]
        ).map { row in
            guard let source = Source(rawValue: try row.value("source")),
                try row.value("is_json", as: Int.self) == 1
            else { throw RegistryError.Damage(problem: "a fact is not JSON") }
            return Attribute(source: source, key: try row.value("key"), json: try row.value("value"))
        }
    }
}
