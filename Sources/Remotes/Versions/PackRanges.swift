package import Checkpoints

/// Which parts of packs to ask for, so that wanted chunks come with few requests and few bytes that nobody wants.
package struct PackRanges: Sendable {
    /// One request.
    package struct Request: Sendable {
        package let pack: ContentID
        package let packByteCount: Int
        package let range: Range<Int>
        /// The wanted chunks within the range.
        package let chunks: [RemoteChunk]

        /// Bytes of these chunks once they are decoded.
        package var decodedByteCount: Int { chunks.reduce(0) { $0 + $1.byteCount } }
    }

    package let requests: [Request]

    /// Bytes between two chunks that are rather read than asked around.
    private static let maximumGapByteCount = 256 << 10
    /// Bytes of one request, which are held in memory.
    private static let maximumByteCount = 8 << 20
    /// Decoded bytes of one request: a difference of a hundred bytes may be one of a whole chunk.
    package static let maximumDecodedByteCount = 32 << 20

    /// - Parameter chunks: The wanted chunks; those that lie over one another are no more trouble than others.
    package init(_ chunks: some Sequence<RemoteChunk>) {
        var requests: [Request] = []
        for (pack, chunks) in Dictionary(grouping: chunks, by: \.pack).sorted(by: { $0.key.hex < $1.key.hex }) {
            var group: [RemoteChunk] = []
            var range = 0..<0
            var decodedByteCount = 0
            func close() {
                guard let first = group.first else { return }
                requests.append(
                    Request(pack: pack, packByteCount: first.packByteCount, range: range, chunks: group))
            }
            for chunk in chunks.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
                let joined = range.lowerBound..<max(range.upperBound, chunk.range.upperBound)
                if !group.isEmpty, chunk.range.lowerBound - range.upperBound <= PackRanges.maximumGapByteCount,
                    joined.count <= PackRanges.maximumByteCount,
                    decodedByteCount + chunk.byteCount <= PackRanges.maximumDecodedByteCount
                {
                    range = joined
                    group.append(chunk)
                    decodedByteCount += chunk.byteCount
                } else {
                    close()
                    group = [chunk]
                    range = chunk.range
                    decodedByteCount = chunk.byteCount
                }
            }
            close()
        }
        self.requests = requests
    }
}
