/// What is known of a version beside its weights: the config of its manifest, as JSON.
///
/// Times are as the registry's columns have them: UTC, `YYYY-MM-DD HH:MM:SS.SSS`.
package struct VersionFacts: Codable, Sendable {
    /// Another version, which need not be at the remote.
    package struct Origin: Codable, Sendable {
        package var reference: String
        package var contentID: String
        package var createdAt: String?

        package init(reference: String, contentID: String, createdAt: String?) {
            self.reference = reference
            self.contentID = contentID
            self.createdAt = createdAt
        }

        enum CodingKeys: String, CodingKey {
            case reference
            case contentID = "content_id"
            case createdAt = "created_at"
        }
    }

    /// A version that this one was made from.
    package struct Ancestor: Codable, Sendable {
        package var origin: Origin
        package var kind: String
        package var isGiven: Bool
        package var share: Double?

        package init(origin: Origin, kind: String, isGiven: Bool, share: Double?) {
            self.origin = origin
            self.kind = kind
            self.isGiven = isGiven
            self.share = share
        }

        enum CodingKeys: String, CodingKey {
            case origin, kind, share
            case isGiven = "is_given"
        }
    }

    /// The code and machine that saved it.
    package struct Environment: Codable, Sendable {
        package var host: String?
        package var user: String?
        package var command: [String]
        package var gitCommit: String?
        package var gitBranch: String?
        package var isDirty: Bool?
        /// Name and version, in order.
        package var packages: [[String]]

        package init(
            host: String?, user: String?, command: [String], gitCommit: String?, gitBranch: String?,
            isDirty: Bool?, packages: [[String]]
        ) {
            self.host = host
            self.user = user
            self.command = command
            self.gitCommit = gitCommit
            self.gitBranch = gitBranch
            self.isDirty = isDirty
            self.packages = packages
        }

        enum CodingKeys: String, CodingKey {
            case host, user, command, packages
            case gitCommit = "git_commit"
            case gitBranch = "git_branch"
            case isDirty = "is_dirty"
        }
    }

    /// A number that says how good the version is.
    package struct Metric: Codable, Sendable {
        package var name: String
        package var value: Double

        package init(name: String, value: Double) {
            self.name = name
            self.value = value
        }
    }

    /// A fact.
    package struct Attribute: Codable, Sendable {
        /// `user` or `file`.
        package var source: String
        package var key: String
        /// The value as JSON text: its very digits are kept.
        package var json: String

        package init(source: String, key: String, json: String) {
            self.source = source
            self.key = key
            self.json = json
        }
    }

    /// A small file, whose bytes are a layer.
    package struct Attachment: Codable, Sendable {
        package var name: String
        package var digest: String
        package var size: Int

        package init(name: String, digest: String, size: Int) {
            self.name = name
            self.digest = digest
            self.size = size
        }
    }

    /// What somebody wrote.
    package struct Note: Codable, Sendable {
        package var at: String
        package var actor: String
        package var text: String

        package init(at: String, actor: String, text: String) {
            self.at = at
            self.actor = actor
            self.text = text
        }
    }

    package static let currentFormat = 1

    package var format = currentFormat
    package var model: String
    package var number: Int
    package var contentID: String
    package var createdAt: String
    package var message: String
    package var kind: String
    package var tensorCount: Int
    package var byteCount: Int
    package var parent: Origin?
    package var lineage: [Ancestor]
    package var run: RunOrigin?
    package var step: Int?
    package var environment: Environment?
    package var metrics: [Metric]
    package var attributes: [Attribute]
    package var attachments: [Attachment]
    package var notes: [Note]

    package init(
        model: String, number: Int, contentID: String, createdAt: String, message: String, kind: String,
        tensorCount: Int, byteCount: Int, parent: Origin?, lineage: [Ancestor], run: RunOrigin?, step: Int?,
        environment: Environment?, metrics: [Metric], attributes: [Attribute], attachments: [Attachment],
        notes: [Note]
    ) {
        self.model = model
        self.number = number
        self.contentID = contentID
        self.createdAt = createdAt
        self.message = message
        self.kind = kind
        self.tensorCount = tensorCount
        self.byteCount = byteCount
        self.parent = parent
        self.lineage = lineage
        self.run = run
        self.step = step
        self.environment = environment
        self.metrics = metrics
        self.attributes = attributes
        self.attachments = attachments
        self.notes = notes
    }

    enum CodingKeys: String, CodingKey {
        case format, model, number, message, kind, parent, lineage, run, step, environment, metrics, attributes
        case attachments, notes
        case contentID = "content_id"
        case createdAt = "created_at"
        case tensorCount = "tensor_count"
        case byteCount = "byte_count"
    }
}
