import Checkpoints
import ChunkStore
import Foundations
import GRDB
import OrderedCollections
import Remotes

extension VersionFacts {
    /// What the rows of a version say, but for its weights.
    ///
    /// - Parameter number: The number that the version has at the remote.
    /// - Throws: ``RegistryError/Damage``.
    init(_ version: Version, number: Int, _ db: Database) throws {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT parent, environment, run FROM version WHERE id = ?"),
            arguments: [version.rowID])
        guard let row else { throw RegistryError.deletedMeanwhile(version: version.reference) }
        var attributes = try AttributeTable.attributes(db, version: version.rowID).map {
            Attribute(source: $0.source.rawValue, key: $0.key, json: $0.json)
        }
        if number != version.number {
            attributes.removeAll { $0.source == "user" && $0.key == ImportedVersion.originalNumber }
            attributes.append(
                Attribute(source: "user", key: ImportedVersion.originalNumber, json: "\(version.number)"))
        }
        self.init(
            model: version.model, number: number, contentID: version.contentID.hex,
            createdAt: Timestamp.text(version.createdAt), message: version.message, kind: version.kind.rawValue,
            tensorCount: version.tensorCount, byteCount: version.byteCount,
            parent: try row.optional("parent").map { try Origin(try VersionTable.version(db, rowID: $0)) },
            lineage: try LineageTable.ancestors(db, version.rowID).map { ancestor in
                Ancestor(
                    origin: Origin(
                        reference: ancestor.reference, contentID: ancestor.contentID.hex, createdAt: nil),
                    kind: ancestor.kind.rawValue, isGiven: ancestor.isGiven, share: ancestor.share)
            },
            run: try row.optional("run").flatMap { try RunOrigin(row: $0, db) }, step: version.step,
            environment: try EnvironmentTable.environment(db, try row.optional("environment")).map {
                Environment($0)
            },
            metrics: try MetricTable.metrics(db, version: version.rowID).map {
                Metric(name: $0.name, value: $0.value)
            },
            attributes: attributes, attachments: [],
            notes: try NoteTable.notes(db, version: version.rowID).map { Note($0) })
    }
}

extension VersionFacts.Origin {
    fileprivate init(_ version: Version) throws {
        self.init(
            reference: version.reference, contentID: version.contentID.hex,
            createdAt: Timestamp.text(version.createdAt))
    }
}

extension VersionFacts.Environment {
    init(_ environment: RunEnvironment) {
        self.init(
            host: environment.host, user: environment.user, command: environment.command,
            gitCommit: environment.gitCommit, gitBranch: environment.gitBranch, isDirty: environment.isDirty,
            packages: environment.packages.map { [$0, $1] })
    }
}

extension RunEnvironment {
    /// An environment as a remote records it.
    init(_ environment: VersionFacts.Environment) {
        var packages: OrderedDictionary<String, String> = [:]
        for package in environment.packages where package.count == 2 { packages[package[0]] = package[1] }
        self.init(
            host: environment.host, user: environment.user, command: environment.command,
            gitCommit: environment.gitCommit, gitBranch: environment.gitBranch, isDirty: environment.isDirty,
            packages: packages)
    }
}

extension VersionTree.Health {
    init(_ health: TensorHealth) {
        self.init(
            nanCount: health.nanCount, infinityCount: health.infinityCount, zeroCount: health.zeroCount,
            minimum: health.minimum, maximum: health.maximum, l2Norm: health.l2Norm)
    }
}

extension TensorHealth {
    init(_ health: VersionTree.Health) {
        nanCount = health.nanCount
        infinityCount = health.infinityCount
        zeroCount = health.zeroCount
        minimum = health.minimum
        maximum = health.maximum
        l2Norm = health.l2Norm
    }
}
