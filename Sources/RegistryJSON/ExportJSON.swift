package import ModelReg

/// What was written to files, as JSON shows it.
package struct ExportJSON: Encodable {
    let version: VersionJSON
    let path: String
    let format: String?
    let isSourceFile: Bool
    let omitted: [String]
    let files: [String]
    let attachments: [String]
    let lostMetadata: [String]
    let lostTypes: [String]

    package init(_ result: ExportResult) {
        version = VersionJSON(result.version)
        path = result.path
        format = result.format?.rawValue
        isSourceFile = result.isSourceFile
        omitted = result.omitted
        files = result.files
        attachments = result.attachments
        lostMetadata = result.loss.metadata
        lostTypes = Array(result.loss.types.keys)
    }
}
