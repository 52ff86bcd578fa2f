package import ModelReg

/// What a save did, as JSON shows it.
package struct SaveJSON: Encodable {
    let version: VersionJSON
    let sameContentAs: String?
    let newByteCount: Int
    let storedByteCount: Int
    let keepsSourceFile: Bool
    let attachments: [String]
    let opaqueFiles: [String]
    let notes: [String]
    let leftOut: [String]
    let opaque: [String]
    let unhealthy: [String]

    /// - Parameters:
    ///   - source: What was saved, where it came from a file or folder.
    ///   - attached: The names of attachments that did not come with it.
    package init(_ result: SaveResult, _ source: ModelSource?, attached: [String] = []) {
        version = VersionJSON(result.version)
        sameContentAs = result.sameContentAs
        newByteCount = result.newByteCount
        storedByteCount = result.storedByteCount
        keepsSourceFile = result.keepsSourceFile ?? false
        attachments = (source.map { Array($0.attachments.keys) } ?? []) + attached
        opaqueFiles = source?.opaqueNames ?? []
        notes = source?.notes ?? []
        leftOut = source?.omitted ?? []
        opaque = source.map { Array($0.opaqueTypes.keys) } ?? []
        unhealthy = result.unhealthy.map(\.path)
    }
}
