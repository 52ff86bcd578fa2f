import Checkpoints

/// Which run: it is known everywhere by its model, name and beginning.
package struct RunOrigin: Codable, Hashable, Sendable {
    /// `nil` for a run of no model in particular.
    package var model: String?
    package var name: String
    /// UTC, `YYYY-MM-DD HH:MM:SS.SSS`.
    package var startedAt: String

    package init(model: String?, name: String, startedAt: String) {
        self.model = model
        self.name = name
        self.startedAt = startedAt
    }

    enum CodingKeys: String, CodingKey {
        case model, name
        case startedAt = "started_at"
    }

    /// The first 16 hexadecimal digits of SHA-256 of model, name and beginning, a line feed between them.
    package var identity: String {
        String(ContentID(hashing: Array("\(model ?? "")\n\(name)\n\(startedAt)".utf8)).hex.prefix(16))
    }

    /// The tag of the run's record.
    package var tag: String { RemoteTag.run(identity).text }
}
