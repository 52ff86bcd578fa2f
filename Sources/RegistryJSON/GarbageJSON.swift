package import ModelReg

/// What a garbage collection freed, as JSON shows it.
package struct GarbageJSON: Encodable {
    let versionCount: Int
    let tensorCount: Int
    let chunkCount: Int
    let rebasedChunkCount: Int
    let freedByteCount: Int
    let isDone: Bool

    package init(_ report: GarbageReport, isDone: Bool) {
        versionCount = report.versionCount
        tensorCount = report.tensorCount
        chunkCount = report.chunkCount
        rebasedChunkCount = report.rebasedChunkCount
        freedByteCount = report.freedByteCount
        self.isDone = isDone
    }
}
