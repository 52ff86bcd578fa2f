package import ModelReg

/// What a request is answered with.
package struct PageAnswer: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// A file to make of a version.
        case export(PageExport)
    }

    /// Of HTTP.
    package var status: Int
    package var contentType: String
    /// The name to save it under; where there is one, a browser must not show it.
    package var fileName: String?
    package var body: Body

    package init(
        status: Int = 200, contentType: String = PageAnswer.html, fileName: String? = nil, body: Body
    ) {
        self.status = status
        self.contentType = contentType
        self.fileName = fileName
        self.body = body
    }

    package static let html = "text/html; charset=utf-8"
    package static let json = "application/json"
}

/// A file to make of a version: all of it, or part.
package struct PageExport: Hashable, Sendable {
    /// With its number, so that a moved alias changes nothing.
    package let reference: String
    package let contentID: ContentID
    /// `nil`: the file that was saved.
    package let format: String?
    package let patterns: [String]
    package let fileName: String
}

extension PageAnswer {
    /// Which content it is, as HTTP says it; `nil` for a file that is still to be made.
    package var entityTag: String? {
        guard case .bytes(let bytes) = body else { return nil }
        return "\"\(ContentID(hashing: bytes).hex.prefix(32))\""
    }
}

extension PageExport {
    /// Which content it is: the version's, in this format.
    package var entityTag: String {
        let facts = "\(contentID) \(format ?? "") \(patterns)"
        return "\"\(ContentID(hashing: Array(facts.utf8)).hex.prefix(32))\""
    }
}
