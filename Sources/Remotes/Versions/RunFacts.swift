/// What is known of a run beside the values of its metrics: the config of its manifest, as JSON.
package struct RunFacts: Codable, Sendable {
    /// A setting of a run.
    package struct Setting: Codable, Sendable {
        package var key: String
        /// The value as JSON text: its very digits are kept.
        package var json: String

        package init(key: String, json: String) {
            self.key = key
            self.json = json
        }
    }

    package static let currentFormat = 1

    package var format = currentFormat
    package var origin: RunOrigin
    package var state: String
    package var endedAt: String?
    package var wallSeconds: Double
    package var boot: String?
    package var bootSeconds: Double?
    package var process: String?
    /// When it was last heard of: of two records, the later one counts.
    package var heardAt: String
    package var parent: RunOrigin?
    package var environment: VersionFacts.Environment?
    package var settings: [Setting]
    package var attachments: [VersionFacts.Attachment]
    package var notes: [VersionFacts.Note]

    package init(
        origin: RunOrigin, state: String, endedAt: String?, wallSeconds: Double, boot: String?,
        bootSeconds: Double?, process: String?, heardAt: String, parent: RunOrigin?,
        environment: VersionFacts.Environment?, settings: [Setting], attachments: [VersionFacts.Attachment],
        notes: [VersionFacts.Note]
    ) {
        self.origin = origin
        self.state = state
        self.endedAt = endedAt
        self.wallSeconds = wallSeconds
        self.boot = boot
        self.bootSeconds = bootSeconds
        self.process = process
        self.heardAt = heardAt
        self.parent = parent
        self.environment = environment
        self.settings = settings
        self.attachments = attachments
        self.notes = notes
    }

    enum CodingKeys: String, CodingKey {
        case format, origin, state, boot, process, parent, environment, settings, attachments, notes
        case endedAt = "ended_at"
        case wallSeconds = "wall_seconds"
        case bootSeconds = "boot_seconds"
        case heardAt = "heard_at"
    }
}
